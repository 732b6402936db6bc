//! The audit log: what happened, to what, by whom, from where, when. Never a key or a token.
//!
//! The rows that a request's change leaves and the change itself are committed as one, so the log
//! and the state of a request can't disagree.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::alarms::Alarm;
use crate::devices::{BackendName, Device};
use crate::export::Format;
use crate::identity::{ProviderName, Way};
use crate::keys::KeyId;
use crate::letters::LetterKind;
use crate::lifecycle::{Refusal, Request, RequestId, Step};
use crate::people::{MailAddress, Party, PersonId};
use crate::policy::PolicyFault;
use crate::ports::JobId;
use crate::programs::Scope;
use crate::proof::leaf::{LeafError, restore};
use crate::search::LogFilters;
use crate::tickets::TicketName;
use crate::tickets::judge::Stop;
use crate::tokens::Reference;

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Who.
    pub actor: Actor,
    /// From which address, where a client was involved.
    pub source: Option<IpAddr>,
    /// About which request.
    pub request: Option<RequestName>,
    /// About which device.
    pub device: Option<Device>,
}

/// A row with its place in the log: 1, 2, 3, … without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its place.
    pub seq: i64,
    /// The row.
    pub entry: LogEntry,
}

impl LogRow {
    /// The row that these texts of the store make, with `at` as it is searched by; a text is none
    /// where something else stands there. Where they make no row, it is one that says so, so that
    /// whoever reads the log neither stops there nor passes over it.
    pub fn read(seq: i64, at: i64, leaf: Option<&str>, personal: Option<&str>) -> Self {
        let entry = match (leaf, personal) {
            (None, _) => Err(LeafError::Leaf),
            (_, None) => Err(LeafError::Fields),
            (Some(leaf), Some(personal)) => restore(leaf, personal),
        };
        let entry = entry.unwrap_or_else(|why| {
            let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
            LogEntry::of_nothing(Event::RowUnreadable { why }, Actor::Stranger, None, at)
        });
        Self { seq, entry }
    }

    /// Whether what is stored at this place cannot be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.entry.event, Event::RowUnreadable { .. })
    }
}

/// For exports: `seq`, the event's [`Event::name`] as `name`, and every field of the row.
impl Serialize for LogRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Export<'a> {
            seq: i64,
            name: &'static str,
            #[serde(flatten)]
            entry: &'a LogEntry,
        }
        let (seq, name) = (self.seq, self.entry.event.name());
        Export {
            seq,
            name,
            entry: &self.entry,
        }
        .serialize(serializer)
    }
}

/// Both names of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestName {
    /// The store's.
    pub id: RequestId,
    /// People's.
    pub reference: Reference,
}

/// Who did it, as far as was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody who is signed in.
    Person(Party),
    /// Whoever holds the link that was mailed to this person.
    Holder(Party),
    /// Somebody at the command line of the server.
    Operator {
        /// The account's name.
        name: String,
    },
    /// A program that showed a token, or a service desk, by the name that it goes by here.
    Program {
        /// The name.
        name: String,
    },
    /// Somebody, by the word of a program: of one that showed a token of theirs, or of a service desk.
    Through {
        /// Who.
        person: Party,
        /// Which program, by the name that it goes by here.
        program: String,
    },
    /// Clavis, because time passed or there was something left to do.
    Clavis,
    /// Nobody known.
    Stranger,
}

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

/// Why personal fields were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyErased {
    /// Somebody was to be forgotten.
    Person,
    /// They were older than personal fields are kept.
    Age,
}

/// Why no request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoRequest {
    /// No backend knows the device.
    UnknownDevice,
    /// Several devices go by that name; the person was asked which.
    Ambiguous,
    /// Nothing is escrowed for the device.
    NothingEscrowed,
    /// The key ID from the locked screen is not among the device's.
    WrongKeyId,
    /// Nobody may approve.
    NobodyToAsk,
    /// The policy that says who approves cannot be carried out.
    PolicyFault,
    /// The person's account is disabled or has no mail address.
    UnfitPerson,
    /// The account of whoever was to get the key is gone, disabled or has no mail address.
    UnfitBeneficiary,
    /// A backend or the directory did not answer.
    Unavailable,
    /// There is an open request for this device already.
    AlreadyOpen,
    /// The directory knows nobody by what the service desk says of the ticket's user.
    UnknownUser,
    /// What the service desk says of the ticket's user leads to several people.
    AmbiguousUser,
    /// The ticket names no asset.
    NoAsset,
    /// The ticket names several assets.
    SeveralAssets,
    /// The ticket's asset has nothing by which a device can be told for sure.
    UnknownAsset,
}

/// Why a program's token did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoToken {
    /// There is no such token, or no more.
    Unknown,
    /// Its time is over.
    Ended,
    /// It is not good for what was wanted.
    WrongScope,
    /// The account of the person whose it is, is gone, disabled or has no mail address.
    UnfitPerson,
}

/// Why a pick-up code did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoPickUp {
    /// No code was made yet.
    NoneMade,
    /// It is not the code.
    Wrong,
    /// Too many were tried from this address.
    TooMany,
}

/// Why a device was not told to make new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoRotation {
    /// The device is not managed by anything that could tell it.
    NotManaged,
    /// None of the backends that hold its keys has a way to ask for it.
    Unsupported,
}

/// Why a fetch brought no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchFault {
    /// The backend did not answer in time, or not sensibly.
    Unavailable,
    /// The directory did not answer, so that nobody knows whether the beneficiary may have a key.
    Directory,
    /// The backend refused.
    Denied,
    /// A promised key is no longer there.
    Missing,
    /// Every key that was promised is damaged.
    Damaged,
    /// The beneficiary's account is disabled or gone.
    Beneficiary,
    /// The service desk did not answer, so that nobody knows what became of the ticket.
    Desk,
}

/// Why somebody was not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoSignIn {
    /// The directory knows nobody by that address, or several.
    UnknownAddress,
    /// The account is disabled or has no mail address.
    UnfitPerson,
    /// Too many codes were asked for.
    TooMany,
    /// No codes are sent any more.
    SwitchedOff,
    /// The code is not the one that was sent.
    WrongCode,
    /// The code, or the sign-in at a provider, has expired, was used, or was tried too often.
    Ended,
    /// The answer is not to what this browser asked.
    ForgedState,
    /// The answer came for another provider than the one that was asked.
    OtherProvider,
    /// The provider says that nobody signed in, or does not take the code.
    ProviderRefused,
    /// The answer, or what was signed, is from another issuer.
    WrongIssuer,
    /// What was signed is for another application.
    WrongAudience,
    /// What was signed was signed for another sign-in.
    WrongNonce,
    /// What was signed has expired, or is of another time.
    WrongTime,
    /// The signature is not by a key of the provider, or of a kind that is not taken.
    BadSignature,
    /// What the provider gave for the code cannot be understood.
    Nonsense,
    /// The claim by which people are looked up is missing, or cannot be one.
    NoClaim,
    /// The provider has not made sure that the mail address is the person's.
    UnverifiedMail,
    /// The directory knows nobody by what the provider or the proxy says, or several.
    UnknownPerson,
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

impl Actor {
    /// The actor in a few words, for a list.
    pub fn label(&self) -> String {
        match self {
            Self::Person(party) => format!("{} <{}>", party.name, party.mail),
            Self::Holder(party) => format!("link of {} <{}>", party.name, party.mail),
            Self::Operator { name } => format!("operator {name}"),
            Self::Program { name } => format!("program {name}"),
            Self::Through { person, program } => {
                format!("{} <{}> through {program}", person.name, person.mail)
            }
            Self::Clavis => "clavis".to_owned(),
            Self::Stranger => "-".to_owned(),
        }
    }
}

impl LogEntry {
    /// A row about a request.
    pub fn of_request(
        request: &Request,
        event: Event,
        actor: Actor,
        source: Option<IpAddr>,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            event,
            actor,
            source,
            request: Some(RequestName {
                id: request.id,
                reference: request.reference.clone(),
            }),
            device: Some(request.device.clone()),
        }
    }

    /// A row about no request.
    pub fn of_nothing(event: Event, actor: Actor, source: Option<IpAddr>, at: Timestamp) -> Self {
        Self {
            at,
            event,
            actor,
            source,
            request: None,
            device: None,
        }
    }
}
