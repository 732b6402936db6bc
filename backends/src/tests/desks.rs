//! The service desk that the example shows in comments.

use clavis_broker::tickets::Ending;
use clavis_config::settings::{DeskKind, Halo, HaloAssetField};
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::{EXAMPLE, parse};

/// What the example shows in comments, with the first line that begins like this replaced.
fn with(line: &str, other: &str) -> String {
    let (before, rest) = EXAMPLE
        .split_once("\n#     [[desks]]\n")
        .expect("the section");
    let (shown, after) = rest.split_once("\n\n\n").expect("its end");
    let mut shown: Vec<_> = shown
        .lines()
        .map(|it| it.strip_prefix("#     ").unwrap_or(it))
        .collect();
    if !line.is_empty() {
        let found = shown.iter_mut().find(|it| it.starts_with(line));
        *found.unwrap_or_else(|| panic!("no line {line}")) = other;
    }
    let shown = shown.join("\n");
    format!("{before}\n[[desks]]\n{shown}\n\n\n{after}")
}

fn halo(text: &str) -> (bool, Halo) {
    let settings = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    let [desk] = &settings.desks[..] else {
        panic!("one desk");
    };
    assert_eq!(desk.name.0, "halo");
    let DeskKind::Halo(halo) = &desk.kind;
    (desk.approves, halo.clone())
}

fn problems(text: &str) -> Vec<String> {
    let Err(problems) = parse(text) else {
        return Vec::new();
    };
    problems.iter().map(|it| it.what.clone()).collect()
}

#[test]
fn the_desk_that_the_example_shows_in_comments_is_read() {
    let none = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(none.desks.is_empty());
    let (approves, halo) = halo(&with("", ""));
    assert!(!approves);
    assert_eq!(halo.url, "https://example.halopsa.com");
    assert_eq!((halo.ticket_type, halo.outcome, halo.calls), (30, 7, 240));
    assert_eq!(halo.timeout, SignedDuration::from_secs(10));
    assert_eq!(halo.statuses.of(Ending::Declined), Some(9));
    assert_eq!(halo.devices_by[0], HaloAssetField::IntuneId);
    let webhook = halo.webhook.expect("a webhook");
    assert_eq!(webhook.user, "clavis");
    let password = webhook.password.expose_secret();
    assert!(password.ends_with("halo.webhook.password"));
}

#[test]
fn what_a_desk_does_not_say_is_what_the_example_shows() {
    let shown = with("", "");
    let defaults = [
        "timeout =",
        "approval =",
        "outcome =",
        "devices_by =",
        "calls_in_5_minutes =",
    ];
    let (before, section) = shown.split_once("[[desks]]").expect("the section");
    let short = defaults.iter().fold(section.to_owned(), |text, line| {
        assert!(text.contains(&format!("\n{line}")), "no line {line}");
        text.replacen(&format!("\n{line}"), "\n# ", 1)
    });
    let short = halo(&format!("{before}[[desks]]{short}"));
    assert_eq!(format!("{short:?}"), format!("{:?}", halo(&shown)));
}

#[test]
fn no_secret_of_a_desk_is_in_the_debug_output() {
    let told = format!("{:?}", halo(&with("", "")));
    assert!(!told.contains("halo.secret") && !told.contains("webhook.password"));
}

#[test]
fn approvals_of_the_desk_count_only_where_that_is_said() {
    assert!(halo(&with("approval =", "approval = \"desk\"")).0);
}

#[test]
fn each_mistake_about_a_desk_is_one_problem() {
    for (line, wrong, told) in [
        ("name =", "name = \"The Halo\"", "`name` is not a name"),
        ("name =", "", "`name` is missing"),
        ("kind =", "kind = \"zendesk\"", "`kind` is none"),
        ("url =", "url = \"http://halo.example.com\"", "unprotected"),
        (
            "url =",
            "url = \"https://halo.example.com/api\"",
            "not the address of a server",
        ),
        ("client_id =", "", "`client_id` is missing"),
        (
            "client_secret_file =",
            "client_secret_file = \"missing\"",
            "not there",
        ),
        ("# tenant =", "tenant = \"a b\"", "not the name of a tenant"),
        ("timeout =", "timeout = \"1m\"", "too short or too long"),
        ("ticket_type =", "ticket_type = 0", "out of range"),
        ("ticket_type =", "", "`ticket_type` is missing"),
        (
            "approval =",
            "approval = \"both\"",
            "neither \"clavis\" nor \"desk\"",
        ),
        ("outcome =", "outcome = \"Note\"", "out of range"),
        (
            "statuses =",
            "statuses = { done = 9, lost = 9 }",
            "unknown key `lost`",
        ),
        (
            "devices_by =",
            "devices_by = [\"name\"]",
            "`devices_by` has something else",
        ),
        ("webhook_user =", "webhook_user = \"a:b\"", "has a colon"),
        ("webhook_user =", "", "without `webhook_user`"),
        (
            "webhook_password_file =",
            "",
            "without `webhook_password_file`",
        ),
        (
            "webhook_password_file =",
            "webhook_password_file = \"missing\"",
            "not there",
        ),
        (
            "calls_in_5_minutes =",
            "calls_in_5_minutes = 10",
            "out of range",
        ),
        (
            "calls_in_5_minutes =",
            "calls_per_minute = 10",
            "unknown key",
        ),
    ] {
        let said = problems(&with(line, wrong));
        let [problem] = &said[..] else {
            panic!("{wrong}: {said:?}");
        };
        assert!(problem.contains(told), "{wrong}: {problem}");
    }
    let twice = with("", "");
    let (before, section) = twice.split_once("[[desks]]").expect("the section");
    let (section, after) = section.split_once("\n\n\n").expect("its end");
    let twice = format!("{before}[[desks]]{section}\n\n[[desks]]{section}\n\n\n{after}");
    let said = problems(&twice);
    let [of_name, of_type] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(of_name.contains("`name` is that of an earlier [[desks]]"));
    assert!(of_type.contains("`ticket_type` is that of an earlier [[desks]]"));
}

#[test]
fn the_process_may_reach_the_desk_and_where_its_tokens_are_had() {
    let text = with(
        "url =",
        "url = \"https://halo.example.com:8443\"\nca_file = \"ca.pem\"",
    );
    let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let needs = settings.needs();
    for port in [443, 8443] {
        assert!(needs.connect.contains(&port), "{port}");
    }
    assert!(
        needs
            .read
            .contains(std::path::Path::new("/etc/clavis/ca.pem"))
    );
}
