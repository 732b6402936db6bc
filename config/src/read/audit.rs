//! `[audit]`: who signs checkpoints of the log, where they go, and how long the log names people.

use std::sync::Arc;

use clavis_broker::proof::note::Signer;
use jiff::{SignedDuration, Span};
use secrecy::ExposeSecret;
use toml::de::DeValue;

use super::Origin;
use super::webhook::{Keys, webhook};
use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Audit;
use crate::values::{duration, mail, text};

/// How often a checkpoint is made where nothing else is said.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The keys of the webhook that gets checkpoints.
const WEBHOOK: Keys = Keys {
    url: "checkpoint_webhook",
    secret_file: "checkpoint_webhook_secret_file",
    previous_secret_file: "checkpoint_webhook_previous_secret_file",
    ca_file: "checkpoint_webhook_ca_file",
    timeout: "checkpoint_webhook_timeout",
    allow_private: "checkpoint_webhook_allow_private",
};

/// Reads `[audit]`, which may be missing: no checkpoints are made then.
pub(super) fn audit(section: Option<&Section<'_>>, origin: &Origin<'_>) -> Audit {
    let Some(section) = section else {
        return Audit {
            every: EVERY,
            ..Audit::default()
        };
    };
    let signer = section.optional("signing_key_file", |value| signer(value, origin));
    let range = SignedDuration::from_mins(1)..=SignedDuration::from_hours(24 * 7);
    let every = section.optional("checkpoint_every", duration(range));
    let folder = section.optional("checkpoint_folder", |value| origin.path(value));
    let mail = section.list("checkpoint_mail", mail);
    let webhook = webhook(section, &WEBHOOK, origin);
    let keep_for = section.optional("keep_for", for_ever_or_some_time);
    if !section.has("signing_key_file") {
        let goes = [
            ("checkpoint_folder", folder.is_some()),
            ("checkpoint_mail", !mail.is_empty()),
            ("checkpoint_webhook", webhook.is_some()),
        ];
        for (key, _) in goes.into_iter().filter(|(_, is_set)| *is_set) {
            section.problem(
                key,
                format!("`{key}` is set, and there is no key to sign checkpoints with"),
                "Make one with `clavis audit new-key`, and name its file in `signing_key_file`.",
            );
        }
    }
    Audit {
        signer: signer.map(Arc::new),
        every: every.unwrap_or(EVERY),
        folder,
        mail,
        webhook,
        keep_for: keep_for.flatten(),
    }
}

fn signer(value: &DeValue<'_>, origin: &Origin<'_>) -> Result<Signer, Wrong> {
    let secret = origin.secret(value)?;
    Signer::parse(secret.expose_secret()).map_err(|why| {
        Wrong::new(
            format!("names a file that holds no key for checkpoints: {why}"),
            "Name one that `clavis audit new-key` has made.",
        )
    })
}

/// Whole days at least: what is meant are months and years.
fn for_ever_or_some_time(value: &DeValue<'_>) -> Result<Option<SignedDuration>, Wrong> {
    let remedy = "Write \"forever\", or a time from 30 days to 100 years, such as \"90 days\", \
                  \"18 months\" or \"10 years\".";
    let text = text(value)?;
    if text == "forever" {
        return Ok(None);
    }
    let span: Option<Span> = text.parse().ok();
    let span = span.filter(|span| span.get_hours() == 0 && !span.is_negative());
    let days = span.map(|span| {
        let years = i64::from(span.get_years()) * 365 + i64::from(span.get_months()) * 30;
        years + i64::from(span.get_weeks()) * 7 + i64::from(span.get_days())
    });
    let days = days.ok_or_else(|| Wrong::new("is not a length of time", remedy))?;
    if (30..=36_500).contains(&days) {
        Ok(Some(SignedDuration::from_hours(days * 24)))
    } else {
        Err(Wrong::new("is too short or too long", remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_kept_for_ever_or_for_days() {
        let read = |text: &str| {
            let quoted = format!("\"{text}\"");
            let value = DeValue::parse(&quoted).unwrap().into_inner();
            for_ever_or_some_time(&value).map(|time| time.map(|time| time.as_hours() / 24))
        };
        for (text, days) in [
            ("forever", None),
            ("30 days", Some(30)),
            ("18 months", Some(540)),
            ("10 years", Some(3650)),
            ("1y 2w", Some(379)),
        ] {
            assert_eq!(read(text).unwrap(), days, "{text}");
        }
        for wrong in [
            "29 days",
            "720h",
            "1 day 5h",
            "-40 days",
            "101 years",
            "soon",
            "",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
