//! What the self checks of all parts share: whether a token can be had, and what it allows.

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Finding;
use uuid::Uuid;

use super::roles::{Claims, Need, Weight, claims, missing, too_wide};
use super::{Part, Scope, Tenant, Trouble};

impl Tenant {
    /// Signs in, and compares the permissions with what a part needs, and `also` another one by the
    /// same token. What is wider than all parts together need is told by the first of them alone.
    pub async fn check(&self, part: Part, also: Option<Part>) -> Vec<Finding> {
        let name = self.name();
        let token = match self.token_for(part.scope()).await {
            Ok(token) => token,
            Err(trouble) => {
                let what = format!("The application of [entra.{name}] cannot sign in");
                return vec![trouble_finding(&what, &trouble)];
            }
        };
        let Some(claims) = claims(&token) else {
            return vec![Finding::warning(
                format!(
                    "The application of [entra.{name}] signs in, but its token does not say what \
                     it may do."
                ),
                "Compare its permissions with the handbook by hand.",
            )];
        };
        let mut findings = vec![tenant_finding(name, self.tenant(), &claims)];
        let parts = [part].into_iter().chain(also);
        let lacking = parts.flat_map(|part| missing(part, &claims.roles));
        findings.extend(lacking.map(|need| lack(need, part.scope())));
        if findings.iter().all(|finding| finding.remedy.is_none()) {
            let scope = service(part.scope());
            let what = format!("The application has the permissions of {scope} that it needs.");
            findings.push(Finding::ok(what));
        }
        if self.uses().begins_with(part) {
            let wide = too_wide(self.uses(), part.scope(), &claims.roles);
            findings.extend((!wide.is_empty()).then(|| excess(&wide)));
        }
        findings
    }
}

/// A failure: what could not be done, and what to do about it.
pub fn trouble_finding(what: &str, trouble: &Trouble) -> Finding {
    Finding::failure(
        format!("{what}: {}.", with_causes(trouble)),
        remedy(trouble),
    )
}

fn tenant_finding(name: &str, wanted: Option<&str>, claims: &Claims) -> Finding {
    let tenant = super::wire::plain(&claims.tid);
    let wanted = wanted.filter(|wanted| Uuid::parse_str(wanted).is_ok());
    if let Some(wanted) = wanted
        && !tenant.is_empty()
        && !tenant.eq_ignore_ascii_case(wanted)
    {
        return Finding::failure(
            format!("The token is one of the tenant {tenant}, and not of {wanted}."),
            format!("Correct `tenant` or `login_url` in [entra.{name}]."),
        );
    }
    Finding::ok(format!(
        "The application of [entra.{name}] signs in to the tenant {tenant}."
    ))
}

fn lack(need: &Need, scope: Scope) -> Finding {
    let permission = need.least.join(" or ");
    let for_what = need.for_what;
    match need.weight {
        Weight::Needed => Finding::failure(
            format!("The application may not {for_what}: the permission {permission} is missing."),
            grant(&permission, scope),
        ),
        Weight::Elsewhere => Finding::warning(
            format!(
                "The permission {permission}, to {for_what}, is missing in the application's token."
            ),
            format!(
                "Leave it so where Exchange Online grants it for a single mailbox (RBAC for \
                 Applications). Else: {}",
                grant(&permission, scope)
            ),
        ),
        Weight::Optional => Finding::ok(format!(
            "The application does not {for_what}: it has no {permission}, which is only needed \
             for that."
        )),
    }
}

fn excess(wide: &[&str]) -> Finding {
    Finding::excess(
        format!(
            "The application may do more than Clavis needs: {}.",
            wide.join(", ")
        ),
        "Take these permissions away from it, or use an application of its own for Clavis.",
        wide.iter().copied(),
    )
}

fn grant(permission: &str, scope: Scope) -> String {
    format!(
        "Grant {permission} of {} to the application, as an application permission and with admin \
         consent. It holds with the next token, after an hour at the latest.",
        service(scope)
    )
}

fn service(scope: Scope) -> &'static str {
    match scope {
        Scope::Graph => "Microsoft Graph",
        Scope::Outlook => "Office 365 Exchange Online",
    }
}

fn remedy(trouble: &Trouble) -> String {
    let text = match trouble {
        Trouble::TooLate | Trouble::Connect { .. } | Trouble::Broken { .. } => {
            "Check that this machine reaches that address on port 443. Where a proxy leads there, \
             set HTTPS_PROXY for Clavis."
        }
        Trouble::Tls { .. } => {
            "See that this machine trusts the authority that issued the certificate; a proxy that \
             opens TLS has one of its own. Check the clock, too."
        }
        Trouble::Unusable(_) => "Mend the file or the setting that is named.",
        Trouble::Credentials(refusal) => return credentials(refusal.number).to_owned(),
        Trouble::Forbidden { needs, .. } => return grant(needs, Scope::Graph),
        Trouble::Throttled { .. } => "Wait, and try again.",
        Trouble::Refused(answer) if answer.status == 401 => {
            "Check `cloud` and `tenant`: the token is not one that this service takes."
        }
        Trouble::Refused(_) | Trouble::Nonsense(_) => {
            "Check `cloud`, and the addresses where they are set. If they are right, ask Microsoft, \
             with the request-id where there is one."
        }
    };
    text.to_owned()
}

/// What to do about a refused sign-in, by the number of Entra ID (`AADSTS…`).
fn credentials(number: Option<u64>) -> &'static str {
    match number {
        Some(7_000_215) => {
            "Write the secret's value into the file of `client_secret_file`; its ID is another thing."
        }
        Some(7_000_222) => "The secret has expired: make a new one, and write it into the file.",
        Some(700_016) => "Check `client_id`, and that the application is in this tenant.",
        Some(90_002) => "Check `tenant` and `cloud`: there is no such tenant.",
        Some(700_027) => {
            "Upload the certificate to the application, or name the one that is there; check that \
             it has not expired, and this machine's clock."
        }
        Some(700_024) => "Check this machine's clock: the sign-in is dated too early or too late.",
        Some(70_021 | 700_211 | 700_212 | 700_213) => {
            "Compare issuer, subject and audience of the federated credential with the token's."
        }
        Some(500_011 | 650_057) => "Check `cloud`: this tenant does not know that service.",
        _ => {
            "Check `tenant` and `client_id`, and that the credential is one of the application's \
             and has not expired. The sign-in log of Entra ID says more."
        }
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::ports::Severity;

    use super::*;
    use crate::entra::Refusal;

    #[test]
    fn a_token_of_another_tenant_is_a_failure() {
        let id = "11111111-2222-3333-4444-555555555555";
        let claims = |tid: &str| Claims {
            tid: tid.into(),
            ..Claims::default()
        };
        let severity = |wanted, tid: &str| tenant_finding("a", wanted, &claims(tid)).severity;
        assert_eq!(severity(Some(id), &id.to_uppercase()), Severity::Ok);
        assert_eq!(severity(Some(id), "other"), Severity::Failure);
        assert_eq!(severity(Some("example.com"), "other"), Severity::Ok);
        assert_eq!(severity(None, "other"), Severity::Ok);
    }

    #[test]
    fn a_finding_tells_the_code_and_a_remedy() {
        let expired = Trouble::Credentials(Refusal {
            code: "invalid_client".into(),
            number: Some(7_000_222),
        });
        let finding = trouble_finding("No", &expired);
        assert!(finding.what.contains("AADSTS7000222"), "{}", finding.what);
        assert!(finding.remedy.unwrap().contains("expired"));
    }
}
