//! `[entra.NAME]` and the mail settings that refer to it.

use std::path::Path;

use clavis_config::settings::{Entra, EntraCredential, EntraIdentity, MailKind, SmtpProof};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{changed, parse, said};

const SECRET: &str = "client_secret_file = \"credential:entra.secret\"";

/// The application of the example with its secret's line replaced.
fn entra(other: &str) -> Entra {
    let settings = parse(&changed(&[(SECRET, other)]));
    let mut settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
    settings.entra.remove(0)
}

#[test]
fn each_kind_of_credential_is_read() {
    let certificate = "certificate_file = \"a.pem\"\nprivate_key_file = \"a.key\"";
    let EntraIdentity::App {
        credential:
            EntraCredential::Certificate {
                certificate,
                private_key,
            },
        ..
    } = entra(certificate).identity
    else {
        panic!("a certificate");
    };
    assert_eq!(certificate, Path::new("/etc/clavis/a.pem"));
    assert_eq!(private_key.expose_secret(), "/etc/clavis/a.key");

    // The file need not be there yet.
    let federated = "federated_token_file = \"missing\"";
    assert!(matches!(
        entra(federated).identity,
        EntraIdentity::App { credential: EntraCredential::Federated { token_file }, .. }
            if token_file == Path::new("/etc/clavis/missing")
    ));
}

#[test]
fn a_managed_identity_needs_no_more() {
    let id = "6731de76-14a6-49ae-97bc-6eba6914391e";
    for (named, expected) in [
        ("system", None),
        (id, Some(Uuid::parse_str(id).expect("a GUID"))),
    ] {
        let managed = format!("managed_identity = \"{named}\"");
        let text = changed(&[
            (SECRET, &managed),
            ("tenant = \"example.onmicrosoft.com\"", ""),
            ("client_id = \"6731de76-14a6-49ae-97bc-6eba6914391e\"", ""),
        ]);
        let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(matches!(
            settings.entra[0].identity,
            EntraIdentity::Managed { client_id } if client_id == expected
        ));
    }
}

#[test]
fn each_mistake_is_one_problem() {
    for (line, other, what) in [
        (SECRET, "", "no credential is named"),
        (
            SECRET,
            "client_secret_file = \"missing\"",
            "`client_secret_file` names a file that is not there",
        ),
        (
            SECRET,
            "client_secret = \"geheim\"\nmanaged_identity = \"system\"",
            "unknown key `client_secret`; did you mean `client_secret_file`?",
        ),
        (
            SECRET,
            "client_secret_file = \"a\"\nfederated_token_file = \"b\"",
            "`client_secret_file` and `federated_token_file` are both there",
        ),
        (
            SECRET,
            "certificate_file = \"a.pem\"",
            "`certificate_file` is there without `private_key_file`",
        ),
        (
            SECRET,
            "certificate_file = \"a.pem\"\nprivate_key_file = \"missing\"",
            "`private_key_file` names a file that is not there",
        ),
        (
            SECRET,
            "private_key_file = \"a.key\"",
            "`private_key_file` is there without `certificate_file`",
        ),
        (
            SECRET,
            "client_secret_file = \"a\"\nprivate_key_file = \"a.key\"",
            "`private_key_file` has no effect beside `client_secret_file`",
        ),
        (
            SECRET,
            "managed_identity = \"mine\"",
            "`managed_identity` is neither \"system\" nor a client ID",
        ),
        (
            "tenant = \"example.onmicrosoft.com\"",
            "tenant = \"common\"",
            "`tenant` is neither the ID of a tenant nor one of its domains",
        ),
        (
            "tenant = \"example.onmicrosoft.com\"",
            "tenant = \"example.com/x\"",
            "`tenant` is neither the ID of a tenant nor one of its domains",
        ),
        (
            "tenant = \"example.onmicrosoft.com\"",
            "",
            "`tenant` is missing in [entra.cloud]",
        ),
        (
            "client_id = \"6731de76-14a6-49ae-97bc-6eba6914391e\"",
            "client_id = \"clavis\"",
            "`client_id` is not the ID of an application",
        ),
        (
            "client_id = \"6731de76-14a6-49ae-97bc-6eba6914391e\"",
            "",
            "`client_id` is missing in [entra.cloud]",
        ),
        (
            "# cloud = \"global\"",
            "cloud = \"germany\"",
            "`cloud` is none of Microsoft's clouds",
        ),
        (
            "# graph_url = \"https://graph.example.com\"",
            "graph_url = \"http://graph.example.com\"",
            "`graph_url` would send tokens and keys through the network unprotected",
        ),
        (
            "# login_url = \"https://login.example.com\"",
            "login_url = \"https://login.example.com/tenant\"",
            "`login_url` is not the address of a server alone",
        ),
        (
            "# identity_url = \"https://identity.example.com\"",
            "identity_url = \"https://identity.example.com\"",
            "`identity_url` has no effect with this kind of credential",
        ),
        (
            SECRET,
            "managed_identity = \"system\"\nlogin_url = \"https://login.example.com\"",
            "`login_url` has no effect with this kind of credential",
        ),
    ] {
        assert_eq!(said(line, other), [what], "{other}");
    }
}

#[test]
fn other_addresses_are_taken_over_tls_or_on_this_machine() {
    for sound in ["https://graph.example.com", "http://127.0.0.1:4010"] {
        let text = changed(&[(
            "# graph_url = \"https://graph.example.com\"",
            &format!("graph_url = \"{sound}\""),
        )]);
        let settings = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(settings.entra[0].graph_url.as_deref(), Some(sound));
    }
}

#[test]
fn mails_leave_through_graph_from_the_mailbox_or_the_sender() {
    let mail = |more: &str| {
        let text = changed(&[]);
        let (head, rest) = text.split_once("\n[mail]\n").expect("[mail]");
        let (_, tail) = rest.split_once("\n[approval]\n").expect("[approval]");
        let section = format!("[mail]\nkind = \"graph\"\nfrom = \"clavis@example.com\"\n{more}\n");
        parse(&format!("{head}\n{section}\n[approval]\n{tail}"))
    };
    for (more, mailbox) in [
        ("entra = \"cloud\"", "clavis@example.com"),
        (
            "entra = \"cloud\"\nmailbox = \"svc@example.com\"",
            "svc@example.com",
        ),
    ] {
        let settings = mail(more).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(matches!(
            settings.mail.kind,
            MailKind::Graph(graph) if graph.entra == "cloud" && graph.mailbox == mailbox
        ));
    }
    for (more, what) in [
        ("", "`entra` is missing in [mail]"),
        (
            "entra = \"clout\"",
            "`entra` names no section [entra.clout]",
        ),
        (
            "entra = \"cloud\"\nmailbox = \"Clavis\"",
            "`mailbox` is neither a user principal name nor the ID of a user",
        ),
        (
            "entra = \"cloud\"\nhost = \"mail.example.com\"",
            "unknown key `host` in [mail]",
        ),
    ] {
        let problems = mail(more).expect_err("a problem");
        let said: Vec<_> = problems.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(said, [what], "{more}");
    }
}

#[test]
fn a_mailbox_is_opened_by_a_token_in_place_of_a_password() {
    let password = "password_file = \"credential:smtp.password\"";
    let settings = parse(&changed(&[(password, "oauth = \"cloud\"")]));
    let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
    let MailKind::Smtp(smtp) = settings.mail.kind else {
        panic!("by SMTP");
    };
    let sign_in = smtp.sign_in.expect("a sign-in");
    assert_eq!(sign_in.username, "clavis");
    assert!(matches!(sign_in.proof, SmtpProof::Token { entra } if entra == "cloud"));

    for (line, other, what) in [
        (
            password,
            "password_file = \"credential:smtp.password\"\noauth = \"cloud\"",
            "`password_file` and `oauth` are both there",
        ),
        (
            password,
            "oauth = \"clout\"",
            "`oauth` names no section [entra.clout]",
        ),
        (
            "username = \"clavis\"\npassword_file = \"credential:smtp.password\"",
            "oauth = \"cloud\"",
            "`oauth` is there without `username`",
        ),
    ] {
        assert_eq!(said(line, other), [what], "{other}");
    }
}
