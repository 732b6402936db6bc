//! `[[webhooks_in]]`: programs elsewhere that send messages, and what these are good for.

use clavis_broker::programs::{ProgramName, Scope};
use toml::de::DeValue;

use super::Origin;
use super::webhook::secret;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Sender;
use crate::values::text;

/// Reads them; `None` where one is not sound. `taken` are the names of desks, which messages come to in
/// the same way.
pub(super) fn senders(
    root: &Section<'_>,
    origin: &Origin<'_>,
    mut taken: Vec<String>,
) -> Option<Vec<Sender>> {
    let mut senders = Vec::new();
    for section in &root.tables("webhooks_in") {
        let name = section.required("name", name);
        if let Some(name) = &name {
            if taken.iter().any(|taken| taken == name.as_str()) {
                section.problem(
                    "name",
                    "`name` is that of an earlier [[webhooks_in]] or [[desks]] section",
                    "Give each of them a name of its own: their messages come to an address that \
                     ends with it.",
                );
            }
            taken.push(name.to_string());
        }
        senders.push(sender(section, origin, name));
    }
    senders.into_iter().collect()
}

fn sender(section: &Section<'_>, origin: &Origin<'_>, name: Option<ProgramName>) -> Option<Sender> {
    let newest = section.required("secret_file", |value| secret(value, origin));
    let previous = section.optional("previous_secret_file", |value| secret(value, origin));
    let scopes = section.list("may", scope);
    let scopes = if section.has("may") {
        if scopes.is_empty() {
            let remedy = "Write what its messages may do, or take the line out: then it is all.";
            section.problem("may", "`may` names nothing", remedy);
        }
        scopes
    } else {
        vec![Scope::Create, Scope::Withdraw]
    };
    let secrets = newest.map(|newest| std::iter::once(newest).chain(previous).collect());
    Some(Sender {
        name: name?,
        secrets: secrets?,
        scopes,
    })
}

fn name(value: &DeValue<'_>) -> Result<ProgramName, Wrong> {
    ProgramName::parse(&text(value)?).map_err(|_| {
        Wrong::new(
            "is not a name of at most 64 letters from a to z, digits, dashes, dots and underscores",
            "Write a word such as \"servicedesk\": it stands in the address that the program calls.",
        )
    })
}

fn scope(value: &DeValue<'_>) -> Result<Scope, Wrong> {
    match value.as_str() {
        Some("create") => Ok(Scope::Create),
        Some("withdraw") => Ok(Scope::Withdraw),
        _ => Err(Wrong::new(
            "has something else than \"create\" and \"withdraw\"",
            "Write `may = [\"create\", \"withdraw\"]`, or one of them.",
        )),
    }
}
