//! `[rotation]`: whether keys that were shown are replaced, and when.

use jiff::SignedDuration;
use toml::de::DeValue;

use super::escrow::Entry;
use crate::document::Section;
use crate::problems::Wrong;
use crate::values::duration;

/// How long after a redemption the keys that it showed are to be replaced; `None` for never.
pub(super) fn rotate_after<P>(root: &Section<'_>, escrow: &[Entry<P>]) -> Option<SignedDuration> {
    let section = root.optional_table("rotation")?;
    let after = section.optional("after", never_or_later).flatten();
    if after.is_some() && !escrow.iter().any(Entry::may_rotate) {
        section.problem(
            "after",
            "no [[escrow]] section is of a kind that can have keys replaced",
            "Write \"never\", or add a section of kind \"entra\".",
        );
    }
    after
}

fn never_or_later(value: &DeValue<'_>) -> Result<Option<SignedDuration>, Wrong> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    let range = SignedDuration::ZERO..=SignedDuration::from_hours(24 * 30);
    duration(range)(value).map(Some).map_err(|wrong| Wrong {
        remedy: format!("{} Or write \"never\".", wrong.remedy),
        ..wrong
    })
}
