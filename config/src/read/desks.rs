//! `[[desks]]`: service desks whose tickets ask for keys.

use clavis_broker::tickets::DeskName;
use jiff::SignedDuration;
use toml::de::DeValue;

use super::Origin;
use super::address::address;
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::{Desk, DeskKind, Halo, HaloAssetField, HaloStatuses, HaloWebhook};
use crate::values::{duration, number, text};

/// The outcome of a private note, which every Halo brings along.
const PRIVATE_NOTE: u32 = 7;

/// The most calls in five minutes, where nothing else is set: Halo takes about 300.
const CALLS: u32 = 240;

/// Reads the desks; `None` where one is not sound.
pub(super) fn desks(root: &Section<'_>, origin: &Origin<'_>) -> Option<Vec<Desk>> {
    let mut names = Vec::new();
    let mut desks = Vec::new();
    let mut all_sound = true;
    for section in root.tables("desks") {
        let name = section.required("name", name);
        if let Some(name) = &name {
            if names.contains(name) {
                section.problem(
                    "name",
                    "`name` is that of an earlier [[desks]] section",
                    "Give each of them a name of its own: requests belong to it by its name.",
                );
            }
            names.push(name.clone());
        }
        let approves = section.optional("approval", approval);
        let kind = section.by_kind(&[("halo", &|section| {
            Some(DeskKind::Halo(halo(section, origin)?))
        })]);
        match (name, kind) {
            (Some(_), Some(DeskKind::Halo(halo)))
                if desks.iter().any(|desk| is_same(desk, &halo)) =>
            {
                section.problem(
                    "ticket_type",
                    "`ticket_type` is that of an earlier [[desks]] section with the same `url`",
                    "Of one ticket one request is made: let one section have them.",
                );
                all_sound = false;
            }
            (Some(name), Some(kind)) => desks.push(Desk {
                name,
                approves: approves.unwrap_or(false),
                kind,
            }),
            _ => all_sound = false,
        }
    }
    all_sound.then_some(desks)
}

fn is_same(desk: &Desk, halo: &Halo) -> bool {
    let DeskKind::Halo(other) = &desk.kind;
    other.url.eq_ignore_ascii_case(&halo.url) && other.ticket_type == halo.ticket_type
}

fn halo(section: &Section<'_>, origin: &Origin<'_>) -> Option<Halo> {
    let url = section.required("url", |value| {
        address(
            value,
            "https://example.halopsa.com",
            "would send tokens and tickets through the network unprotected",
        )
    });
    let client_id = section.required("client_id", text);
    let client_secret = section.required("client_secret_file", |value| origin.secret(value));
    let tenant = section.optional("tenant", tenant);
    let ca_file = section.optional("ca_file", |value| origin.path(value));
    let range = SignedDuration::from_secs(1)..=SignedDuration::from_secs(15);
    let timeout = section.optional("timeout", duration(range));
    let ticket_type = section.required("ticket_type", number(1..=999_999));
    let outcome = section.optional("outcome", number(1..=999_999));
    let statuses = section.optional_table("statuses");
    let statuses = statuses.map(|section| {
        let status = |key| section.optional(key, number(1..=999_999));
        HaloStatuses {
            done: status("done"),
            declined: status("declined"),
            ended: status("ended"),
        }
    });
    let mut devices_by = section.list("devices_by", asset_field);
    if devices_by.is_empty() {
        use HaloAssetField::{IntuneId, InventoryNumber, KeyField};
        devices_by = vec![IntuneId, InventoryNumber, KeyField];
    }
    let reason_field = section.optional("reason_field", text);
    let webhook = webhook(section, origin);
    let calls = section.optional("calls_in_5_minutes", number(60..=10_000));
    Some(Halo {
        url: url?,
        client_id: client_id?,
        client_secret: client_secret?,
        tenant,
        ca_file,
        timeout: timeout.unwrap_or(SignedDuration::from_secs(10)),
        ticket_type: ticket_type?,
        outcome: outcome.unwrap_or(PRIVATE_NOTE),
        statuses: statuses.unwrap_or_default(),
        devices_by,
        reason_field,
        webhook,
        calls: calls.unwrap_or(CALLS),
    })
}

/// The user name and the password, which go together.
fn webhook(section: &Section<'_>, origin: &Origin<'_>) -> Option<HaloWebhook> {
    let user = section.optional("webhook_user", user);
    let password = section.optional("webhook_password_file", |value| password(value, origin));
    for (key, other) in [
        ("webhook_user", "webhook_password_file"),
        ("webhook_password_file", "webhook_user"),
    ] {
        if section.has(key) && !section.has(other) {
            section.problem(
                key,
                format!("`{key}` is there without `{other}`"),
                format!("Add `{other}`: webhooks prove themselves by both."),
            );
        }
    }
    Some(HaloWebhook {
        user: user?,
        password: password?,
    })
}

/// A name that is fit for the log and for addresses.
fn name(value: &DeValue<'_>) -> Result<DeskName, Wrong> {
    let name = text(value)?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = name.len() <= 40 && name.chars().all(is_plain);
    sound.then_some(DeskName(name)).ok_or_else(|| {
        Wrong::new(
            "is not a name of at most 40 small letters from a to z, digits and dashes",
            "Write a word such as \"halo\": it stands in the address that the desk calls.",
        )
    })
}

/// Whether the desk's approvals count.
fn approval(value: &DeValue<'_>) -> Result<bool, Wrong> {
    match value.as_str() {
        Some("clavis") => Ok(false),
        Some("desk") => Ok(true),
        _ => Err(Wrong::new(
            "is neither \"clavis\" nor \"desk\"",
            "Write \"clavis\", so that Clavis asks approvers itself, or \"desk\" where they answer \
             in the ticket.",
        )),
    }
}

fn asset_field(value: &DeValue<'_>) -> Result<HaloAssetField, Wrong> {
    match value.as_str() {
        Some("intune_id") => Ok(HaloAssetField::IntuneId),
        Some("inventory_number") => Ok(HaloAssetField::InventoryNumber),
        Some("key_field") => Ok(HaloAssetField::KeyField),
        _ => Err(Wrong::new(
            "has something else than \"intune_id\", \"inventory_number\" and \"key_field\"",
            "Write those of them that tell a device for sure.",
        )),
    }
}

/// The name of a tenant, as it stands in addresses.
fn tenant(value: &DeValue<'_>) -> Result<String, Wrong> {
    let tenant = text(value)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    tenant
        .chars()
        .all(is_plain)
        .then_some(tenant)
        .ok_or_else(|| {
            Wrong::new(
                "is not the name of a tenant",
                "Write the tenant that Halo shows with the API application, or remove the line.",
            )
        })
}

/// HTTP Basic ends a user name with a colon (RFC 7617, section 2).
fn user(value: &DeValue<'_>) -> Result<String, Wrong> {
    let user = text(value)?;
    (!user.contains(':')).then_some(user).ok_or_else(|| {
        Wrong::new(
            "has a colon in it",
            "Choose another user name: HTTP Basic ends it with a colon.",
        )
    })
}

/// Whoever knows it can have tickets looked at, as often as they like.
fn password(value: &DeValue<'_>, origin: &Origin<'_>) -> Result<secrecy::SecretString, Wrong> {
    use secrecy::ExposeSecret;
    let password = origin.secret(value)?;
    (password.expose_secret().len() >= 16)
        .then_some(password)
        .ok_or_else(|| {
            Wrong::new(
                "names a file with a password of fewer than 16 characters",
                "Make one: `openssl rand -hex 24 > halo.webhook.password`, and give it to Halo.",
            )
        })
}
