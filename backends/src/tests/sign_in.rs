//! `[[sign_in.provider]]`.

use clavis_config::settings::PersonBy;
use secrecy::ExposeSecret;

use super::{EXAMPLE, parse, with_the_application};

const BY: &str = "person_by = \"login\"";

/// The example with the provider that it shows in comments, and this line of it replaced.
fn changed(line: &str, other: &str) -> String {
    let example = with_the_application();
    let (before, shown) = example
        .split_once("\n#     [[sign_in.provider]]\n")
        .expect("the section");
    let shown = shown.replace("\n#     ", "\n");
    let text = format!("{before}\n[[sign_in.provider]]\n{shown}");
    assert!(text.contains(&format!("\n{line}\n")), "no line {line}");
    text.replacen(&format!("\n{line}\n"), &format!("\n{other}\n"), 1)
}

fn said(line: &str, other: &str) -> Vec<String> {
    let problems = parse(&changed(line, other)).expect_err("a problem");
    problems.iter().map(|it| it.what.clone()).collect()
}

#[test]
fn a_provider_is_read() {
    let settings = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.sign_in.providers.is_empty());
    let settings = parse(&changed(BY, BY)).unwrap_or_else(|problems| panic!("{problems}"));
    let [provider] = &settings.sign_in.providers[..] else {
        panic!("one provider");
    };
    assert_eq!(provider.name.as_str(), "Entra ID");
    assert_eq!(
        provider.client_secret.expose_secret(),
        "/etc/clavis/sign-in.secret"
    );
    assert_eq!(provider.person_by, PersonBy::Login);
    // `openid` is always asked for.
    assert_eq!(provider.scopes, ["profile", "email"]);
    // What is shown as what holds without it does hold.
    let short = format!("{settings:?}");
    for line in [
        "# scopes = [\"openid\", \"profile\", \"email\"]",
        "# timeout = \"10s\"",
    ] {
        // The other sections have a timeout like this, too.
        let text = changed(line, &line[2..]);
        let long = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(format!("{long:?}"), short);
    }
}

#[test]
fn people_are_found_by_mail_as_the_settings_say() {
    for (lines, is_verified) in [
        ("person_by = \"mail\"", false),
        ("person_by = \"mail\"\nmail_is_verified = true", true),
    ] {
        let settings = parse(&changed(BY, lines));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
        let provider = &settings.sign_in.providers[0];
        assert_eq!(provider.person_by, PersonBy::Mail { is_verified });
    }
}

#[test]
fn the_ids_of_entra_find_people_in_entra_alone() {
    let of_another_kind =
        "`person_by = \"oid\"` finds people in Entra ID alone, and [directory] is of another kind";
    assert_eq!(said(BY, "person_by = \"oid\""), [of_another_kind]);
    let text = changed(BY, "person_by = \"oid\"");
    let from = text.find("\n[directory]\n").expect("the section");
    let to = text.find("\n[mail]\n").expect("the section");
    let people = "[[escrow]]\nname = \"keys\"\nkind = \"entra\"\nentra = \"cloud\"\n\
                  [directory]\nkind = \"entra\"\nentra = \"cloud\"\n";
    let text = format!("{}\n{people}{}", &text[..from], &text[to..]);
    let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.sign_in.providers[0].person_by, PersonBy::Oid);
}

#[test]
fn each_mistake_is_one_problem() {
    let issuer =
        "issuer = \"https://login.microsoftonline.com/1f5a1c1e-3f0e-4f6b-9c39-0c3b1d1f2a4b/v2.0\"";
    let twin = "[[sign_in.provider]]\nname = \"entra-id\"\nissuer = \"https://sso.example.com\"\n\
                client_id = \"x\"\nclient_secret_file = \"a\"\nperson_by = \"login\"\n\
                [[sign_in.provider]]";
    for (line, other, what) in [
        (BY, "", "`person_by` is missing in [sign_in.provider]"),
        (
            BY,
            "person_by = \"sub\"",
            "`person_by` is no way to find a person",
        ),
        (
            BY,
            "person_by = \"login\"\nmail_is_verified = true",
            "`mail_is_verified` has no effect without `person_by = \"mail\"`",
        ),
        (
            "name = \"Entra ID\"",
            "name = \"–\"",
            "`name` cannot be the name of a provider",
        ),
        (
            issuer,
            "issuer = \"https://login.microsoftonline.com/common/v2.0\"",
            "`issuer` lets people of any tenant sign in, and each tenant's administrator writes what \
             is said of its people",
        ),
        (
            issuer,
            "issuer = \"http://sso.example.com/adfs\"",
            "`issuer` would take people's sign-ins from the network unprotected",
        ),
        (
            "client_secret_file = \"sign-in.secret\"",
            "client_secret_file = \"missing\"",
            "`client_secret_file` names a file that is not there",
        ),
        (
            "# scopes = [\"openid\", \"profile\", \"email\"]",
            "scopes = [\"openid profile\"]",
            "`scopes` has an entry that is no scope",
        ),
        (
            "[[sign_in.provider]]",
            twin,
            "another provider is called \"entra-id\" in addresses, too",
        ),
    ] {
        assert_eq!(said(line, other), [what], "{other}");
    }
}
