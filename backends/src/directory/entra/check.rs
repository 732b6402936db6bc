//! The self check: whether people and what is needed of them can be read.

use clavis_broker::ports::{Finding, Severity};
use serde::Deserialize;

use super::people::{Entry, accounts};
use crate::entra::{Part, Tenant, Trouble, trouble_finding};

/// Tries everything that the directory needs.
pub(super) async fn check(tenant: &Tenant) -> Vec<Finding> {
    let mut findings = tenant.check(Part::Directory, None).await;
    if findings.iter().any(|it| it.severity == Severity::Failure) {
        return findings;
    }
    findings.push(match reading(tenant).await {
        Ok(finding) => finding,
        Err(trouble) => trouble_finding("People cannot be read", &trouble),
    });
    findings
}

/// Whether there is anybody whose mail address and state can be read.
async fn reading(tenant: &Tenant) -> Result<Finding, Trouble> {
    #[derive(Deserialize)]
    struct Page {
        value: Vec<Entry>,
    }
    // Of a tenant's accounts, one page is enough.
    let call = accounts()
        .query("$filter", "accountEnabled eq true")
        .query("$top", "999");
    let page: Option<Page> = tenant.get(&call).await?;
    let some = page.into_iter().flat_map(|page| page.value);
    let finding = if some.into_iter().any(|it| it.tells_mail_and_state()) {
        Finding::ok("People, their mail addresses and the state of their accounts can be read.")
    } else {
        Finding::failure(
            "There is no account whose mail address and state can be read.",
            "Give people's accounts a mail address, or let the application read all of them: \
             User.Read.All of Microsoft Graph, as an application permission.",
        )
    };
    Ok(finding)
}
