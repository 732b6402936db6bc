//! Messages of Halo's webhooks: JSON with a ticket or several, of no documented form and without a
//! signature. Nothing of one is believed but that a ticket is worth a look. Pure.

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clavis_broker::tickets::TicketId;
use clavis_config::settings::HaloWebhook;
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::values::{id, id_of};

/// The most tickets that are taken of one message: what is beyond is found by looking.
const MOST: usize = 100;

/// Whether the header `authorization` has the credential of the settings (RFC 7617). How long that
/// takes tells nothing of it.
pub(super) fn is_from(webhook: &HaloWebhook, authorization: Option<&str>) -> bool {
    let given = authorization.and_then(|header| {
        let (scheme, credential) = header.trim().split_once(' ')?;
        let is_basic = scheme.eq_ignore_ascii_case("basic");
        let decoded = BASE64_STANDARD.decode(credential.trim()).ok()?;
        is_basic.then(|| Zeroizing::new(decoded))
    });
    let wanted = Zeroizing::new(format!(
        "{}:{}",
        webhook.user,
        webhook.password.expose_secret()
    ));
    let digest = |bytes: &[u8]| Sha256::digest(bytes);
    given.is_some_and(|given| {
        let (given, wanted) = (digest(&given), digest(wanted.as_bytes()));
        given.as_slice().ct_eq(wanted.as_slice()).into()
    })
}

/// The tickets of a message; `None` where it names none.
pub(super) fn tickets(body: &[u8]) -> Option<Vec<TicketId>> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let messages = match &message {
        Value::Array(messages) => &messages[..],
        one => std::slice::from_ref(one),
    };
    let mut seen = HashSet::new();
    let named = messages
        .iter()
        .filter_map(ticket)
        .filter_map(|id| TicketId::parse(&id).ok())
        .filter(|id| seen.insert(id.clone()))
        .take(MOST);
    let named: Vec<_> = named.collect();
    (!named.is_empty()).then_some(named)
}

/// The ticket of one message, from the surest place for it to the last.
fn ticket(message: &Value) -> Option<String> {
    let inner = message.get("ticket");
    let of_ticket = inner.and_then(|ticket| id(ticket, "id").or_else(|| id_of(ticket)));
    let named = || id(message, "ticket_id").or_else(|| id(message, "object_id"));
    let of_action = || id(message.get("action")?, "ticket_id");
    of_ticket
        .or_else(named)
        .or_else(of_action)
        .or_else(|| id(message, "id"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn webhook() -> HaloWebhook {
        HaloWebhook {
            user: "halo".to_owned(),
            password: "a password: long enough".into(),
        }
    }

    #[test]
    fn the_credential_is_the_one_of_the_settings() {
        let header = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let sound = header("halo:a password: long enough");
        assert!(is_from(&webhook(), Some(&sound)));
        assert!(is_from(&webhook(), Some(&sound.replace("Basic", "basic"))));
        for wrong in [
            header("halo:a password: long enougH"),
            header("halo:"),
            header("Halo:a password: long enough"),
            header("halo:a password: long enough "),
            sound.replace("Basic", "Bearer"),
            sound.replace("Basic ", ""),
            "Basic".to_owned(),
            "Basic !".to_owned(),
        ] {
            assert!(!is_from(&webhook(), Some(&wrong)), "{wrong}");
        }
        assert!(!is_from(&webhook(), None));
    }

    fn read(message: &Value) -> Option<Vec<String>> {
        let named = tickets(message.to_string().as_bytes())?;
        Some(named.iter().map(|id| id.as_str().to_owned()).collect())
    }

    #[test]
    fn a_message_is_an_object_or_a_batch() {
        let one = |id: &str| Some(vec![id.to_owned()]);
        assert_eq!(read(&json!({ "ticket": { "id": 12 } })), one("12"));
        assert_eq!(
            read(&json!({ "ticket": { "id": "12" }, "id": 7 })),
            one("12")
        );
        assert_eq!(
            read(&json!({ "action": { "id": 1, "ticket_id": 12 } })),
            one("12")
        );
        assert_eq!(read(&json!({ "ticket_id": 12 })), one("12"));
        assert_eq!(read(&json!({ "ticket": 12 })), one("12"));
        assert_eq!(read(&json!({ "id": 12, "summary": "x" })), one("12"));
        let batch = json!([{ "id": 2 }, { "ticket": { "id": 1 } }, { "id": 2 }, 7, {}]);
        assert_eq!(read(&batch), Some(vec!["2".into(), "1".into()]));
        for none in [json!([]), json!({}), json!(12), json!({ "ticket": {} })] {
            assert_eq!(read(&none), None, "{none}");
        }
        let many: Vec<_> = (1..=300).map(|id| json!({ "id": id })).collect();
        assert_eq!(read(&json!(many)).map(|ids| ids.len()), Some(MOST));
        assert_eq!(tickets(&b"[".repeat(100_000)), None, "however deep");
    }
}
