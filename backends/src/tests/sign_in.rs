//! `[[sign_in.provider]]`.

use clavis_config::settings::PersonBy;
use secrecy::ExposeSecret;

use super::{KEYS_IN_ENTRA, changed, parse, said, with_people_in_entra};

const BY: &str = "person_by = \"login\"";

#[test]
fn a_provider_is_read() {
    let settings = parse(&changed(&[])).unwrap_or_else(|problems| panic!("{problems}"));
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
}

#[test]
fn people_are_found_by_mail_as_the_settings_say() {
    for (lines, is_verified) in [
        ("person_by = \"mail\"", false),
        ("person_by = \"mail\"\nmail_is_verified = true", true),
    ] {
        let settings = parse(&changed(&[(BY, lines)]));
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
    let text = with_people_in_entra("entra = \"cloud\"", KEYS_IN_ENTRA);
    let text = text.replace(BY, "person_by = \"oid\"");
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
