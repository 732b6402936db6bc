//! What each event means to those who watch many systems: one table, without a wildcard, so that a
//! new event does not compile until it has its line.

use super::severity::Severity;
use crate::audit::Event;
use crate::lifecycle::Step;

/// What an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The event in a few words.
    pub(super) title: &'static str,
    pub(super) severity: Severity,
    pub(super) outcome: Outcome,
    pub(super) activity: Activity,
}

/// Whether what was wanted came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// Nobody knows, or not yet.
    Unknown,
}

/// What was done, in the sense of OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// A request was made, read or changed.
    Request(Deed),
    /// A device was, or its keys were.
    Device(Deed),
    /// What is kept of a person was.
    Person(Deed),
    /// The policy was.
    Policy(Deed),
    /// Somebody used a page or a command that is not about one request.
    Page(Deed),
    /// Somebody signs in.
    LogOn,
    /// Somebody signs out.
    LogOff,
    /// Somebody is about to sign in.
    BeforeLogOn,
    /// A mail was sent.
    Mail,
}

/// What was done with something, with the number that OCSF gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Create = 1,
    Read = 2,
    Update = 3,
}

/// The meaning of an event.
#[rustfmt::skip]
pub(super) fn meaning(event: &Event) -> Meaning {
    use Activity::{BeforeLogOn, Device, LogOff, LogOn, Mail, Page, Person, Policy, Request};
    use Deed::{Create, Read, Update};
    use Outcome::{Failure, Success, Unknown};
    use Severity::{Critical, Error, Informational, Notice, Warning};
    let (title, severity, outcome, activity) = match event {
        Event::Request(step) => match step {
            Step::Opened { .. } => ("Keys of a device were asked for", Notice, Success, Request(Create)),
            Step::Supported { .. } => ("An approver said yes, and more are needed", Notice, Success, Request(Update)),
            Step::Approved { .. } => ("A request was approved", Notice, Success, Request(Update)),
            Step::Reminded => ("Approvers were reminded", Informational, Success, Request(Update)),
            Step::AskedMore { .. } => ("More approvers were asked", Informational, Success, Request(Update)),
            Step::GlassBroken { .. } => ("Keys were released without an approval", Critical, Success, Request(Update)),
            Step::LinkWanted => ("A key link is to be sent anew", Notice, Success, Request(Update)),
            Step::Declined => ("A request was declined", Notice, Success, Request(Update)),
            Step::Withdrawn => ("A request was withdrawn", Informational, Success, Request(Update)),
            Step::Revoked => ("A request was stopped", Notice, Success, Request(Update)),
            Step::LinkIssued { .. } => ("A key link was made", Informational, Success, Request(Update)),
            Step::Redeemed(_) => ("Keys of a device were shown", Notice, Success, Device(Read)),
            Step::Expired => ("A key link ended unopened", Informational, Success, Request(Update)),
            Step::Lapsed => ("A request ended without a decision", Notice, Success, Request(Update)),
        },
        Event::RequestRefused { .. } => ("Keys were asked for in vain", Warning, Failure, Device(Read)),
        Event::CommandRefused { .. } => ("A request could not be changed", Warning, Failure, Request(Update)),
        Event::PolicyFailed { .. } => ("The policy cannot be carried out", Error, Failure, Policy(Read)),
        Event::RightsSeen { .. } => ("What Clavis may do beyond its needs has changed", Notice, Success, Policy(Read)),
        Event::AlarmRaised { .. } => ("An alarm was raised", Critical, Success, Page(Create)),
        Event::StandInSet { .. } => ("An approver named who stands in", Notice, Success, Person(Update)),
        Event::StandInEnded => ("An approver is back", Informational, Success, Person(Update)),
        Event::ReviewOpened => ("A review link was opened", Informational, Success, Request(Read)),
        Event::ReviewRefused => ("A review link was opened by somebody else", Warning, Failure, Request(Read)),
        Event::LinkOpened => ("A key link was opened", Informational, Success, Request(Read)),
        Event::LinkRefused => ("A key link was opened by somebody else", Warning, Failure, Request(Read)),
        Event::PickUpCodeMade => ("A pick-up code was made", Informational, Success, Request(Update)),
        Event::PickUpCodeRefused { .. } => ("A pick-up code was refused", Warning, Failure, Request(Read)),
        Event::RedemptionAttempted => ("Keys are about to be fetched", Informational, Unknown, Device(Read)),
        Event::RedemptionRefused { .. } => ("A key link was refused", Warning, Failure, Device(Read)),
        Event::FetchFailed { .. } => ("Keys could not be fetched", Warning, Failure, Device(Read)),
        Event::RotationAsked { .. } => ("A device was told to make new keys", Informational, Success, Device(Update)),
        Event::RotationUnsure { .. } => ("A device was perhaps told to make new keys", Warning, Unknown, Device(Update)),
        Event::RotationImpossible { .. } => ("Nobody can have new keys made", Warning, Failure, Device(Update)),
        Event::RotationFailed { .. } => ("New keys could not be had", Error, Failure, Device(Update)),
        Event::SignInRequested { .. } => ("A sign-in code was asked for", Informational, Unknown, BeforeLogOn),
        Event::ProviderSignInRequested { .. } => ("A sign-in began at a provider", Informational, Unknown, BeforeLogOn),
        Event::SignInDropped { .. } => ("No sign-in code was sent", Warning, Failure, LogOn),
        Event::SignInRefused { .. } => ("A sign-in was refused", Warning, Failure, LogOn),
        Event::SignedIn { .. } => ("Somebody signed in", Informational, Success, LogOn),
        Event::SignedOut => ("Somebody signed out", Informational, Success, LogOff),
        Event::SignedOutEverywhere { .. } => ("Somebody was signed out everywhere", Notice, Success, LogOff),
        Event::AccessRefused { .. } => ("A page was refused", Warning, Failure, Page(Read)),
        Event::DeskSearched { .. } => ("An agent searched", Informational, Success, Page(Read)),
        Event::DeskPersonViewed { .. } => ("An agent looked at a person", Informational, Success, Page(Read)),
        Event::OutboxRetried { .. } => ("What was given up is tried again", Notice, Success, Page(Update)),
        Event::AuditSearched { .. } => ("An auditor looked at the log", Informational, Success, Page(Read)),
        Event::AuditExported { .. } => ("An auditor took rows of the log away", Notice, Success, Page(Read)),
        Event::FieldsErased { .. } => ("People were erased from the log", Notice, Success, Page(Update)),
        Event::MailSent { .. } => ("A mail was sent", Informational, Success, Mail),
        Event::MailDead { .. } => ("A mail was given up", Error, Failure, Mail),
        Event::TicketStops { .. } => ("A ticket ended its request", Notice, Success, Request(Update)),
        Event::TicketTold { .. } => ("A ticket was told", Informational, Success, Page(Create)),
        Event::TicketDead { .. } => ("What was to be done with a ticket was given up", Error, Failure, Page(Create)),
        Event::HookTold { .. } => ("A program elsewhere took a message", Informational, Success, Page(Create)),
        Event::HookDead { .. } => ("A message for a program elsewhere was given up", Error, Failure, Page(Create)),
        Event::RowUnreadable { .. } => ("A row of the log cannot be read", Critical, Failure, Page(Read)),
        Event::TokenMade { .. } => ("A token for a program was made", Notice, Success, Page(Create)),
        Event::TokenRevoked { .. } => ("A token of a program was ended", Notice, Success, Page(Update)),
        Event::TokenRefused { .. } => ("A token was refused", Warning, Failure, Page(Read)),
        Event::CheckpointDead { .. } => ("A checkpoint was not kept outside", Error, Failure, Page(Create)),
    };
    Meaning { title, severity, outcome, activity }
}
