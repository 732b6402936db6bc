//! Trying the mail server step by step, so that an operator learns which step fails and why.

use std::time::Duration;

use clavis_broker::ports::Finding;
use clavis_config::settings::{Smtp, SmtpProof, SmtpSecurity};

use super::connect::{Door, is_address};
use super::trouble::{Distrust, Trouble};
use crate::entra::Part;

/// Connects, signs in and hangs up; before that, gets the token where one is wanted.
pub(super) async fn check(door: &Door, timeout: Duration) -> Vec<Finding> {
    let mut findings = match door.tenant() {
        Some(tenant) => tenant.check(Part::Smtp, None).await,
        None => Vec::new(),
    };
    let tried = tokio::time::timeout(timeout, steps(door)).await;
    findings.extend(tried.unwrap_or_else(|_| vec![failure(&Trouble::Slow, door.server())]));
    findings
}

async fn steps(door: &Door) -> Vec<Finding> {
    let server = door.server();
    let place = format!("{}:{}", server.host, server.port);
    let mut connection = match door.enter().await {
        Ok(connection) => connection,
        Err(trouble) => return vec![failure(&trouble, server)],
    };
    let mut findings = vec![Finding::ok(format!(
        "The mail server {place} is reached over TLS, and its certificate is trusted"
    ))];
    let proof = server.sign_in.as_ref().map(|sign_in| &sign_in.proof);
    findings.push(match (door.sign_in(&mut connection).await, proof) {
        (Err(trouble), _) => failure(&trouble, server),
        (Ok(()), Some(SmtpProof::Password(_))) => {
            Finding::ok("The mail server accepts name and password")
        }
        (Ok(()), Some(SmtpProof::Token { .. })) => Finding::ok("The mail server accepts the token"),
        (Ok(()), None) => Finding::warning(
            "No name and password are set for the mail server",
            "This is fine where the server relays for this machine's address; else set \
             `username` and `password_file` in [mail].",
        ),
    });
    connection.abort().await;
    findings
}

fn failure(trouble: &Trouble, server: &Smtp) -> Finding {
    let (host, port) = (&server.host, server.port);
    let what = sentence(&format!("{trouble} ({host}:{port})"));
    let remedy = match trouble {
        Trouble::Slow if server.security == SmtpSecurity::StartTls => format!(
            "Check that `nc -vz {host} {port}` from this machine succeeds. If this port begins \
             with TLS (often 465), write `security = \"tls\"` in [mail]."
        ),
        Trouble::Unreachable(_) | Trouble::Slow => format!(
            "Check `host` and `port` in [mail], and that no firewall is in between: \
             `nc -vz {host} {port}` from this machine must succeed."
        ),
        Trouble::BadAuthorities(_) => {
            "Put the certificate of the authority into `ca_file`, in PEM form.".into()
        }
        Trouble::Untrusted(Distrust::Issuer) if server.ca_file.is_some() => {
            "`ca_file` in [mail] must hold the certificate of the authority that issued the \
             server's certificate."
                .into()
        }
        Trouble::Untrusted(Distrust::Issuer) => {
            "Set `ca_file` in [mail] to the certificate of the authority that issued the \
             server's certificate, in PEM form."
                .into()
        }
        Trouble::Untrusted(Distrust::Name) if is_address(host) => {
            "Write the server's name into `host` in [mail] in place of its IP address.".into()
        }
        Trouble::Untrusted(Distrust::Name) => {
            "Write the name that the certificate bears into `host` in [mail].".into()
        }
        Trouble::Untrusted(Distrust::Date) => {
            "Renew the server's certificate, and check this machine's clock.".into()
        }
        Trouble::Untrusted(Distrust::Other) => format!(
            "See what is wrong with the certificate: `openssl s_client -connect {host}:{port}`."
        ),
        Trouble::Tls(_) | Trouble::Nonsense => match server.security {
            SmtpSecurity::Tls => "If this port begins without TLS (often 587 or 25), write \
                                  `security = \"starttls\"` in [mail]."
                .into(),
            SmtpSecurity::StartTls => "If this port begins with TLS (often 465), write `security \
                                       = \"tls\"` in [mail]."
                .into(),
        },
        Trouble::NoStartTls => "Turn STARTTLS on at the mail server, or use its port for TLS \
                                (often 465) with `security = \"tls\"` in [mail]."
            .into(),
        Trouble::NoMechanism => "Let the mail server offer AUTH PLAIN or LOGIN over TLS for \
                                 `password_file` in [mail], or XOAUTH2 for `oauth`; or remove \
                                 these with `username`."
            .into(),
        Trouble::NoToken(_) => "Mend what is said about the application above.".into(),
        Trouble::TokenRefused(_) => {
            "Grant the application SMTP.SendAsApp of Exchange Online, register it there and give \
             it the mailbox in `username` (New-ServicePrincipal, Add-MailboxPermission), and let \
             that mailbox send with authenticated SMTP; the handbook has the steps."
                .into()
        }
        Trouble::SignIn(_) => "Check `username` in [mail] and the password in `password_file`, \
                               and that the account may send over SMTP."
            .into(),
        Trouble::SignInWanted(_) => "Set `username` and `password_file` in [mail].".into(),
        Trouble::Refused(_) => {
            "The mail server's own log says why it refuses connections from this machine.".into()
        }
    };
    Finding::failure(what, remedy)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
