//! Which texts of a row name nobody, whoever has written the row: everything else is committed to.
//!
//! Places are named in full, so that a text in a new place is taken for personal until somebody has
//! looked at it and named it here.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::audit::MailName;
use crate::search::EVENTS;

/// Keys of an event whose texts the code or the configuration chooses.
const CHOSEN: [&str; 14] = [
    // Sorts and moments.
    "event",
    "step",
    "why",
    "until",
    "expires_at",
    "format",
    // What a page or a command is called in the code.
    "route",
    "command",
    // A backend, an identity provider, and where checkpoints are kept.
    "backend",
    "provider",
    "sink",
    // What ties rows to jobs and erasures.
    "job",
    "erasure",
    "digest",
];

/// Whether the text at this place of a row can name nobody.
#[expect(clippy::match_same_arms, reason = "each with the reason why")]
pub(super) fn is_harmless(path: &[&str], text: &str) -> bool {
    match path {
        // Moments, and the sorts of things, which the code chooses.
        ["at"] | ["actor", "kind"] => true,
        ["event", key] if CHOSEN.contains(key) => true,
        // Names that the configuration gives, of backends and of identity providers.
        ["event", "read_from" | "unanswered", _]
        | ["event", "by", "provider"]
        | ["device", "id", "backend"]
        | ["device", "also", _, "backend"] => true,
        // A backend or the directory, and what may be done there: permissions by their names.
        ["event", "place"] | ["event", "rights" | "added", _] => true,
        // Which alarm, and when the link of it was used.
        ["event", "alarm", "alarm" | "used_at"] => true,
        // Who elsewhere was told, by the name that the configuration gives, and of which step or alarm.
        ["event", "hook" | "message"] => true,
        // A ticket, by the number that the service desk gives it.
        ["event", "ticket", "desk" | "id"] => true,
        // What ties rows together.
        ["event", "alarm", "reference"] => true,
        ["request", "id" | "reference"] => true,
        // Which keys: without the key itself they open nothing, and without the device they lead
        // nowhere. They stay, so that what was shown can be told for ever.
        ["event", "keys", _] => true,
        // What a token is good for.
        ["event", "scopes", _] => true,
        // Which letter; the request and the days that an auditor has searched for.
        ["event", "mail", "letter"] | ["event", "filters", "request" | "from" | "to"] => true,
        // The same keys hold people elsewhere.
        ["event", "by"] => text == "mail",
        ["event", "mail"] => is_one::<MailName>(text),
        ["event", "filters", "event"] => EVENTS.contains(&text),
        ["event", "fault" | "alarm", "which"] => text == "nobody_known",
        _ => false,
    }
}

fn is_one<T: DeserializeOwned>(text: &str) -> bool {
    serde_json::from_value::<T>(Value::from(text)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_is_harmless_in_one_place_and_personal_in_another() {
        assert!(is_harmless(&["event", "mail"], "sign_in_code"));
        assert!(!is_harmless(&["event", "mail"], "anna@example.com"));
        assert!(is_harmless(&["event", "by"], "mail"));
        assert!(!is_harmless(&["event", "by"], "anna"));
        assert!(!is_harmless(&["event", "by", "name"], "mail"));
        assert!(!is_harmless(&["event", "by", "proxy"], "anna"));
        // By these a later look tells what is new, also when names of that time are erased.
        assert!(is_harmless(&["event", "rights", "0"], "Directory.Read.All"));
        assert!(is_harmless(&["event", "place"], "corp"));
        assert!(is_harmless(&["event", "filters", "event"], "mail.sent"));
        assert!(!is_harmless(&["event", "filters", "event"], "anna"));
    }

    #[test]
    fn what_nobody_has_named_is_personal() {
        for path in [
            &["event", "kind"][..],
            &["event"],
            &["whatever"],
            &[],
            &["source"],
        ] {
            assert!(!is_harmless(path, "x"), "{path:?}");
        }
    }
}
