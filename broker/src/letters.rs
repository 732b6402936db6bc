//! The letters that Clavis writes: what each one says, before it is put into words.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alarms::Alarm;
use crate::lifecycle::Request;
use crate::people::{MailAddress, Party};
use crate::policy::StandIn;
use crate::ports::KeptCheckpoint;
use crate::tokens::{OneTimeCode, PlainToken};

/// Which letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// To those who asked: the request is made.
    RequestConfirmation,
    /// To an approver: please decide.
    ApprovalNeeded,
    /// To an approver who has not answered: please decide.
    ApprovalReminder,
    /// To those who asked: somebody said yes.
    RequestApproved,
    /// To the beneficiary: the key link.
    KeyLink,
    /// To everybody concerned: the keys were shown.
    KeyRetrieved,
    /// To everybody concerned: the key link was not opened in time.
    LinkExpired,
    /// To those who asked: somebody said no.
    RequestDeclined,
    /// To everybody concerned: the request was taken back.
    RequestWithdrawn,
    /// To everybody concerned: nobody decided in time, or no link could be sent in time.
    RequestLapsed,
    /// To everybody concerned: the request was stopped.
    RequestRevoked,
    /// To those who asked, and to everybody who could have approved: the keys are released without
    /// an approval.
    GlassBroken,
    /// To the beneficiary: the key that they were shown is being replaced.
    KeyRotated,
}

impl LetterKind {
    /// Whether it asks an approver to decide, with a review link.
    pub fn asks_to_decide(self) -> bool {
        matches!(self, Self::ApprovalNeeded | Self::ApprovalReminder)
    }
}

/// What a letter is about.
#[derive(Debug)]
pub enum Letter<'a> {
    /// A letter about a request.
    OfRequest {
        /// Which letter.
        kind: LetterKind,
        /// The request as it stands when the letter is written.
        request: &'a Request,
        /// Whom it is written to.
        to: &'a Party,
        /// The link in it: a review link for [`LetterKind::ApprovalNeeded`], a key link for
        /// [`LetterKind::KeyLink`], else none.
        link: Option<&'a PlainToken>,
    },
    /// Who decides in whose place.
    StandIn {
        /// Whom it is written to: who is away, or who stands in.
        to: &'a Party,
        /// What was said.
        stand_in: &'a StandIn,
    },
    /// What an operator has to look at.
    Alarm {
        /// Where alarms go.
        to: &'a MailAddress,
        /// What happened.
        alarm: &'a Alarm,
    },
    /// A checkpoint of the log, to be kept.
    Checkpoint {
        /// Whom it is written to.
        to: &'a MailAddress,
        /// The checkpoint.
        kept: &'a KeptCheckpoint,
    },
    /// The code for a sign-in.
    SignIn {
        /// Whom it is written to.
        to: &'a Party,
        /// The code.
        code: &'a OneTimeCode,
        /// When it ends.
        expires_at: Timestamp,
    },
}

/// A letter put into words, ready to send.
#[derive(Clone)]
pub struct Mail {
    /// To whom: the name, for display.
    pub to_name: String,
    /// To whom: the address.
    pub to: MailAddress,
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The left part of the `Message-ID`: the same when the same letter is sent again, so that a
    /// mail system can tell a copy. No address, no secret.
    pub message_id: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({}, …)", self.message_id)
    }
}
