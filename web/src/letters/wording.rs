//! A letter's wording, the same for its text and its HTML.

use clavis_broker::letters::LetterKind;

/// A letter, ready for either template. Every text is one line.
#[derive(Default)]
pub(super) struct Wording {
    pub(super) subject: String,
    pub(super) title: &'static str,
    /// Before the buttons.
    pub(super) before: Vec<String>,
    pub(super) code: Option<String>,
    pub(super) buttons: Vec<Button>,
    /// Where the buttons lead, to be read; or a page to look at.
    pub(super) address: Option<Address>,
    /// After the buttons.
    pub(super) after: Vec<String>,
    /// Lines to be kept as they are.
    pub(super) verbatim: Option<String>,
    /// Reference, device and the like.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Why the reader gets this letter, and what to do if it should not be.
    pub(super) why: String,
}

pub(super) struct Button {
    pub(super) label: &'static str,
    pub(super) url: String,
    pub(super) is_main: bool,
}

pub(super) struct Address {
    pub(super) lead: &'static str,
    pub(super) url: String,
}

/// Names come from a directory: none may begin a new line, of a header or of a text.
pub(super) fn one_line(text: &str) -> String {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let spaced = text.replace(is_odd, " ");
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_NAME).collect()
}

const LONGEST_NAME: usize = 100;

/// What a letter is called.
pub(crate) fn title(kind: LetterKind) -> &'static str {
    match kind {
        LetterKind::RequestConfirmation => "Request Confirmation",
        LetterKind::ApprovalNeeded => "Approval Needed",
        LetterKind::ApprovalReminder => "Reminder: Approval Needed",
        LetterKind::RequestApproved => "Request Approved",
        LetterKind::KeyLink => "Your Secure Key Link",
        LetterKind::KeyRetrieved => "Key Retrieved",
        LetterKind::LinkExpired => "Link Expired",
        LetterKind::RequestDeclined => "Request Declined",
        LetterKind::RequestWithdrawn => "Request Withdrawn",
        LetterKind::RequestLapsed => "Request Lapsed",
        LetterKind::RequestRevoked => "Request Stopped",
        LetterKind::GlassBroken => "Released Without Approval",
        LetterKind::KeyRotated => "A New Key Is Being Made",
    }
}
