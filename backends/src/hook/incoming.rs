//! Messages of others, signed as Standard Webhooks has it: whether one is of somebody who knows the
//! secret, and of now.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clavis_broker::ports::{Sender, Signed, Unsigned};
use clavis_broker::programs::{ProgramName, Scope};
use clavis_config::settings;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::{ExposeSecret, SecretSlice};

/// How far the time of a message may be from now, either way (Standard Webhooks, "Verifying webhook
/// authenticity").
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// The longest ID, and how many signatures are looked at: more than anybody needs.
const LONGEST_ID: usize = 128;
const MOST_SIGNATURES: usize = 8;

/// A program whose messages are signed with a secret that it shares with Clavis.
pub struct SignedSender(settings::Sender);

impl SignedSender {
    /// One of these settings.
    pub fn new(settings: settings::Sender) -> Self {
        Self(settings)
    }
}

impl Sender for SignedSender {
    fn name(&self) -> &ProgramName {
        &self.0.name
    }

    fn scopes(&self) -> &[Scope] {
        &self.0.scopes
    }

    fn verify(&self, message: &Signed<'_>, now: Timestamp) -> Result<(), Unsigned> {
        verify(message, &self.0.secrets, now)
    }
}

/// Whether one of the signatures is by one of the secrets, over what came, and the message of now.
/// Signatures are compared in constant time, and the time of a message is looked at once it is sure that
/// it is the sender's.
fn verify(
    message: &Signed<'_>,
    secrets: &[SecretSlice<u8>],
    now: Timestamp,
) -> Result<(), Unsigned> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
    let is_id = (1..=LONGEST_ID).contains(&message.id.len()) && message.id.bytes().all(plain);
    let is_time = (1..=12).contains(&message.timestamp.len())
        && message.timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if !is_id || !is_time {
        return Err(Unsigned::Malformed);
    }
    let at = message.timestamp.parse().ok();
    let at = at.and_then(|second| Timestamp::from_second(second).ok());
    let at = at.ok_or(Unsigned::Malformed)?;
    let mut signed = Vec::with_capacity(message.body.len() + 160);
    for part in [
        message.id.as_bytes(),
        b".",
        message.timestamp.as_bytes(),
        b".",
        message.body,
    ] {
        signed.extend_from_slice(part);
    }
    let signatures = message.signature.split(' ').take(MOST_SIGNATURES);
    let signatures = signatures.filter_map(|it| it.strip_prefix("v1,"));
    let mut tags = signatures.filter_map(|it| BASE64_STANDARD.decode(it).ok());
    let is_known = tags.any(|tag| {
        secrets.iter().any(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
            hmac::verify(&key, &signed, &tag).is_ok()
        })
    });
    if !is_known {
        return Err(Unsigned::OtherSecret);
    }
    if now.duration_since(at).abs() > TOLERANCE {
        return Err(Unsigned::OtherTime);
    }
    Ok(())
}

/// The message of the tests of the specification's reference libraries, and its secret.
#[cfg(test)]
mod example {
    use super::*;

    pub(super) const AT: i64 = 1_614_265_330;
    pub(super) const MESSAGE: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: b"{\"test\": 2432232314}",
    };

    pub(super) fn secret() -> SecretSlice<u8> {
        let bytes = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        bytes.unwrap().into()
    }
}

#[cfg(test)]
mod tests {
    use super::example::{AT, MESSAGE, secret};
    use super::*;

    fn verified(message: &Signed<'_>, late: i64) -> Result<(), Unsigned> {
        let now = Timestamp::from_second(AT + late).unwrap();
        verify(message, &[secret()], now)
    }

    #[test]
    fn the_known_example_is_believed_for_five_minutes_either_way() {
        for late in [-300, 0, 300] {
            assert_eq!(verified(&MESSAGE, late), Ok(()));
        }
        for late in [-301, 301, 1_000_000] {
            assert_eq!(verified(&MESSAGE, late), Err(Unsigned::OtherTime));
        }
    }

    /// As the reference libraries' tests have it: other signatures and other versions stand beside it.
    #[test]
    fn one_of_several_signatures_is_enough() {
        let other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        let newer = "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        let signature = format!("{other} {newer} {} {other}", MESSAGE.signature);
        let several = Signed {
            signature: &signature,
            ..MESSAGE
        };
        assert_eq!(verified(&several, 0), Ok(()));
        let secrets = [SecretSlice::from(vec![7; 24]), secret()];
        let now = Timestamp::from_second(AT).unwrap();
        assert_eq!(verify(&MESSAGE, &secrets, now), Ok(()), "the secret before");
    }

    #[test]
    fn whatever_else_is_not_believed() {
        let now = Timestamp::from_second(AT).unwrap();
        let other = [SecretSlice::from(vec![7; 24])];
        assert_eq!(verify(&MESSAGE, &other, now), Err(Unsigned::OtherSecret));
        assert_eq!(verify(&MESSAGE, &[], now), Err(Unsigned::OtherSecret));
        for signature in [
            "",
            "v1,",
            "v1,dawfeoifkpqwoekfpqoekf",
            "v1,g0hM9SsE",
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ] {
            let forged = Signed {
                signature,
                ..MESSAGE
            };
            assert_eq!(
                verified(&forged, 0),
                Err(Unsigned::OtherSecret),
                "{signature}"
            );
        }
        let body = b"{\"test\": 2432232315}";
        assert_eq!(
            verified(&Signed { body, ..MESSAGE }, 0),
            Err(Unsigned::OtherSecret)
        );
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
        assert_eq!(
            verified(&Signed { id, ..MESSAGE }, 0),
            Err(Unsigned::OtherSecret)
        );
        let timestamp = "1614265331";
        let moved = Signed {
            timestamp,
            ..MESSAGE
        };
        assert_eq!(verified(&moved, 0), Err(Unsigned::OtherSecret));
    }

    #[test]
    fn a_head_that_could_be_read_in_two_ways_is_refused() {
        for id in ["", "msg.1", "a b", "a\n", &"x".repeat(129)] {
            assert_eq!(
                verified(&Signed { id, ..MESSAGE }, 0),
                Err(Unsigned::Malformed)
            );
        }
        for timestamp in [
            "",
            "hello",
            "-1",
            "+1",
            " 1",
            "1614265330.0",
            "9999999999999",
        ] {
            let wrong = Signed {
                timestamp,
                ..MESSAGE
            };
            assert_eq!(verified(&wrong, 0), Err(Unsigned::Malformed), "{timestamp}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::example::{AT, MESSAGE, secret};
    use super::*;

    #[test]
    fn only_the_message_itself_is_believed() {
        let whole = format!(
            "{}\n{}\n{}\n{}",
            MESSAGE.id,
            MESSAGE.timestamp,
            MESSAGE.signature,
            String::from_utf8_lossy(MESSAGE.body)
        );
        let now = Timestamp::from_second(AT).unwrap();
        check!().for_each(|bytes: &[u8]| {
            let text = altered(&whole, bytes, &["\n", ".", ",", "v1,", " ", "0", "="]);
            let mut parts = text.splitn(4, '\n');
            let mut part = || parts.next().unwrap_or_default();
            let message = Signed {
                id: part(),
                timestamp: part(),
                signature: part(),
                body: part().as_bytes(),
            };
            if verify(&message, &[secret()], now).is_ok() {
                let Signed {
                    id,
                    timestamp,
                    body,
                    ..
                } = message;
                assert_eq!((id, timestamp), (MESSAGE.id, MESSAGE.timestamp));
                assert_eq!(body, MESSAGE.body);
            }
        });
    }
}
