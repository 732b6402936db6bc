//! `[sign_in]`, `[sign_in.proxy]` and `[[sign_in.provider]]`.

use std::path::Path;

use clavis_config::settings::{PersonBy, ProxyPersonBy};
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
        "/run/credentials/clavis.service/sign-in.secret"
    );
    assert_eq!(provider.person_by, PersonBy::Login);
    // `openid` is always asked for.
    assert_eq!(provider.scopes, ["profile", "email"]);
    assert_eq!((&provider.roles_claim, &provider.ca_file), (&None, &None));
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
fn a_provider_may_name_a_claim_of_roles_and_authorities_of_its_own() {
    for claim in [
        "groups",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    ] {
        let lines = format!("{BY}\nroles_claim = \"{claim}\"\nca_file = \"sso.pem\"");
        let settings = parse(&changed(BY, &lines));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
        let provider = &settings.sign_in.providers[0];
        assert_eq!(provider.roles_claim.as_deref(), Some(claim));
        let ca_file = Path::new("/etc/clavis/sso.pem");
        assert_eq!(provider.ca_file.as_deref(), Some(ca_file));
    }
}

/// The example with the proxy that it shows in comments, and this line of it replaced.
fn with_proxy(line: &str, other: &str) -> String {
    let (before, rest) = EXAMPLE
        .split_once("\n#     [sign_in.proxy]\n")
        .expect("the section");
    let (shown, after) = rest.split_once("\n\n").expect("its end");
    let shown = format!("\n[sign_in.proxy]\n{shown}\n").replace("\n#     ", "\n");
    assert!(shown.contains(&format!("\n{line}\n")), "no line {line}");
    let shown = shown.replacen(&format!("\n{line}\n"), &format!("\n{other}\n"), 1);
    format!("{before}{shown}\n{after}")
}

#[test]
fn a_proxy_is_read() {
    let settings = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.sign_in.proxy.is_none() && settings.sign_in.code_by_mail);
    for (line, other, wanted) in [
        (BY, BY, ProxyPersonBy::Login),
        (BY, "person_by = \"mail\"", ProxyPersonBy::Mail),
        (
            "# name = \"your work account\"",
            "name = \"your work account\"",
            ProxyPersonBy::Login,
        ),
    ] {
        let settings = parse(&with_proxy(line, other));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
        let proxy = settings.sign_in.proxy.expect("a proxy");
        assert_eq!(proxy.header, "x-remote-user");
        assert_eq!(
            proxy.from,
            ["10.0.0.5".parse::<std::net::IpAddr>().unwrap()]
        );
        assert_eq!(proxy.name, "your work account");
        assert_eq!(proxy.person_by, wanted);
    }
}

#[test]
fn a_proxy_that_is_not_named_or_a_header_of_anybodys_is_refused() {
    let (header, from) = ("header = \"X-Remote-User\"", "from = [\"10.0.0.5\"]");
    for (line, other, what) in [
        (header, "", "`header` is missing in [sign_in.proxy]"),
        (
            header,
            "header = \"X_Remote_User\"",
            "`header` is not the name of a header",
        ),
        (
            header,
            "header = \"X-Forwarded-For\"",
            "`header` is a header that browsers and proxies use for something else",
        ),
        (from, "", "`from` is missing in [sign_in.proxy]"),
        (from, "from = []", "`from` names no proxy"),
        (from, "from = \"10.0.0.5\"", "`from` is not a list"),
        (
            from,
            "from = [\"proxy.example.com\"]",
            "`from` is not an IP address",
        ),
        (BY, "", "`person_by` is missing in [sign_in.proxy]"),
        (
            BY,
            "person_by = \"oid\"",
            "`person_by` is no way to find a person",
        ),
    ] {
        let problems = parse(&with_proxy(line, other)).expect_err(other);
        let said: Vec<_> = problems.iter().map(|it| it.what.clone()).collect();
        assert_eq!(said, [what], "{other}");
    }
}

#[test]
fn the_code_by_mail_is_switched_off_only_where_there_is_another_way() {
    let off = |text: &str| {
        assert!(text.contains("\n# code_by_mail = true\n"));
        text.replace("\n# code_by_mail = true\n", "\ncode_by_mail = false\n")
    };
    let problems = parse(&off(EXAMPLE)).expect_err("nobody could sign in");
    let said: Vec<_> = problems.iter().map(|it| it.what.clone()).collect();
    assert_eq!(
        said,
        ["`code_by_mail = false` leaves nobody a way to sign in"]
    );
    for text in [changed(BY, BY), with_proxy(BY, BY)] {
        let settings = parse(&off(&text)).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!settings.sign_in.code_by_mail);
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
            BY,
            "person_by = \"login\"\nroles_claim = \"name\"",
            "`roles_claim` is a claim that says who somebody is, and not what they may do",
        ),
        (
            BY,
            "person_by = \"login\"\nroles_claim = \"a b\"",
            "`roles_claim` is not the name of a claim",
        ),
        (
            issuer,
            "issuer = \"http://sso.example.com/adfs\"",
            "`issuer` would take people's sign-ins from the network unprotected",
        ),
        (
            "client_secret_file = \"credential:sign-in.secret\"",
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
