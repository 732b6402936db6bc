//! `[approval]`, `[[approval.rule]]`, `[gates]` and `[alarms]`.

use clavis_broker::people::GroupName;
use clavis_broker::policy::{Named, Rule};
use clavis_broker::service::{Gates, KeyGate, ReviewGate};
use jiff::SignedDuration;

use super::{EXAMPLE, Settings, changed, parse, said, with_the_application};

/// The example with everything about approval that it shows in comments.
fn shown() -> String {
    let example = with_the_application();
    let from = example.find("\n[approval]\n").expect("the section");
    let to = from + example[from..].find("\n[gates]\n").expect("its end");
    let shown = example[from..to]
        .replace("\n#     # ", "\n")
        .replace("\n#     ", "\n");
    format!("{}{shown}{}", &example[..from], &example[to..])
}

fn with(line: &str, other: &str) -> String {
    let text = shown();
    assert!(text.contains(&format!("\n{line}\n")), "no line {line}");
    text.replacen(&format!("\n{line}\n"), &format!("\n{other}\n"), 1)
}

fn sound(text: &str) -> Settings {
    parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(line: &str, other: &str) -> Vec<String> {
    let problems = parse(&with(line, other)).expect_err("a problem");
    problems.iter().map(|it| it.what.clone()).collect()
}

fn group(name: &str) -> GroupName {
    GroupName(name.to_owned())
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn rules_come_in_their_order_and_what_they_do_not_say_holds_as_above() {
    let settings = sound(&shown());
    let [servers, otherwise] = settings.policy.rules() else {
        panic!("two rules");
    };
    assert_eq!(servers.name, "Servers");
    assert_eq!(servers.matches.units.len(), 1);
    assert_eq!(servers.matches.groups, [group("GG-Admins")]);
    assert_eq!(servers.matches.backends.len(), 1);
    assert_eq!(servers.ask, [[Named::Group(group("GG-Server-Owners"))]]);
    assert_eq!(servers.needed.get(), 2);
    assert_eq!(servers.escalation.last_resort, None, "never");
    assert_eq!(
        servers.escalation.alternates,
        otherwise.escalation.alternates
    );
    assert_eq!(otherwise.ask.len(), 2);
    assert_eq!(
        otherwise.escalation.last_resort,
        Some((hours(24), group("GG-Last-Resort")))
    );
}

#[test]
fn a_rule_with_other_people_or_another_time_has_the_rest_as_above() {
    let nobody = "# last_resort_after = \"never\"";
    let text = with("needed = 2", "alternates = [\"manager\"]").replace(nobody, "");
    let text = text.replace(
        "last_resort_after = \"never\"",
        "last_resort_after = \"30h\"",
    );
    let settings = sound(&text);
    let escalation = &settings.policy.rules()[0].escalation;
    assert_eq!(
        escalation.alternates,
        Some((hours(8), vec![Named::Manager]))
    );
    assert_eq!(
        escalation.last_resort,
        Some((hours(30), group("GG-Last-Resort")))
    );
}

#[test]
fn people_of_one_step_are_asked_together() {
    let text = with(
        "ask = [\"group:GG-Server-Owners\"]",
        "ask = [[\"manager\", \"owners_manager\"], \"nominated\"]",
    );
    let rules: Vec<Rule> = sound(&text).policy.rules().to_vec();
    assert_eq!(rules[0].ask[0], [Named::Manager, Named::OwnersManager]);
    assert_eq!(rules[0].ask[1].len(), 2);
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused() {
    for (line, other, problem) in [
        (
            "name = \"Servers\"",
            "name = \"everything else\"",
            "`name` is that of an earlier rule, or of [approval] itself",
        ),
        (
            "alternates_after = \"8h\"",
            "",
            "`alternates` is there without `alternates_after`",
        ),
        (
            "last_resort_after = \"24h\"",
            "last_resort_after = \"73h\"",
            "`last_resort_after` (73h) is not before a request lapses",
        ),
        (
            "ask = [\"group:GG-Server-Owners\"]",
            "ask = []",
            "`ask` names nobody",
        ),
        (
            "ask = [\"group:GG-Server-Owners\"]",
            "",
            "the rule does not say who is asked",
        ),
        (
            "ask = [\"group:GG-Server-Owners\"]",
            "ask = [\"manager\"]",
            "`needed` is 2, and no step of `ask` names so many",
        ),
        (
            "ask = [\"group:GG-Server-Owners\"]",
            "ask = [\"group GG-Server-Owners\"]",
            "`ask` has an entry that is neither a mail address nor a sign-in name",
        ),
        (
            "backends = [\"corp\"]",
            "backends = [\"cloud\"]",
            "`backends` has an entry that is no [[escrow]] section",
        ),
        (
            "units = [\"OU=Servers,DC=corp,DC=example,DC=com\"]",
            "units = [\"Servers\"]",
            "`units` is not a distinguished name",
        ),
        (
            "alternates = [\"security@example.com\"]",
            "alternates = []",
            "`alternates` names nobody",
        ),
        (
            "ask = [\"group:GG-Server-Owners\"]",
            "ask = [[], \"manager\"]",
            "`ask` has an empty list of those who are asked together",
        ),
        ("needed = 2", "needed = 0", "`needed` is out of range"),
        (
            "groups = [\"GG-Admins\"]",
            "group = [\"GG-Admins\"]",
            "unknown key `group`; did you mean `groups`?",
        ),
    ] {
        let said = problems(line, other);
        assert!(said.iter().any(|it| it == problem), "{said:#?}");
    }
}

#[test]
fn a_rule_without_a_condition_or_with_an_empty_one_is_refused() {
    let text = shown().replace("\ngroups = [\"GG-Admins\"]\n", "\ngroups = []\n");
    let found = parse(&text).expect_err("a problem");
    let what: Vec<_> = found.iter().map(|it| it.what.clone()).collect();
    assert_eq!(what, ["`groups` names nothing that the rule could be for"]);
    let mut text = shown();
    for line in [
        "units = [\"OU=Servers,DC=corp,DC=example,DC=com\"]",
        "groups = [\"GG-Admins\"]",
        "devices = [\"SRV-*\"]",
        "backends = [\"corp\"]",
    ] {
        text = text.replacen(&format!("\n{line}\n"), "\n", 1);
    }
    let found = parse(&text).expect_err("a problem");
    let what: Vec<_> = found.iter().map(|it| it.what.clone()).collect();
    assert_eq!(
        what,
        ["the rule fits every request, so that none below it ever holds"]
    );
}

#[test]
fn whoever_signs_in_at_a_provider_does_so_before_a_decision() {
    assert_eq!(sound(EXAMPLE).gates, Gates::default());
    let strict = changed(&[
        ("# review = \"link\"", "review = \"sign_in\""),
        ("# key = \"link\"", "key = \"code\""),
    ]);
    let expected = Gates {
        review: ReviewGate::SignIn,
        key: KeyGate::Code,
    };
    assert_eq!(sound(&strict).gates, expected);
    let (before, provider) = EXAMPLE
        .split_once("\n#     [[sign_in.provider]]\n")
        .expect("the section");
    let provider = provider.replace("\n#     ", "\n");
    let text = format!("{before}\n[[sign_in.provider]]\n{provider}");
    assert_eq!(sound(&text).gates.review, ReviewGate::SignIn);
    assert_eq!(
        said("# review = \"link\"", "review = \"password\""),
        ["`review` is neither \"link\" nor \"sign_in\""]
    );
    assert_eq!(
        said("# key = \"link\"", "key = \"password\""),
        ["`key` is none of \"link\", \"sign_in\" and \"code\""]
    );
}

#[test]
fn the_word_for_nobody_is_refused() {
    let said = problems(
        "nominated = [\"security@example.com\", \"mboss\"]",
        "nominated = []\nask = [\"manager\", \"nominated\"]",
    );
    assert!(
        said.iter()
            .any(|it| it == "`ask` says \"nominated\", and nobody is"),
        "{said:#?}"
    );
}

#[test]
fn groups_of_entra_id_are_named_by_their_ids() {
    let id = "7c1f0f3a-5a57-4e0e-8d1c-1f4f4b2f9a11";
    let with = |group: &str| {
        let text = with_the_application();
        let from = text.find("\n[directory]\n").expect("the section");
        let to = from + text[from..].find("\n\n\n").expect("its end");
        let directory = "\n[directory]\nkind = \"entra\"\nentra = \"cloud\"\n";
        let text = format!("{}{directory}{}", &text[..from], &text[to..]);
        let text = text.replacen(
            "\n# ask = [\"manager\", \"nominated\"]\n",
            &format!("\nask = [\"group:{group}\"]\n"),
            1,
        );
        let text = text.replacen(
            "\n# agents = []\n",
            &format!("\nagents = [\"{group}\"]\n"),
            1,
        );
        match parse(&text) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|it| it.what.clone()).collect(),
        }
    };
    assert_eq!(with(id), [""; 0]);
    let named: Vec<_> = ["ask", "agents"]
        .map(|key| format!("`{key}` names the group \"Desk\" of Entra ID by its name"))
        .into();
    assert_eq!(with("Desk"), named);
}

#[test]
fn a_claim_gives_a_role_where_one_provider_sends_it_and_never_that_of_the_glass() {
    assert_eq!(
        said("# agents = []", "agents = [\"claim:Clavis.Agent\"]"),
        ["`agents` names a claim, and 0 providers have a `roles_claim`"]
    );
    assert_eq!(
        said(
            "# break_glass = []",
            "break_glass = [\"claim:Clavis.Glass\"]"
        ),
        [
            "`break_glass` names a claim, which would hold as long as a session",
            "`break_glass` is set, and [alarms] names nobody who is told of it",
        ]
    );
}

#[test]
fn alarms_go_to_mail_addresses() {
    let some = changed(&[("# mail = []", "mail = [\"secops@example.com\"]")]);
    assert_eq!(sound(&some).alarms.mail.len(), 1);
    let usual = |line, other| sound(&changed(&[(line, other)])).alarms.usual;
    let never = usual("# devices_a_day = 3", "devices_a_day = \"never\"");
    assert_eq!((never.devices, never.redemptions), (None, Some(30)));
    assert_eq!(
        said("# devices_a_day = 3", "devices_a_day = 0"),
        ["`devices_a_day` is out of range"]
    );
    assert_eq!(
        said("# mail = []", "mail = [\"secops\"]"),
        ["`mail` is not a mail address"]
    );
}

#[test]
fn a_webhook_has_an_address_and_a_secret() {
    let with = |lines: &str| said("# mail = []", lines);
    // The path of a file is the secret in these tests.
    let not_one = "`webhook_secret_file` names a file that holds no secret for a webhook";
    assert_eq!(
        with("webhook = \"https://a.example.com/x?y=z\"\nwebhook_secret_file = \"x\""),
        [not_one]
    );
    assert_eq!(
        with("webhook = \"https://a.example.com\""),
        ["`webhook` is there without `webhook_secret_file`"]
    );
    assert_eq!(
        with("webhook_timeout = \"5s\""),
        ["`webhook_timeout` is there without `webhook`"]
    );
    assert_eq!(
        with("webhook = \"http://a.example.com/x\"\nwebhook_secret_file = \"x\""),
        [
            "`webhook` would carry names and addresses in plain HTTP",
            not_one
        ]
    );
    assert_eq!(
        with("webhook = \"https://a.example.com/a b\"\nwebhook_secret_file = \"x\""),
        [
            "`webhook` has characters in its path that an address cannot have",
            not_one
        ]
    );
}
