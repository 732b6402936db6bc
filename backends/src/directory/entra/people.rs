//! Accounts as people, and looking them up.

use clavis_broker::beginnings::Beginning;
use clavis_broker::people::{MailAddress, Person, PersonId};
use serde::Deserialize;
use uuid::Uuid;

use super::unreadable;
use crate::entra::permission::PEOPLE;
use crate::entra::{Call, Tenant, Trouble, begins, equals, says};

/// What is asked of an account (`$select`): what comes unasked says nothing of its state.
pub(super) const FIELDS: &str = "id,displayName,givenName,surname,userPrincipalName,mail,\
                                 onPremisesSamAccountName,accountEnabled";

/// An account as Graph tells it (resource type `user`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    id: Uuid,
    display_name: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    user_principal_name: Option<String>,
    mail: Option<String>,
    on_premises_sam_account_name: Option<String>,
    account_enabled: Option<bool>,
}

impl Entry {
    /// What a person is written to at, where it can be read and so can whether they may take part.
    pub(super) fn mail_if_state_is_told(&self) -> Option<MailAddress> {
        mail(self).filter(|_| self.account_enabled.is_some())
    }

    fn begins_with(&self, beginning: &Beginning) -> bool {
        let names = [
            &self.display_name,
            &self.given_name,
            &self.surname,
            &self.mail,
            &self.user_principal_name,
        ];
        names.into_iter().flatten().any(|it| beginning.is_of(it))
    }
}

/// The person with this object ID.
pub(super) async fn by_id(tenant: &Tenant, id: &str) -> Result<Option<Person>, Trouble> {
    let call = accounts().segment(id);
    match tenant.get(&call).await? {
        Some(account) => person(&account),
        None => Ok(None),
    }
}

/// The people with this `mail`. Other addresses of a mailbox (`proxyAddresses`, `otherMails`) may
/// be somebody else's `mail`.
pub(super) async fn by_mail(tenant: &Tenant, mail: &MailAddress) -> Result<Vec<Person>, Trouble> {
    let call = accounts().query("$filter", &equals("mail", mail.as_str()));
    found(tenant, &call, |account| {
        says(account.mail.as_deref(), mail.as_str())
    })
    .await
}

/// The people who sign in with this user principal name, or for a name without `@`, who do so in
/// the Active Directory that they are synchronised from. Only the former are unique in a tenant.
pub(super) async fn by_login(tenant: &Tenant, name: &str) -> Result<Vec<Person>, Trouble> {
    if name.trim().is_empty() {
        return Ok(Vec::new());
    }
    if name.contains('@') {
        let call = accounts().query("$filter", &equals("userPrincipalName", name));
        let is_theirs = |account: &Entry| says(account.user_principal_name.as_deref(), name);
        return found(tenant, &call, is_theirs).await;
    }
    // https://learn.microsoft.com/graph/aad-advanced-queries, properties of users
    let call = accounts()
        .query("$filter", &equals("onPremisesSamAccountName", name))
        .query("$count", "true")
        .eventual();
    let is_theirs = |account: &Entry| says(account.on_premises_sam_account_name.as_deref(), name);
    found(tenant, &call, is_theirs).await
}

/// People whose name, first name, last name, address or user principal name begins so, by their
/// names. Account names of Active Directory are left out: a filter by these is an advanced query,
/// whose answers are some minutes behind.
pub(super) async fn search(
    tenant: &Tenant,
    beginning: &Beginning,
    most: usize,
) -> Result<Vec<Person>, Trouble> {
    let ways = [
        "displayName",
        "givenName",
        "surname",
        "mail",
        "userPrincipalName",
    ]
    .map(|property| begins(property, beginning.as_str()));
    let call = accounts()
        .query("$filter", &ways.join(" or "))
        .query("$top", &most.to_string());
    let found = tenant.first_page(&call).await?;
    let mut people = among(&found, |account| account.begins_with(beginning))?;
    people.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    people.truncate(most);
    Ok(people)
}

/// The manager, where that is a person: it may be a contact as well.
pub(super) async fn manager(tenant: &Tenant, of: &str) -> Result<Option<Person>, Trouble> {
    let call = accounts().segment(of).segment("manager");
    match tenant.get(&call).await? {
        Some(account) => person(&account),
        None => Ok(None),
    }
}

/// The people among the answers to a call for [`FIELDS`], if they are such as were asked for.
///
/// # Errors
/// Also where an account may not be read, whether or not it is such a one: nobody can tell.
pub(super) async fn found(
    tenant: &Tenant,
    call: &Call,
    is_wanted: impl Fn(&Entry) -> bool,
) -> Result<Vec<Person>, Trouble> {
    among(&tenant.list(call).await?, is_wanted)
}

fn among(found: &[Entry], is_wanted: impl Fn(&Entry) -> bool) -> Result<Vec<Person>, Trouble> {
    let mut people = Vec::new();
    for account in found {
        let person = person(account)?;
        people.extend(person.filter(|_| is_wanted(account)));
    }
    Ok(people)
}

/// A question about accounts.
pub(super) fn accounts() -> Call {
    Call::get("v1.0")
        .segment("users")
        .query("$select", FIELDS)
        .needs(PEOPLE)
}

/// An account as a person; `None` where it is a contact, or an account of software.
///
/// # Errors
/// Where the account may not be read.
fn person(account: &Entry) -> Result<Option<Person>, Trouble> {
    // Types other than the one that was asked for are told as such.
    if matches!(&account.kind, Some(kind) if kind != "#microsoft.graph.user") {
        return Ok(None);
    }
    let names = [&account.display_name, &account.user_principal_name];
    let name = names
        .into_iter()
        .flatten()
        .map(|name| name.trim())
        .find(|name| !name.is_empty())
        .ok_or_else(|| unreadable(PEOPLE))?;
    Ok(Some(Person {
        id: PersonId(account.id.as_hyphenated().to_string()),
        name: name.to_owned(),
        mail: mail(account),
        // What may not be read counts against the account.
        enabled: account.account_enabled == Some(true),
        // Users lie in no tree; administrative units only say who may change whom.
        unit: None,
    }))
}

/// An address that Clavis would not write to is none.
fn mail(account: &Entry) -> Option<MailAddress> {
    let mail = account.mail.as_deref()?;
    MailAddress::parse(mail).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1AB40AB2-32A8-4B00-B6B5-BA724E407DE9";

    fn of(rest: &str) -> Result<Option<Person>, Trouble> {
        let account = serde_json::from_str(&format!(r#"{{"id":"{ID}"{rest}}}"#)).unwrap();
        person(&account)
    }

    #[test]
    fn a_person_has_a_name_and_perhaps_a_usable_address() {
        let adele =
            of(r#","displayName":"Adele","mail":"adele@example.com","accountEnabled":true"#);
        let adele = adele.unwrap().unwrap();
        assert_eq!((adele.id.0, adele.enabled), (ID.to_lowercase(), true));
        assert_eq!(adele.mail.unwrap().as_str(), "adele@example.com");
        let spoilt = of(r#","displayName":" ","userPrincipalName":"a@x","mail":"a@b,c@d""#);
        let spoilt = spoilt.unwrap().unwrap();
        assert_eq!((spoilt.name.as_str(), spoilt.mail), ("a@x", None));
    }

    #[test]
    fn an_account_is_enabled_where_it_is_said_to_be() {
        for (said, enabled) in [
            (r#","accountEnabled":true"#, true),
            (r#","accountEnabled":false"#, false),
            (r#","accountEnabled":null"#, false),
            ("", false),
        ] {
            let person = of(&format!(r#","displayName":"A"{said}"#));
            assert_eq!(person.unwrap().unwrap().enabled, enabled, "{said}");
        }
    }

    #[test]
    fn contacts_and_software_are_nobody() {
        for (kind, is_person) in [("user", true), ("orgContact", false), ("agentUser", false)] {
            let kind = format!(r##","displayName":"A","@odata.type":"#microsoft.graph.{kind}""##);
            assert_eq!(of(&kind).unwrap().is_some(), is_person, "{kind}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_named() {
        let trouble = of(r##","@odata.type":"#microsoft.graph.user","displayName":null"##);
        let trouble = trouble.unwrap_err().to_string();
        assert!(trouble.contains("User.Read.All"), "{trouble}");
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    #[test]
    fn any_account_is_a_person_or_none_and_takes_part_only_if_it_says_so() {
        let sound = r##"{"@odata.type":"#microsoft.graph.user",
            "id":"d5bfb251-c671-4189-a6d1-9cb689adfe45","displayName":"Anna","givenName":"A",
            "userPrincipalName":"anna@example.com","mail":"anna@example.com",
            "accountEnabled":true}"##;
        let pieces = [
            "\"",
            "{",
            "}",
            ",",
            ":",
            "null",
            "false",
            "@",
            "\\r\\nBcc: a@b",
            "é",
            " ",
            "\\u0000",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = altered(sound, bytes, &pieces);
            let Ok(account) = serde_json::from_str::<Entry>(&text) else {
                return;
            };
            let Ok(Some(found)) = person(&account) else {
                return;
            };
            assert_eq!(found.id.0, account.id.as_hyphenated().to_string());
            assert!(!found.enabled || account.account_enabled == Some(true));
            let mail = found.mail.as_ref().map_or("", MailAddress::as_str);
            assert!(!mail.contains(['\r', '\n', ' ', '\0']));
        });
    }
}
