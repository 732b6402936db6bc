//! The front door, as `clavis check` looks at it: the certificate, where there is one, and else the
//! proxy.

use std::path::Path;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Finding;
use clavis_config::settings::{CertificateFiles, Server};
use jiff::Timestamp;

use crate::tls::{Pair, SOON};

/// What there is to say of it. `config` is the file that says so.
pub(super) fn findings(server: &Server, config: &Path, now: Timestamp) -> Vec<Finding> {
    match &server.tls {
        Some(files) => {
            let mut findings = of_certificate(files, server.host(), now);
            findings.extend(of_folder(files, config));
            findings
        }
        None if server.public_url.starts_with("https://") && server.trusted_proxies.is_empty() => {
            vec![Finding::warning(
                "no proxy is trusted, so everybody seems to come from the proxy: all share one limit of sign-ins, and the audit log has no addresses",
                "Name the reverse proxy's address in `trusted_proxies` of [server].",
            )]
        }
        None => Vec::new(),
    }
}

/// The daemon goes on reading the folder of a key that may be renewed.
fn of_folder(files: &CertificateFiles, config: &Path) -> Option<Finding> {
    let is_shared = files.is_renewed && files.private_key.parent() == config.parent();
    is_shared.then(|| {
        Finding::warning(
            "the private key lies in the folder of the configuration, all of which the daemon can read while it runs",
            "Move the certificate and its key into a folder that has nothing else in it.",
        )
    })
}

fn of_certificate(files: &CertificateFiles, host: &str, now: Timestamp) -> Vec<Finding> {
    let pair = match Pair::read(files) {
        Ok(pair) => pair,
        Err(error) => return vec![Finding::failure(with_causes(&error), error.remedy())],
    };
    let mut findings = Vec::new();
    if !pair.is_for(host) {
        findings.push(Finding::failure(
            format!("the certificate is not for {host}, the host of `public_url`"),
            "Have one made that names this host among its subject alternative names.",
        ));
    }
    if pair.lacks_chain {
        findings.push(Finding::warning(
            "the file with the certificate holds no other, so that browsers may not find out which authority vouches for it",
            "Write the certificates of the authorities in between behind it, as the authority gives them.",
        ));
    }
    findings.push(validity(&pair, now));
    findings
}

fn validity(pair: &Pair, now: Timestamp) -> Finding {
    let (from, until) = (pair.from, pair.until);
    let renew = "Renew it, and write the new pair into the same files; a running daemon takes it in by itself.";
    if now < from {
        let what = format!("the certificate is not valid before {from}");
        return Finding::failure(what, "Use one that is valid already, or set the clock.");
    }
    if now >= until {
        return Finding::failure(format!("the certificate has ended at {until}"), renew);
    }
    if now + SOON >= until {
        return Finding::warning(format!("the certificate ends soon, at {until}"), renew);
    }
    Finding::ok(format!("the certificate is valid until {until}"))
}
