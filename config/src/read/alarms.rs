//! `[alarms]`: who is told of what is odd, and what is still usual.

use clavis_broker::alarms::Usual;
use toml::de::DeValue;

use super::Origin;
use super::webhook::{Keys, webhook};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Alarms;
use crate::values::{mail, number};

/// The webhook's keys.
const WEBHOOK: Keys = Keys {
    url: "webhook",
    secret_file: "webhook_secret_file",
    previous_secret_file: "webhook_previous_secret_file",
    ca_file: "webhook_ca_file",
    timeout: "webhook_timeout",
    allow_private: "webhook_allow_private",
};

/// Reads `[alarms]`, which may be missing.
pub(super) fn alarms(section: Option<&Section<'_>>, origin: &Origin<'_>) -> Alarms {
    let Some(section) = section else {
        return Alarms::default();
    };
    let usual = Usual::default();
    let or_usual = |key, usual: Option<usize>| section.optional(key, count).unwrap_or(usual);
    Alarms {
        mail: section.list("mail", mail),
        webhook: webhook(section, &WEBHOOK, origin),
        usual: Usual {
            redemptions: or_usual("redemptions_an_hour", usual.redemptions),
            devices: or_usual("devices_a_day", usual.devices),
            devices_for_others: or_usual("devices_a_day_for_others", usual.devices_for_others),
        },
    }
}

/// A number from 1 on, or "never": `None`.
fn count(value: &DeValue<'_>) -> Result<Option<usize>, Wrong> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    let count = number(1..=100_000)(value).map_err(|wrong| Wrong {
        remedy: format!("{} Or write \"never\".", wrong.remedy),
        ..wrong
    })?;
    Ok(usize::try_from(count).ok())
}
