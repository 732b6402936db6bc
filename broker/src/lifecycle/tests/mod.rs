//! The lifecycle, cell by cell, and what holds over any course of it.

mod courses;
mod letters;
mod panels;
mod table;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Approval, Closing, Command, Disclosure, Outcome, Request, State, Vote};
use crate::devices::BackendName;
use crate::keys::KeyId;
use crate::people::Party;
use crate::policy::authorise;
use crate::roles::{Role, Roles};
use crate::testing::sample::{monday, person, request, terms};
use crate::text::Reason;
use crate::tokens::TokenHash;

const RIGHT: TokenHash = TokenHash([1; 32]);
const WRONG: TokenHash = TokenHash([2; 32]);

fn party(name: &str) -> Party {
    person(name).party().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn disclosure(keys: Vec<KeyId>) -> Disclosure {
    Disclosure {
        keys,
        read_from: vec![BackendName("test".into())],
        unanswered: Vec::new(),
    }
}

fn keys() -> Vec<KeyId> {
    vec![KeyId(Uuid::from_u128(1))]
}

fn approval(at: Timestamp) -> Approval {
    let vote = Vote {
        by: party("boss"),
        in_place_of: None,
        at,
        comment: None,
    };
    Approval::Votes { votes: vec![vote] }
}

fn pending() -> Request {
    request()
}

/// Approved an hour after it was made.
fn approved() -> Request {
    let at = monday() + hours(1);
    let state = State::Approved {
        approval: approval(at),
        deliver_by: at + terms().deliver_within,
    };
    Request { state, ..request() }
}

/// The link was sent two hours after the request was made.
fn link_sent() -> Request {
    link_sent_at(monday() + hours(2))
}

fn link_sent_at(at: Timestamp) -> Request {
    let approved_at = monday() + hours(1);
    let state = State::LinkSent {
        approval: approval(approved_at),
        deliver_by: approved_at + terms().deliver_within,
        link: RIGHT,
        expires_at: at + terms().link_valid_for,
    };
    Request { state, ..request() }
}

fn closed(outcome: Outcome) -> Request {
    let at = monday() + hours(3);
    let state = State::Closed(Closing {
        at,
        outcome,
        votes: Vec::new(),
    });
    Request { state, ..request() }
}

/// What boss says of this request.
fn approve(request: &Request) -> Command {
    Command::Approve {
        by: authorise(request, &person("boss"), true).unwrap(),
        comment: None,
        lapsed: Vec::new(),
    }
}

fn escalate(by: Option<&str>) -> Command {
    let by = by.map(party);
    Command::Escalate { by }
}

fn break_glass(by: &str) -> Command {
    let breaker: Roles = [Role::BreakGlass].into_iter().collect();
    Command::BreakGlass {
        by: breaker.glass_breaker(&party(by)).unwrap(),
        reason: Reason::parse("The plane leaves.").unwrap(),
    }
}

fn send_again() -> Command {
    let by = party("agent");
    Command::SendAgain { by }
}

fn decline(request: &Request) -> Command {
    Command::Decline {
        by: authorise(request, &person("boss"), true).unwrap(),
        comment: None,
    }
}

fn withdraw(by: &str) -> Command {
    Command::Withdraw { by: party(by) }
}

fn revoke() -> Command {
    Command::Revoke {
        by: "root".to_owned(),
    }
}

fn issue(link: TokenHash) -> Command {
    Command::IssueLink { link }
}

fn redeem(link: TokenHash) -> Command {
    Command::Redeem {
        link,
        disclosure: disclosure(keys()),
    }
}
