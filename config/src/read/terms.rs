//! How long things may take, in `[approval]` and `[links]`.

use clavis_broker::lifecycle::Terms;
use jiff::SignedDuration;

use crate::document::Section;
use crate::values::duration;

/// Reads what `[approval]` and `[links]`, each of which may be missing, say of it.
pub(super) fn terms(
    approval: Option<&Section<'_>>,
    links: Option<&Section<'_>>,
    rotate_after: Option<SignedDuration>,
) -> Terms {
    Terms {
        decide_within: length(
            approval,
            "decide_within",
            [MINUTE * 15, HOUR * 72, DAY * 30],
        ),
        deliver_within: length(approval, "deliver_within", [HOUR, DAY, DAY * 30]),
        rotate_after,
        link_valid_for: length(links, "valid_for", [MINUTE * 15, HOUR * 3, DAY]),
    }
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
