//! What is written into a ticket: internal notes, in plain lines, for the people of the desk. Never a
//! key or a link.

use jiff::Timestamp;

use crate::audit::WhyNoRequest;
use crate::lifecycle::{Approval, Closing, Outcome, Request};
use crate::people::Party;

/// No key was shown.
const NO_KEY: &str = "No key was shown.";

/// A request was made.
pub(super) fn opened(request: &Request) -> String {
    let mut lines = vec![format!(
        "Clavis has made request {} of this ticket: the recovery keys of {}, for {}.",
        request.reference, request.device.name, request.beneficiary.name
    )];
    let asked = names(request.asked().map(|seat| &seat.party));
    lines.push(if request.is_decided_at_desk() {
        format!("It waits for the approvals of this ticket. These people may approve it: {asked}.")
    } else {
        format!("Clavis has asked these people to approve it: {asked}.")
    });
    lines.push(
        "Once it is approved, the key link is mailed to the person at the address in the directory."
            .to_owned(),
    );
    lines.join("\n")
}

/// It was approved.
pub(super) fn approved(request: &Request, approval: &Approval) -> String {
    format!(
        "Request {}: {}\nThe key link is mailed to {}.",
        request.reference,
        by(approval),
        request.beneficiary.name
    )
}

/// It is over: the record of it.
pub(super) fn ended(request: &Request, closing: &Closing) -> String {
    let at = moment(closing.at);
    let mut lines = vec![format!(
        "Request {} of Clavis is closed.",
        request.reference
    )];
    match &closing.outcome {
        Outcome::Redeemed { approval, keys } => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            lines.extend([
                format!(
                    "The keys were shown to {} on {at}.",
                    request.beneficiary.name
                ),
                by(approval),
                format!("Device: {}", request.device.name),
                format!("Key IDs: {}", keys.join(", ")),
            ]);
        }
        Outcome::Declined { by, .. } => {
            lines.push(format!("{} declined it on {at}. {NO_KEY}", by.name));
        }
        Outcome::Withdrawn { by } => {
            lines.push(format!("{} took it back on {at}. {NO_KEY}", by.name));
        }
        Outcome::Expired { approval } => lines.extend([
            by(approval),
            format!("The key link was not opened in time, and ended on {at}. {NO_KEY}"),
        ]),
        Outcome::Lapsed { approval: None } => {
            lines.push(format!(
                "Nobody decided in time; it lapsed on {at}. {NO_KEY}"
            ));
        }
        Outcome::Lapsed {
            approval: Some(approval),
        } => lines.extend([
            by(approval),
            format!("The key link could not be mailed in time; it lapsed on {at}. {NO_KEY}"),
        ]),
        Outcome::Revoked { by } => {
            lines.push(format!("It was stopped on {at} by {by}. {NO_KEY}"));
        }
    }
    lines.join("\n")
}

/// No request could be made.
pub(super) fn refused(why: WhyNoRequest) -> String {
    let (what, remedy) = match why {
        WhyNoRequest::UnknownUser => (
            "the directory knows nobody by what the ticket's user has: ID, mail address, login",
            "Correct the user, or choose another.",
        ),
        WhyNoRequest::AmbiguousUser => (
            "what the ticket's user has leads to more than one account in the directory",
            "Correct the user's ID, mail address or login.",
        ),
        WhyNoRequest::UnfitPerson | WhyNoRequest::UnfitBeneficiary => (
            "the account of the ticket's user is disabled or has no mail address",
            "An administrator can mend the account.",
        ),
        WhyNoRequest::UnknownAgent => (
            "the service desk does not tell who the agent is that raised the ticket",
            "An operator of Clavis has to run `clavis check`; or raise another ticket.",
        ),
        WhyNoRequest::NoAsset => (
            "the ticket names no asset",
            "Choose the locked device in the Asset field.",
        ),
        WhyNoRequest::SeveralAssets => (
            "the ticket names more than one asset",
            "Leave the locked device alone in the Asset field, and raise a ticket for each other one.",
        ),
        WhyNoRequest::UnknownAsset => (
            "the ticket's asset has no ID by which a device can be told for sure",
            "Add its Intune ID or its inventory number, or choose another asset.",
        ),
        WhyNoRequest::UnknownDevice => (
            "no place where keys are kept knows the ticket's asset",
            "See whether its Intune ID and its inventory number are right.",
        ),
        WhyNoRequest::Ambiguous => (
            "what the ticket's asset has leads to more than one device",
            "Correct its Intune ID or its inventory number, so that one device is left.",
        ),
        WhyNoRequest::NothingEscrowed | WhyNoRequest::WrongKeyId => (
            "no recovery key is kept for the device",
            "See whether its keys were ever escrowed.",
        ),
        WhyNoRequest::NobodyToAsk => (
            "there is nobody who may approve it",
            "See the handbook of Clavis under «Who approves».",
        ),
        WhyNoRequest::PolicyFault => (
            "the rules that say who approves cannot be carried out",
            "An operator of Clavis has to run `clavis check`.",
        ),
        WhyNoRequest::AlreadyOpen => (
            "there is an open request of this person for the device already",
            "Wait until that one has ended, or close this ticket.",
        ),
        WhyNoRequest::Unavailable => (
            "something that it needs did not answer",
            "It is tried again by itself.",
        ),
    };
    format!("Clavis could not make a request of this ticket: {what}.\n{remedy}")
}

fn by(approval: &Approval) -> String {
    match approval {
        Approval::Votes { votes } => {
            let votes = votes.iter().map(|vote| {
                let at = moment(vote.at);
                match &vote.in_place_of {
                    Some(of) => format!("{} in place of {} on {at}", vote.by.name, of.name),
                    None => format!("{} on {at}", vote.by.name),
                }
            });
            format!("Approved by {}.", votes.collect::<Vec<_>>().join(", "))
        }
        Approval::BrokenGlass { who, at, .. } => format!(
            "Released without an approval by {} on {}.",
            who.name,
            moment(*at)
        ),
    }
}

fn names<'a>(people: impl Iterator<Item = &'a Party>) -> String {
    let names: Vec<_> = people.map(|person| person.name.as_str()).collect();
    names.join(", ")
}

/// A moment, to the minute. The desk's people may be anywhere.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d at %H:%M UTC").to_string()
}
