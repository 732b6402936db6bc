//! `[[webhooks]]` and `[[notices]]`: programs and channels elsewhere that are told by HTTP.

use clavis_broker::news::EVENTS;
use clavis_broker::service::ALARMS;
use secrecy::{ExposeSecret, SecretString};
use toml::de::DeValue;

use super::Origin;
use super::feeds::name;
use super::webhook::{
    Keys, TIMEOUT, public_or_allowed, required_webhook, timeout, url as sound_url,
};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Channel, ChannelKind, Subscriber};
use crate::values::{text, truth};

const WEBHOOK: Keys = Keys {
    url: "url",
    secret_file: "secret_file",
    previous_secret_file: "previous_secret_file",
    ca_file: "ca_file",
    timeout: "timeout",
    allow_private: "allow_private",
};

/// Reads both lists; `None` for one of which a section is not sound. The log and the outbox tell all of
/// them by their names.
pub(super) fn programs(
    root: &Section<'_>,
    origin: &Origin<'_>,
) -> (Option<Vec<Subscriber>>, Option<Vec<Channel>>) {
    let mut names = vec![ALARMS.to_owned()];
    let webhooks = root.tables("webhooks");
    let webhooks: Vec<_> = (webhooks.iter())
        .map(|section| subscriber(section, origin, &mut names))
        .collect();
    let notices = root.tables("notices");
    let notices: Vec<_> = (notices.iter())
        .map(|section| channel(section, origin, &mut names))
        .collect();
    (
        webhooks.into_iter().collect(),
        notices.into_iter().collect(),
    )
}

fn own_name(section: &Section<'_>, names: &mut Vec<String>) -> Option<String> {
    let name = section.required("name", name)?;
    if names.contains(&name) {
        section.problem(
            "name",
            if name == ALARMS {
                "`name` is what the webhook of [alarms] goes by"
            } else {
                "`name` is that of an earlier [[webhooks]] or [[notices]] section"
            },
            "Give each of them a name of its own: the log and `clavis outbox` tell them by it.",
        );
    }
    names.push(name.clone());
    Some(name)
}

fn subscriber(
    section: &Section<'_>,
    origin: &Origin<'_>,
    names: &mut Vec<String>,
) -> Option<Subscriber> {
    let name = own_name(section, names);
    let webhook = required_webhook(section, &WEBHOOK, origin);
    let events = section.list("events", event);
    let events = if section.has("events") {
        if events.is_empty() {
            let remedy = "Name what it is to be told of, or take the line out: then it is all.";
            section.problem("events", "`events` names nothing", remedy);
        }
        events
    } else {
        EVENTS.map(str::to_owned).to_vec()
    };
    Some(Subscriber {
        name: name?,
        webhook: webhook?,
        events,
    })
}

fn event(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    if EVENTS.contains(&name.as_str()) {
        return Ok(name);
    }
    let remedy = format!("Write some of: {}.", EVENTS.join(", "));
    Err(Wrong::new("has something that nobody is told of", remedy))
}

fn channel(section: &Section<'_>, origin: &Origin<'_>, names: &mut Vec<String>) -> Option<Channel> {
    let name = own_name(section, names);
    let of = |kind| move |section: &Section<'_>| channel_of(section, kind, origin);
    let (teams, slack) = (of(ChannelKind::Teams), of(ChannelKind::Slack));
    let channel = section.by_kind(&[("teams", &teams), ("slack", &slack)]);
    Some(Channel {
        name: name?,
        ..channel?
    })
}

/// All of a channel but its name.
fn channel_of(section: &Section<'_>, kind: ChannelKind, origin: &Origin<'_>) -> Option<Channel> {
    let url = section.required("url_file", |value| url(value, origin));
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let timeout = section.optional("timeout", timeout());
    let allow_private = section.optional("allow_private", truth).unwrap_or(false);
    if let Some(url) = url.as_ref().filter(|_| !allow_private) {
        public_or_allowed(section, "url_file", url.expose_secret(), "allow_private");
    }
    Some(Channel {
        name: String::new(),
        kind,
        url: url?,
        ca_file,
        timeout: timeout.unwrap_or(TIMEOUT),
        allow_private,
    })
}

/// The address in a file. Nothing of it is told.
fn url(value: &DeValue<'_>, origin: &Origin<'_>) -> Result<SecretString, Wrong> {
    let secret = origin.secret(value)?;
    let text = DeValue::String(secret.expose_secret().into());
    sound_url(&text).map(SecretString::from).map_err(|_| {
        Wrong::new(
            "names a file that holds no address",
            "Put the address into it that the channel gave you, in one line: \"https://…\".",
        )
    })
}
