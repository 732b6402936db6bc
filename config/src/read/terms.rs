//! `[approval]` and `[links]`: who approves, and how long things may take.

use clavis_broker::lifecycle::Terms;
use clavis_broker::ports::PersonQuery;
use jiff::SignedDuration;
use toml::de::DeValue;

use crate::document::Section;
use crate::problems::Wrong;
use crate::settings::Approval;
use crate::values::{duration, mail, text};

/// Reads `[approval]` and `[links]`, each of which may be missing.
pub(super) fn approval_and_terms(
    approval: Option<&Section<'_>>,
    links: Option<&Section<'_>>,
    rotate_after: Option<SignedDuration>,
) -> (Approval, Terms) {
    let nominated = approval.map_or_else(Vec::new, |section| section.list("nominated", nominee));
    let terms = Terms {
        decide_within: length(
            approval,
            "decide_within",
            [MINUTE * 15, HOUR * 72, DAY * 30],
        ),
        deliver_within: length(approval, "deliver_within", [HOUR, DAY, DAY * 30]),
        rotate_after,
        link_valid_for: length(links, "valid_for", [MINUTE * 15, HOUR * 3, DAY]),
    };
    (Approval { nominated }, terms)
}

pub(super) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(super) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A length of time with its least, usual and greatest value.
pub(super) fn length(
    section: Option<&Section<'_>>,
    key: &'static str,
    [least, usual, greatest]: [SignedDuration; 3],
) -> SignedDuration {
    section
        .and_then(|section| section.optional(key, duration(least..=greatest)))
        .unwrap_or(usual)
}

/// Somebody who approves: a mail address, or without an `@` a sign-in name.
fn nominee(value: &DeValue<'_>) -> Result<PersonQuery, Wrong> {
    let who = text(value)?;
    if who.contains('@') {
        return mail(value).map(PersonQuery::Mail);
    }
    if who.contains(char::is_whitespace) {
        return Err(Wrong::new(
            "has an entry that is neither a mail address nor a sign-in name",
            "Write an address such as \"security@example.com\", or a name such as \"mboss\".",
        ));
    }
    Ok(PersonQuery::Login(who))
}

#[cfg(test)]
mod tests {
    use clavis_broker::people::MailAddress;

    use super::*;

    #[test]
    fn a_nominee_is_looked_up_by_address_or_by_sign_in_name() {
        let read = |text: &'static str| nominee(DeValue::parse(text).expect("a value").get_ref());
        assert_eq!(
            read("\"security@example.com\""),
            Ok(PersonQuery::Mail(
                MailAddress::parse("security@example.com").unwrap()
            ))
        );
        assert_eq!(read("\"mboss\""), Ok(PersonQuery::Login("mboss".into())));
        for wrong in ["\"Martin Boss\"", "\"a@b@c\"", "\"\"", "7"] {
            read(wrong).unwrap_err();
        }
    }
}
