//! What is said about configurations that are not sound: all of it, once, with its line.

use super::{changed, parse, said};

#[test]
fn eight_mistakes_are_eight_problems_each_with_its_line() {
    let text = changed(&[
        ("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1\""),
        (
            "time_zone = \"Europe/Berlin\"",
            "time_zone = \"Europe/Atlantis\"",
        ),
        ("phone = \"+49 30 1234-0\"", "fone = \"+49 30 1234-0\""),
        (
            "password_file = \"credential:ad.password\"",
            "password_file = \"missing\"",
        ),
        (
            "host = \"mail.example.com\"",
            "host = \"mail.example.com:465\"",
        ),
        ("from = \"clavis@example.com\"", "from = \"clavis\""),
        ("# decide_within = \"72h\"", "decide_within = \"3 weeks\""),
    ]);
    let problems = parse(&text).expect_err("problems");
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| {
            let line = problem.line.expect("a line");
            let about = text.lines().nth(line - 1).expect("that line");
            (about, problem.what.as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "listen = \"127.0.0.1\"",
                "`listen` is not an IP address with a port"
            ),
            (
                "time_zone = \"Europe/Atlantis\"",
                "`time_zone` is not a time zone that this machine knows"
            ),
            ("[support]", "`phone` is missing in [support]"),
            (
                "fone = \"+49 30 1234-0\"",
                "unknown key `fone`; did you mean `phone`?"
            ),
            (
                "password_file = \"missing\"",
                "`password_file` names a file that is not there"
            ),
            ("from = \"clavis\"", "`from` is not a mail address"),
            (
                "host = \"mail.example.com:465\"",
                "`host` is not the name of a server"
            ),
            (
                "decide_within = \"3 weeks\"",
                "`decide_within` is not a length of time"
            ),
        ]
    );
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("listen"))
        .expect("it");
    let start = format!(
        "/etc/clavis/clavis.toml:{line}: `listen` is not an IP address with a port\n    Write both, "
    );
    assert!(problems.to_string().starts_with(&start), "{problems}");
}

#[test]
fn an_empty_file_names_every_section_that_is_missing() {
    let problems = parse("").expect_err("problems");
    let said: Vec<_> = problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(
        said,
        [
            "the section [server] is missing",
            "the section [organisation] is missing",
            "the section [support] is missing",
            "the section [store] is missing",
            "the section [[escrow]] is missing",
            "the section [directory] is missing",
            "the section [mail] is missing",
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn each_mistake_is_one_problem() {
    for (line, other, what) in [
        (
            "trusted_proxies = [\"127.0.0.1\"]",
            "trusted_proxies = [\"127.0.0.1\", \"localhost\"]",
            "`trusted_proxies` is not an IP address",
        ),
        (
            "trusted_proxies = [\"127.0.0.1\"]",
            "trusted_proxies = \"127.0.0.1\"",
            "`trusted_proxies` is not a list",
        ),
        (
            "public_url = \"https://keys.example.com\"",
            "public_url = \"https://keys.example.com/\"",
            "`public_url` is not the address of a server alone",
        ),
        (
            "public_url = \"https://keys.example.com\"",
            "public_url = \"http://keys.example.com\"",
            "`public_url` would send recovery keys through the network unprotected",
        ),
        (
            "path = \"/var/lib/clavis/clavis.db\"",
            "path = 7",
            "`path` is not a text",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = []",
            "`controllers` names no domain controller",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = [\"dc1\"]\ndiscover = \"corp.example.com\"",
            "`controllers` and `discover` are both there",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "controllers = [\"dc1\"]\ndns_server = \"10.0.0.53\"",
            "`dns_server` has no effect where `controllers` are named",
        ),
        (
            "controllers = [\"dc1.corp.example.com\", \"dc2.corp.example.com\"]",
            "",
            "no domain controller is named",
        ),
        (
            "password_file = \"credential:ad.password\"",
            "password_file = \"credential:ad.password\"\npassword = \"geheim\"",
            "unknown key `password` in [active_directory.corp]",
        ),
        (
            "# security = \"ldaps\"",
            "security = \"none\"",
            "`security` is neither \"ldaps\" nor \"starttls\"",
        ),
        (
            "# timeout = \"5s\"",
            "timeout = \"5m\"",
            "`timeout` is too short or too long",
        ),
        (
            "name = \"corp\"",
            "name = \"corp/1\"",
            "`name` is too long, or has a slash in it",
        ),
        ("name = \"corp\"", "name = \"\"", "`name` is empty"),
        (
            "search_base = \"OU=Computers,DC=corp,DC=example,DC=com\"",
            "search_base = \"Computers\"",
            "`search_base` is not a distinguished name",
        ),
        (
            "escrow = \"corp\"",
            "escrow = \"crop\"",
            "`escrow` names no [[escrow]] section over a domain or a tenant",
        ),
        (
            "username = \"clavis\"",
            "",
            "`password_file` is there without `username`",
        ),
        (
            "password_file = \"credential:smtp.password\"",
            "",
            "`username` is there without `password_file`",
        ),
        ("# port = 465", "port = 70000", "`port` is out of range"),
        (
            "nominated = [\"security@example.com\", \"mboss\"]",
            "nominated = [\"Martin Boss\"]",
            "`nominated` has an entry that is neither a mail address nor a sign-in name",
        ),
        (
            "# deliver_within = \"24h\"",
            "deliver_within = \"30m\"",
            "`deliver_within` is too short or too long",
        ),
        (
            "# valid_for = \"3h\"",
            "valid_for = \"25h\"",
            "`valid_for` is too short or too long",
        ),
        (
            "# idle = \"30m\"",
            "idle = \"9h\"",
            "`idle` is longer than `at_most`",
        ),
        (
            "# after = \"never\"",
            "after = \"24h\"",
            "no [[escrow]] section is of a kind that can have keys replaced",
        ),
        (
            "# after = \"never\"",
            "after = \"soon\"",
            "`after` is not a length of time",
        ),
        (
            "# serves = []",
            "serves = [\"LT 1\"]",
            "`serves` has an entry that is not the name of a device",
        ),
        (
            "[sign_in]",
            "[sing_in]",
            "unknown key `sing_in`; did you mean `sign_in`?",
        ),
    ] {
        assert_eq!(said(line, other), [what], "{other}");
    }
}

#[test]
fn nothing_listens_to_other_machines_without_a_named_proxy() {
    let open = ("listen = \"127.0.0.1:8080\"", "listen = \"0.0.0.0:8080\"");
    parse(&changed(&[open])).expect("a proxy is named");
    let alone = ("trusted_proxies = [\"127.0.0.1\"]", "trusted_proxies = []");
    let problems = parse(&changed(&[open, alone])).expect_err("a problem");
    assert_eq!(problems.iter().count(), 1);
    assert!(problems.to_string().contains("in plain HTTP"), "{problems}");
}

#[test]
fn a_problem_of_a_domain_is_told_once_and_not_again_by_those_who_use_it() {
    let problems = parse(&changed(&[(
        "bind_name = \"svc-clavis@corp.example.com\"",
        "",
    )]))
    .expect_err("a problem");
    assert_eq!(problems.iter().count(), 1, "{problems}");
}
