//! Fields of Halo's answers, which are read leniently: a number may be a text, and what is not there
//! may be missing, null, empty or zero.

use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// An ID, or any whole number above zero, without leading zeros.
pub(super) fn id(object: &Value, field: &str) -> Option<String> {
    id_of(object.get(field)?)
}

/// The ID that a value is.
pub(super) fn id_of(value: &Value) -> Option<String> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => {
            let text = text.trim();
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_: &u64| is_digits)?
        }
        _ => return None,
    };
    (number > 0).then(|| number.to_string())
}

/// A text that is not empty, without the space around it.
pub(super) fn text<'v>(object: &'v Value, field: &str) -> Option<&'v str> {
    let text = object.get(field)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// Whether something is so; whatever cannot be read as no is yes where `in_doubt` says so.
pub(super) fn truth(value: &Value, in_doubt: bool) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Null => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" => false,
            "1" | "true" | "yes" => true,
            _ => in_doubt,
        },
        Value::Array(_) | Value::Object(_) => in_doubt,
    }
}

/// A moment. Halo writes UTC without saying so, and years long gone for no moment at all.
pub(super) fn moment(object: &Value, field: &str) -> Option<Timestamp> {
    let text = text(object, field)?;
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })?;
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_numbers_or_texts_of_digits() {
        for (value, read) in [
            (json!(12), Some("12")),
            (json!("12"), Some("12")),
            (json!(" 0012 "), Some("12")),
            (json!(0), None),
            (json!("0"), None),
            (json!(-1), None),
            (json!("+1"), None),
            (json!(1.5), None),
            (json!("x"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(id_of(&value).as_deref(), read, "{value}");
        }
    }

    #[test]
    fn moments_are_in_utc_and_those_long_gone_are_none() {
        let read = |text: &str| moment(&json!({ "at": text }), "at").map(|at| at.to_string());
        let nine = Some("2026-11-23T09:00:00Z".to_owned());
        assert_eq!(read("2026-11-23T09:00:00"), nine);
        assert_eq!(read("2026-11-23T09:00:00Z"), nine);
        assert_eq!(read("2026-11-23T10:00:00+01:00"), nine);
        assert_eq!(read("2026-11-23 09:00:00"), nine);
        assert_eq!(
            read("2026-11-23T09:00:00.123").as_deref(),
            Some("2026-11-23T09:00:00.123Z")
        );
        for none in ["1900-01-01T00:00:00", "0001-01-01T00:00:00", "", "soon"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn in_doubt_it_is_as_the_caller_says() {
        for (value, no, yes) in [
            (json!(true), true, true),
            (json!(1), true, true),
            (json!("true"), true, true),
            (json!(false), false, false),
            (json!(0), false, false),
            (json!(""), false, false),
            (json!(null), false, false),
            (json!("maybe"), false, true),
            (json!([]), false, true),
        ] {
            assert_eq!((truth(&value, false), truth(&value, true)), (no, yes));
        }
    }
}
