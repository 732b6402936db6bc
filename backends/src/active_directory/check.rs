//! What the self checks of escrow and directory share: reaching each controller, the search base,
//! and memberships that are too much for a service account.

use clavis_broker::ports::{EscrowFault, Finding};
use rustls::CertificateError as Certificate;

use super::trouble::code;
use super::{Domain, Search, Trouble};

/// Relative identifiers of groups that may do nearly everything (`[MS-DTYP]`, section 2.4.2.4).
const MIGHTY: [(u32, &str); 5] = [
    (512, "Domain Admins"),
    (518, "Schema Admins"),
    (519, "Enterprise Admins"),
    (544, "Administrators"),
    (548, "Account Operators"),
];

const DELEGATE: &str = "Delegate the rights named in the handbook to the account.";

impl Domain {
    /// Signs in at each controller. Also says whether any of them can be used.
    pub(crate) async fn check(&self) -> (Vec<Finding>, bool) {
        let outcomes = match self.try_each().await {
            Ok(outcomes) => outcomes,
            Err(trouble) => {
                let finding = trouble_finding("The controllers cannot be found", &trouble);
                return (vec![finding], false);
            }
        };
        let usable = outcomes.iter().any(|(_, outcome)| outcome.is_ok());
        let findings = outcomes.iter().map(|(controller, outcome)| match outcome {
            Ok(()) => Finding::ok(format!("{controller} is trusted and lets the account in.")),
            Err(trouble) => {
                let what = format!("{controller} cannot be used");
                let finding = trouble_finding(&what, trouble);
                if usable {
                    // The others stand in for it.
                    Finding::warning(finding.what, finding.remedy.unwrap_or_default())
                } else {
                    finding
                }
            }
        });
        (findings.collect(), usable)
    }
}

/// A failure: what could not be done, and what to do about it.
pub(crate) fn trouble_finding(what: &str, trouble: &Trouble) -> Finding {
    let mut why = trouble.root().to_string();
    let mut source = std::error::Error::source(trouble.root());
    while let Some(error) = source {
        why = format!("{why}: {error}");
        source = error.source();
    }
    Finding::failure(format!("{what}: {why}."), remedy(trouble))
}

/// Whether the search base is there for the account.
pub(crate) async fn base_finding(domain: &Domain, base: &str) -> Finding {
    let outcome = domain.search(&Search::object(base, &["1.1"])).await;
    match outcome {
        Ok(entries) if !entries.is_empty() => {
            Finding::ok(format!("The search base {base} is there."))
        }
        Err(trouble) if !trouble.is_missing_base() => {
            trouble_finding(&format!("The search base {base} cannot be read"), &trouble)
        }
        _ => Finding::failure(
            format!("The search base {base} is not there, or the account may not see it."),
            "Correct the DN in `search_base`, or let the account list that container.",
        ),
    }
}

/// A warning where the account belongs to a group that may do nearly everything.
pub(crate) async fn wide_membership(domain: &Domain) -> Option<Finding> {
    let own = Search::object("", &["tokenGroups"]);
    let entries = domain.search(&own).await.ok()?;
    let groups: Vec<_> = entries
        .first()?
        .all_bytes("tokenGroups")
        .filter_map(mighty_group)
        .collect();
    if groups.is_empty() {
        return None;
    }
    let rights = groups.iter().map(|group| format!("being in {group}"));
    Some(Finding::excess(
        format!("The account is a member of {}.", groups.join(", ")),
        "Use an account of its own with only the rights that Clavis needs.",
        rights,
    ))
}

/// The name of a mighty group by its SID in binary (`[MS-DTYP]`, section 2.4.2.2): the last
/// number tells which one it is, of a domain (S-1-5-21-…) or built in (S-1-5-32-…).
fn mighty_group(sid: &[u8]) -> Option<&'static str> {
    let numbers = sid.get(8..)?;
    let first = u32::from_le_bytes(numbers.first_chunk().copied()?);
    let last = u32::from_le_bytes(numbers.last_chunk().copied()?);
    let of_a_directory = matches!((first, numbers.len()), (21, 20) | (32, 8));
    let known = MIGHTY.iter().find(|(number, _)| *number == last)?;
    of_a_directory.then_some(known.1)
}

fn remedy(trouble: &Trouble) -> &'static str {
    match trouble.root() {
        Trouble::TooLate => {
            "See whether the controller runs and whether a firewall drops the connection."
        }
        Trouble::Connect(_) | Trouble::Broken(_) => {
            "Check the controller's name and port, and whether a firewall lets Clavis through."
        }
        Trouble::Tls(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            Certificate::UnknownIssuer => {
                "Set `ca_file` to the certificate of the authority that issued the controller's."
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "Name the controller as its certificate does, by its full DNS name."
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "Renew the controller's certificate, and check the clocks on both sides."
            }
            _ => "Give the controller a sound certificate for server authentication.",
        },
        Trouble::Tls(_) => {
            "Give the controller a certificate and TLS 1.2 or newer, and check that the port is \
             the right one for the way the connection is protected."
        }
        Trouble::Refused { code, .. } => match *code {
            code::INVALID_CREDENTIALS => {
                "Check the bind name and the password file, and that the account is neither \
                 disabled nor locked nor expired."
            }
            code::INSUFFICIENT_ACCESS_RIGHTS => DELEGATE,
            code::REFERRAL => {
                "Name a base of the controllers' own domain; another domain is a backend of its own."
            }
            code::STRONGER_AUTH_REQUIRED | code::CONFIDENTIALITY_REQUIRED => {
                "Let the controller accept a simple bind on a connection that TLS protects."
            }
            _ => "Look into the controller's own log (Event Viewer, Directory Service).",
        },
        Trouble::Forbidden { .. } => DELEGATE,
        Trouble::Discovery(_) => {
            "Check the domain's name and the DNS server, or name the controllers one by one."
        }
        Trouble::Authorities(_) => {
            "See that `ca_file` is there, may be read by Clavis and holds certificates as PEM."
        }
        Trouble::Nonsense(_) | Trouble::At { .. } => {
            "See that the server is a domain controller of Active Directory."
        }
    }
}

impl Trouble {
    /// Whether going on with other controllers would only count as more wrong passwords.
    pub(super) fn is_refusal(&self) -> bool {
        self.fault() == EscrowFault::Denied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(numbers: &[u32]) -> Vec<u8> {
        let count = u8::try_from(numbers.len()).unwrap();
        let mut sid = vec![1, count, 0, 0, 0, 0, 0, 5];
        sid.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        sid
    }

    #[test]
    fn mighty_groups_are_known_by_their_last_number() {
        assert_eq!(
            mighty_group(&sid(&[21, 1, 2, 3, 512])),
            Some("Domain Admins")
        );
        assert_eq!(mighty_group(&sid(&[32, 544])), Some("Administrators"));
        assert_eq!(mighty_group(&sid(&[21, 1, 2, 3, 513])), None);
        // A service's SID ends with a number that means nothing.
        assert_eq!(mighty_group(&sid(&[80, 1, 2, 3, 512])), None);
        assert_eq!(mighty_group(&[]), None);
    }

    #[test]
    fn a_finding_tells_the_whole_chain_and_a_remedy() {
        let unknown = rustls::Error::InvalidCertificate(Certificate::UnknownIssuer);
        let finding = trouble_finding("dc1:636 cannot be used", &Trouble::Tls(unknown).at(&"dc1"));
        assert!(finding.what.contains("UnknownIssuer"), "{}", finding.what);
        assert!(finding.remedy.unwrap().contains("ca_file"));
    }
}
