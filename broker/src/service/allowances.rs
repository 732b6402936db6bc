//! How often strangers may make Clavis write something down or mail a code. These are counted in the
//! store, by conditional writes, so that they hold for all processes that share it.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::people::MailAddress;
use crate::ports::Write;
use crate::programs::ProgramName;

/// How many codes one address is sent in an hour. The pages let one source ask for far fewer, so
/// that a stranger alone cannot use them up.
const CODES: i64 = 60;
/// How many rows a minute the log has of tokens that were refused, of one program or of all that are
/// unknown.
const REFUSED_TOKENS: i64 = 20;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// One more code for an address, whatever the case it was typed in. The address itself is not kept
/// for it.
pub(super) fn code_for(mail: &MailAddress, now: Timestamp) -> Write {
    Write::Spend {
        what: code_to(mail),
        until: end(now, HOUR),
        at_most: CODES,
    }
}

/// Forgets how many codes an address was sent: its hash has no salt, and can be found by guessing.
pub(super) fn forget_codes_for(mail: &MailAddress) -> Write {
    Write::Unspend(code_to(mail))
}

fn code_to(mail: &MailAddress) -> String {
    let hash = Sha256::digest(mail.as_str().to_lowercase());
    format!("code:{hash:x}")
}

/// One more sign-in that begins, of all that do, whoever it is for and wherever it comes from.
pub(super) fn sign_in(at_most: i64, now: Timestamp) -> Write {
    Write::Spend {
        what: "sign-in".to_owned(),
        until: end(now, MINUTE),
        at_most,
    }
}

/// One more row of the log about a token that was refused: of this program, or of none that is known.
pub(super) fn refused_token(program: Option<&ProgramName>, now: Timestamp) -> Write {
    let whose = program.map_or("", ProgramName::as_str);
    Write::Spend {
        what: format!("token:{whose}"),
        until: end(now, MINUTE),
        at_most: REFUSED_TOKENS,
    }
}

/// How long until sign-ins may begin again.
pub(super) fn until_next_sign_in(now: Timestamp) -> SignedDuration {
    end(now, MINUTE).duration_since(now)
}

/// When the hour, the minute that a moment lies in ends: the same for all processes.
fn end(now: Timestamp, length: SignedDuration) -> Timestamp {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let end = (now.as_millisecond().div_euclid(length) + 1).saturating_mul(length);
    Timestamp::from_millisecond(end).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_moments_of_a_minute_end_with_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end_of = at("2026-03-02T10:31:00Z");
        for moment in ["2026-03-02T10:30:00Z", "2026-03-02T10:30:59.999Z"] {
            assert_eq!(end(at(moment), MINUTE), end_of);
        }
        assert_eq!(end(end_of, MINUTE), at("2026-03-02T10:32:00Z"));
        assert_eq!(end(end_of, HOUR), at("2026-03-02T11:00:00Z"));
        let before_1970 = end(at("1969-12-31T23:59:30Z"), MINUTE);
        assert_eq!(before_1970, at("1970-01-01T00:00:00Z"));
        assert_eq!(until_next_sign_in(end_of), MINUTE);
    }

    #[test]
    fn an_address_is_one_in_any_case_and_is_not_kept() {
        let what = |mail: &str| {
            let mail = MailAddress::parse(mail).unwrap();
            match code_for(&mail, Timestamp::UNIX_EPOCH) {
                Write::Spend { what, .. } => what,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(what("Anna@Example.com"), what("anna@example.com"));
        assert_ne!(what("anna@example.com"), what("anna@example.org"));
        assert!(!what("anna@example.com").contains("anna"));
    }
}
