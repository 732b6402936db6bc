//! What Clavis writes to the program: one line of JSON.

use clavis_broker::keys::KeyId;
use serde::{Serialize, Serializer};

/// The version of the agreement, which stands in every request and every answer.
pub(super) const VERSION: u32 = 1;

/// What the program is asked.
#[derive(Debug, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub(super) enum Call<'c> {
    /// The devices that an asset names.
    Devices {
        /// As somebody typed it.
        asset: &'c str,
    },
    /// What is escrowed for a device.
    Records {
        /// The program's own ID of it.
        device: &'c str,
    },
    /// The keys of a device with these IDs.
    Keys {
        /// The program's own ID of it.
        device: &'c str,
        /// Which.
        #[serde(serialize_with = "as_shown")]
        ids: &'c [KeyId],
    },
    /// Whether all is well.
    Check,
}

impl Call<'_> {
    /// Its name, as the program reads it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Devices { .. } => "devices",
            Self::Records { .. } => "records",
            Self::Keys { .. } => "keys",
            Self::Check => "check",
        }
    }

    /// Whether the answer holds keys. Then nothing that the program says may be told.
    pub(super) fn is_for_keys(&self) -> bool {
        matches!(self, Self::Keys { .. })
    }

    /// The request, with the newline at its end.
    pub(super) fn to_line(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Request<'r> {
            clavis: u32,
            #[serde(flatten)]
            call: &'r Call<'r>,
        }
        let request = Request {
            clavis: VERSION,
            call: self,
        };
        let mut line = serde_json::to_vec(&request).expect("texts and lists can be written");
        line.push(b'\n');
        line
    }
}

/// Key IDs in upper case, as the locked screen shows them.
fn as_shown<S: Serializer>(ids: &&[KeyId], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(ids.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use clavis_broker::keys::KeyId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_request_is_one_line() {
        let ids = [KeyId(Uuid::from_u128(0xAB))];
        let device = "it's \"d 1\"";
        for (call, line) in [
            (
                Call::Devices { asset: "LT-1" },
                r#"{"clavis":1,"call":"devices","asset":"LT-1"}"#,
            ),
            (
                Call::Records { device },
                r#"{"clavis":1,"call":"records","device":"it's \"d 1\""}"#,
            ),
            (
                Call::Keys {
                    device: "d",
                    ids: &ids,
                },
                r#"{"clavis":1,"call":"keys","device":"d","ids":["00000000-0000-0000-0000-0000000000AB"]}"#,
            ),
            (Call::Check, r#"{"clavis":1,"call":"check"}"#),
        ] {
            assert_eq!(call.to_line(), format!("{line}\n").into_bytes());
            assert!(line.contains(&format!(r#""call":"{}""#, call.name())));
        }
    }
}
