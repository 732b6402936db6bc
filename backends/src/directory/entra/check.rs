//! The self check: whether people and what is needed of them can be read.

use clavis_broker::beginnings::Beginning;
use clavis_broker::ports::{Finding, Severity};

use super::people::{self, Entry, accounts};
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

/// Whether there is anybody whose mail address and state can be read, and whether a search is
/// answered.
async fn reading(tenant: &Tenant) -> Result<Finding, Trouble> {
    // Of a tenant's accounts, one page is enough.
    let call = accounts()
        .query("$filter", "accountEnabled eq true")
        .query("$top", "999");
    let some: Vec<Entry> = tenant.first_page(&call).await?;
    let mail = some.iter().find_map(Entry::mail_if_state_is_told);
    let finding = if let Some(mail) = mail {
        if let Some(beginning) = Beginning::parse(mail.as_str()) {
            people::search(tenant, &beginning, 1).await?;
        }
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
