//! What a row of the log can tell: one event for each thing that happens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    FetchFault, WhyErased, WhyNoPickUp, WhyNoRequest, WhyNoRotation, WhyNoSignIn, WhyNoToken,
};
use crate::alarms::Alarm;
use crate::devices::BackendName;
use crate::export::Format;
use crate::identity::{ProviderName, Way};
use crate::keys::KeyId;
use crate::letters::LetterKind;
use crate::lifecycle::{Refusal, Step};
use crate::people::{MailAddress, Party, PersonId};
use crate::policy::PolicyFault;
use crate::ports::JobId;
use crate::programs::Scope;
use crate::proof::leaf::LeafError;
use crate::search::LogFilters;
use crate::tickets::TicketName;
use crate::tickets::judge::Stop;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A request was made or changed.
    Request(Step),
    /// Somebody asked for a key and no request was made.
    RequestRefused {
        /// What they named.
        asset: String,
        /// Why not.
        why: WhyNoRequest,
        /// Who asked, and who was to get the key, as far as they are known: what was named is theirs.
        #[serde(flatten)]
        concerns: Concerned,
    },
    /// A command to a request changed nothing.
    CommandRefused {
        /// What was wanted: `approve`, `decline`, `withdraw`, …
        command: String,
        /// Why not.
        why: Refusal,
    },
    /// The policy cannot be carried out: an operator has to mend it.
    PolicyFailed {
        /// What is wrong with it.
        fault: PolicyFault,
    },
    /// Whether what Clavis reads with may do more than it needs, where that differs from what was
    /// seen before.
    RightsSeen {
        /// Where: the name of a backend, or `directory`.
        place: String,
        /// All that it may do beyond what is needed.
        rights: Vec<String>,
        /// What of it is new. Nothing where nobody had looked before.
        added: Vec<String>,
    },
    /// Something in the log that somebody has to look at was told to those who get alarms.
    AlarmRaised {
        /// What they were told.
        alarm: Box<Alarm>,
    },
    /// Somebody says who decides in their place while they are away.
    StandInSet {
        /// Who.
        by: Party,
        /// When that ends.
        until: Timestamp,
    },
    /// Somebody is back, and nobody decides in their place any more.
    StandInEnded,
    /// A review link was opened.
    ReviewOpened,
    /// A review link was opened by somebody who is signed in as somebody else.
    ReviewRefused,
    /// A key link was opened; nothing was shown yet.
    LinkOpened,
    /// A key link was opened, or its button pressed, by somebody who is signed in as somebody else.
    LinkRefused,
    /// A pick-up code was made, and shown on the page of the request.
    PickUpCodeMade,
    /// A wrong pick-up code was typed, or one after too many tries.
    PickUpCodeRefused {
        /// Why it did not count.
        why: WhyNoPickUp,
    },
    /// Somebody pressed the button of a key link. Written before any key is fetched.
    RedemptionAttempted,
    /// A redemption showed nothing.
    RedemptionRefused {
        /// Why not.
        why: Refusal,
    },
    /// The keys could not be fetched; the link stays valid.
    FetchFailed {
        /// Where they were to come from; none where it is no backend's matter.
        backend: Option<BackendName>,
        /// What went wrong.
        why: FetchFault,
    },
    /// A device was told to make new keys, as those that it had were shown.
    RotationAsked {
        /// Which backend has told it.
        backend: BackendName,
    },
    /// A device was perhaps told to make new keys: the order was given, and no answer came. It is
    /// not given again, since a device would make new keys with each.
    RotationUnsure {
        /// Which backend was to tell it.
        backend: BackendName,
    },
    /// The keys that were shown stay as they are: nobody can tell the device to make new ones.
    RotationImpossible {
        /// Why not.
        why: WhyNoRotation,
    },
    /// The device could not be told to make new keys, however often that was tried: an operator
    /// has to look.
    RotationFailed {
        /// What went wrong the last time, and where.
        backend: BackendName,
        /// What went wrong.
        why: FetchFault,
    },
    /// A code for a sign-in was asked for.
    SignInRequested {
        /// For this address, known or not.
        mail: MailAddress,
    },
    /// A sign-in began at an identity provider.
    ProviderSignInRequested {
        /// At which.
        provider: ProviderName,
    },
    /// No code was sent, though the page said what it always says.
    SignInDropped {
        /// For this address.
        mail: MailAddress,
        /// Why not.
        why: WhyNoSignIn,
    },
    /// A wrong or late code was typed, or what a provider or a proxy says signs nobody in.
    SignInRefused {
        /// Why it did not count.
        why: WhyNoSignIn,
        /// Whose answer it was, or was said to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderName>,
        /// Whom the provider or the proxy named, where the directory does not know them or they
        /// are not fit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        named: Option<String>,
    },
    /// Somebody signed in.
    SignedIn {
        /// By which way.
        #[serde(default)]
        by: Way,
    },
    /// Somebody signed out.
    SignedOut,
    /// All sessions of a person were ended.
    SignedOutEverywhere {
        /// Whose.
        whose: Party,
    },
    /// Somebody wanted a page that their roles do not lead to.
    AccessRefused {
        /// The page's route, as a pattern.
        route: String,
    },
    /// An agent searched for people and devices.
    DeskSearched {
        /// By what.
        text: String,
    },
    /// An agent looked at a person, their devices and their requests.
    DeskPersonViewed {
        /// Whom, as the directory knows them.
        person: PersonId,
        /// Their name.
        called: String,
    },
    /// Something that was given up is to be tried again.
    OutboxRetried {
        /// Which job.
        job: JobId,
        /// Which mail it sends, where it sends one.
        mail: Option<MailName>,
        /// To whom.
        to: Option<MailAddress>,
    },
    /// An auditor looked at rows of the log.
    AuditSearched {
        /// At which.
        filters: LogFilters,
    },
    /// An auditor took rows of the log away.
    AuditExported {
        /// Which.
        filters: LogFilters,
        /// How they were written.
        format: Format,
    },
    /// Personal fields of rows of the log were erased. Whose is not said.
    FieldsErased {
        /// Which erasure: each field that it erased names it.
        erasure: Uuid,
        /// Why.
        why: WhyErased,
        /// From how many rows.
        rows: u64,
        /// How many fields.
        fields: u64,
        /// Which they were: see [`Tally`](crate::proof::tally::Tally).
        digest: String,
    },
    /// A mail was taken by the mail server.
    MailSent {
        /// Which.
        mail: MailName,
        /// To whom.
        to: MailAddress,
    },
    /// A mail was given up: an operator has to look.
    MailDead {
        /// Which.
        mail: MailName,
        /// To whom.
        to: MailAddress,
    },
    /// A message was taken by a program elsewhere.
    HookTold {
        /// By which: the name of its section, or `alarms`.
        hook: String,
        /// Which, by its `type`.
        message: String,
    },
    /// A message for a program elsewhere was given up: an operator has to look.
    HookDead {
        /// For which: the name of its section, or `alarms`.
        hook: String,
        /// Which, by its `type`.
        message: String,
    },
    /// A ticket is not what its request was made of, or its approvals are not as they have to be: the
    /// request ends.
    TicketStops {
        /// Which.
        ticket: TicketName,
        /// Why.
        why: Stop,
    },
    /// A ticket was told what became of it.
    TicketTold {
        /// Which.
        ticket: TicketName,
        /// Whether the desk let it be ended as well, where it was to be.
        is_whole: bool,
    },
    /// Looking at a ticket, or telling it something, was given up: an operator has to look.
    TicketDead {
        /// Which.
        ticket: TicketName,
    },
    /// What is stored at this place of the log cannot be read. Clavis never writes it: it stands for
    /// such a row wherever the log is read.
    RowUnreadable {
        /// Why not.
        why: LeafError,
    },
    /// A token for a program was made.
    TokenMade {
        /// The program's name.
        token: String,
        /// What it is good for.
        scopes: Vec<Scope>,
        /// In whose name the program acts, where it does so.
        person: Option<Party>,
        /// When it ends.
        until: Timestamp,
    },
    /// A token of a program's was ended.
    TokenRevoked {
        /// The program's name.
        token: String,
    },
    /// A token was shown and did not do.
    TokenRefused {
        /// The program's name, where the token is known.
        token: Option<String>,
        /// Why not.
        why: WhyNoToken,
    },
    /// A checkpoint of the log was not kept outside of it, and no try is left: an operator has to
    /// look.
    CheckpointDead {
        /// Where it was to be kept, by the name of the sink.
        sink: String,
    },
}

/// Whom it concerns that no request was made, by their IDs in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concerned {
    /// Who was to get the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<PersonId>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<PersonId>,
}

/// Which mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailName {
    /// A letter about a request.
    Letter(LetterKind),
    /// A code for a sign-in.
    SignInCode,
    /// Who decides in whose place.
    StandIn,
    /// What an operator has to look at.
    Alarm,
    /// A checkpoint of the log, for an auditor.
    Checkpoint,
}

impl Event {
    /// The event's name in logs, exports and on the command line: `request.approved`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(step) => step.name(),
            Self::RequestRefused { .. } => "request.refused",
            Self::CommandRefused { .. } => "command.refused",
            Self::PolicyFailed { .. } => "policy.failed",
            Self::RightsSeen { .. } => "rights.seen",
            Self::AlarmRaised { .. } => "alarm.raised",
            Self::StandInSet { .. } => "stand_in.set",
            Self::StandInEnded => "stand_in.ended",
            Self::ReviewOpened => "review.opened",
            Self::ReviewRefused => "review.refused",
            Self::LinkOpened => "link.opened",
            Self::LinkRefused => "link.refused",
            Self::PickUpCodeMade => "pick_up.made",
            Self::PickUpCodeRefused { .. } => "pick_up.refused",
            Self::RedemptionAttempted => "redemption.attempted",
            Self::RedemptionRefused { .. } => "redemption.refused",
            Self::FetchFailed { .. } => "fetch.failed",
            Self::RotationAsked { .. } => "rotation.asked",
            Self::RotationUnsure { .. } => "rotation.unsure",
            Self::RotationImpossible { .. } => "rotation.impossible",
            Self::RotationFailed { .. } => "rotation.failed",
            Self::SignInRequested { .. } | Self::ProviderSignInRequested { .. } => {
                "sign_in.requested"
            }
            Self::SignInDropped { .. } => "sign_in.dropped",
            Self::SignInRefused { .. } => "sign_in.refused",
            Self::SignedIn { .. } => "sign_in.done",
            Self::SignedOut => "sign_in.ended",
            Self::SignedOutEverywhere { .. } => "sign_in.ended_everywhere",
            Self::AccessRefused { .. } => "access.refused",
            Self::DeskSearched { .. } => "desk.searched",
            Self::DeskPersonViewed { .. } => "desk.person_viewed",
            Self::OutboxRetried { .. } => "outbox.retried",
            Self::AuditSearched { .. } => "audit.searched",
            Self::AuditExported { .. } => "audit.exported",
            Self::FieldsErased { .. } => "audit.erased",
            Self::MailSent { .. } => "mail.sent",
            Self::MailDead { .. } => "mail.dead",
            Self::HookTold { .. } => "hook.told",
            Self::HookDead { .. } => "hook.dead",
            Self::TicketStops { .. } => "ticket.stops",
            Self::TicketTold { .. } => "ticket.told",
            Self::TicketDead { .. } => "ticket.dead",
            Self::TokenMade { .. } => "token.made",
            Self::TokenRevoked { .. } => "token.revoked",
            Self::TokenRefused { .. } => "token.refused",
            Self::CheckpointDead { .. } => "checkpoint.dead",
            Self::RowUnreadable { .. } => "audit.unreadable",
        }
    }

    /// The keys that the event is about.
    pub fn keys(&self) -> &[KeyId] {
        match self {
            Self::Request(Step::Opened { keys, .. }) => keys,
            Self::Request(Step::Redeemed(disclosure)) => &disclosure.keys,
            _ => &[],
        }
    }
}
