//! `[gates]`: what is needed beside a link.

use clavis_broker::service::{Gates, KeyGate, ReviewGate};

use crate::document::Section;
use crate::problems::Wrong;

/// Reads `[gates]`, which may be missing. Where people sign in by more than a code by mail, they do so
/// before they decide, unless the section says otherwise.
pub(super) fn gates(section: Option<&Section<'_>>, by_more_than_mail: bool) -> Gates {
    let review = section.and_then(|section| {
        section.optional("review", |value| match value.as_str() {
            Some("link") => Ok(ReviewGate::Link),
            Some("sign_in") => Ok(ReviewGate::SignIn),
            _ => Err(Wrong::new(
                "is neither \"link\" nor \"sign_in\"",
                "Write one of them.",
            )),
        })
    });
    let key = section.and_then(|section| {
        section.optional("key", |value| match value.as_str() {
            Some("link") => Ok(KeyGate::Link),
            Some("sign_in") => Ok(KeyGate::SignIn),
            Some("code") => Ok(KeyGate::Code),
            _ => Err(Wrong::new(
                "is none of \"link\", \"sign_in\" and \"code\"",
                "Write one of them.",
            )),
        })
    });
    let usual = if by_more_than_mail {
        ReviewGate::SignIn
    } else {
        ReviewGate::Link
    };
    Gates {
        review: review.unwrap_or(usual),
        key: key.unwrap_or(KeyGate::Link),
    }
}
