//! The self check: whether people and what is needed of them can be read.

use clavis_broker::beginnings::Beginning;
use clavis_broker::ports::{Finding, Severity};

use super::ActiveDirectoryPeople;
use crate::active_directory::{
    PERSON, Scope, Search, Trouble, and, base_finding, present, trouble_finding, wide_membership,
};

/// Tries everything that the directory needs.
pub(super) async fn check(people: &ActiveDirectoryPeople) -> Vec<Finding> {
    let (mut findings, usable) = people.domain.check().await;
    if !usable {
        return findings;
    }
    let base = match people.base().await {
        Ok(base) => base,
        Err(trouble) => {
            findings.push(trouble_finding(
                "The domain's root cannot be read",
                &trouble,
            ));
            return findings;
        }
    };
    let base_found = base_finding(&people.domain, base).await;
    let there = base_found.severity == Severity::Ok;
    findings.push(base_found);
    if there {
        match reading(people, base).await {
            Ok(finding) => findings.push(finding),
            Err(trouble) => findings.push(trouble_finding("People cannot be read", &trouble)),
        }
        findings.extend(wide_membership(&people.domain).await);
    }
    findings
}

/// Whether there is anybody whose mail address and state can be read, and who is then found by that
/// address.
async fn reading(people: &ActiveDirectoryPeople, base: &str) -> Result<Finding, Trouble> {
    let needed = ["mail", "userAccountControl"].map(present).concat();
    let search = Search::new(base, Scope::Subtree, and(PERSON, &needed), &["mail"]);
    let found = people.domain.search(&search.at_most(1)).await?;
    let mail = found.first().and_then(|entry| entry.text("mail"));
    let finding = if found.is_empty() {
        Finding::failure(
            format!("Under {base} there is no account whose mail address and state can be read."),
            "Correct `search_base`, or let the account read `mail` and `userAccountControl`.",
        )
    } else if let Some(mail) = mail.and_then(Beginning::parse)
        && people.beginning(&mail, 1).await?.is_empty()
    {
        Finding::warning(
            "A search finds nobody by the mail address that their account has.",
            "Let the account read `mail` of everybody, and ask for the health of the domain's \
             indexes.",
        )
    } else {
        Finding::ok("People, their mail addresses and the state of their accounts can be read.")
    };
    Ok(finding)
}
