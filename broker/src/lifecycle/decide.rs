//! Every step of a request's life. No clock, no I/O, no randomness.

use jiff::{SignedDuration, Timestamp};

use super::command::{Command, Decision, Effect, Refusal, Sending, Step};
use super::request::{Approval, Closing, Draft, Outcome, Request, State};
use crate::letters::LetterKind;
use crate::people::Party;
use crate::policy::Asked;

/// Makes a request of a draft, addressed to the people whom the policy named.
pub fn open(draft: Draft, asked: Asked, now: Timestamp) -> (Request, Step, Vec<Effect>) {
    let request = Request {
        id: draft.id,
        reference: draft.reference,
        requester: draft.requester,
        beneficiary: draft.beneficiary,
        asked: asked.into_parties(),
        device: draft.device,
        wanted: draft.wanted,
        promised: draft.promised,
        unanswered: draft.unanswered,
        reason: draft.reason,
        terms: draft.terms,
        made_at: now,
        state: State::Pending {
            lapses_at: after(now, draft.terms.decide_within),
        },
    };
    let step = Step::Opened {
        asked: request.asked.clone(),
        keys: request
            .promised
            .iter()
            .map(|record| record.key_id)
            .collect(),
        unanswered: request.unanswered.clone(),
    };
    let mut effects = tell(&request, request.askers(), LetterKind::RequestConfirmation);
    effects.extend(tell(&request, &request.asked, LetterKind::ApprovalNeeded));
    (request, step, effects)
}

/// Decides what a command comes to. Expiry is a fact of `now`: nothing but the record of it is
/// possible at or after the moment that a state runs out.
///
/// # Errors
/// A [`Refusal`], and nothing has changed.
#[expect(clippy::too_many_lines, reason = "a table of cells is read as one")]
pub fn decide(request: &Request, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    use Command::{Approve, Decline, IssueLink, Redeem, Revoke, RunOut, Withdraw};

    // Spelled out cell by cell, without a wildcard over states or commands: a new one of either
    // does not compile until each of its cells is thought through.
    match (&request.state, command) {
        (
            State::Closed(_),
            Approve { .. }
            | Decline { .. }
            | Withdraw { .. }
            | Revoke { .. }
            | IssueLink { .. }
            | Redeem { .. }
            | RunOut,
        ) => Err(Refusal::Closed),

        (State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. }, RunOut) => {
            run_out(request, now)
        }

        (
            state @ (State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. }),
            Approve { .. }
            | Decline { .. }
            | Withdraw { .. }
            | Revoke { .. }
            | IssueLink { .. }
            | Redeem { .. },
        ) if state.is_overdue(now) => Err(Refusal::Overdue),

        (State::Pending { .. }, Approve { by, comment }) => {
            let approval = Approval {
                by: by.party_for(request)?.clone(),
                at: now,
                comment: comment.clone(),
            };
            Ok(approve(request, approval, now))
        }
        (State::Approved { .. } | State::LinkSent { .. }, Approve { .. } | Decline { .. }) => {
            Err(Refusal::AlreadyDecided)
        }

        (State::Pending { .. }, Decline { by, comment }) => {
            let by = by.party_for(request)?.clone();
            let outcome = Outcome::Declined {
                by,
                comment: comment.clone(),
            };
            let told = tell(request, request.askers(), LetterKind::RequestDeclined);
            Ok(close(outcome, Step::Declined, told, now))
        }

        (
            State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. },
            Withdraw { by },
        ) => {
            if !request.concerns(by) {
                return Err(Refusal::NotConcerned);
            }
            let told = tell_everybody(request, LetterKind::RequestWithdrawn);
            Ok(close(
                Outcome::Withdrawn { by: by.clone() },
                Step::Withdrawn,
                told,
                now,
            ))
        }
        (
            State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. },
            Revoke { by },
        ) => {
            let told = tell_everybody(request, LetterKind::RequestRevoked);
            Ok(close(
                Outcome::Revoked { by: by.clone() },
                Step::Revoked,
                told,
                now,
            ))
        }

        (State::Pending { .. }, IssueLink { .. } | Redeem { .. }) => Err(Refusal::NotDecided),
        (
            State::Approved {
                approval,
                deliver_by,
            }
            | State::LinkSent {
                approval,
                deliver_by,
                ..
            },
            IssueLink { link },
        ) => {
            if now >= *deliver_by {
                return Err(Refusal::ApprovalTooOld);
            }
            let expires_at = after(now, request.terms.link_valid_for);
            let approval = approval.clone();
            Ok(Decision {
                next: State::LinkSent {
                    approval,
                    deliver_by: *deliver_by,
                    link: *link,
                    expires_at,
                },
                step: Step::LinkIssued { expires_at },
                effects: Vec::new(),
            })
        }

        (State::Approved { .. }, Redeem { .. }) => Err(Refusal::NoLink),
        (
            State::LinkSent {
                approval,
                link: valid,
                ..
            },
            Redeem { link, disclosure },
        ) => {
            if link != valid {
                return Err(Refusal::Superseded);
            }
            if disclosure.keys.is_empty() {
                return Err(Refusal::NoKeys);
            }
            let outcome = Outcome::Redeemed {
                approval: approval.clone(),
                keys: disclosure.keys.clone(),
            };
            let mut effects = tell_everybody(request, LetterKind::KeyRetrieved);
            effects.extend(request.terms.rotate_after.map(|wait| Effect::Rotate {
                request: request.id,
                not_before: after(now, wait),
            }));
            Ok(close(
                outcome,
                Step::Redeemed(disclosure.clone()),
                effects,
                now,
            ))
        }
    }
}

fn approve(request: &Request, approval: Approval, now: Timestamp) -> Decision {
    let mut effects = tell(request, request.askers(), LetterKind::RequestApproved);
    effects.extend(tell(request, [&request.beneficiary], LetterKind::KeyLink));
    Decision {
        next: State::Approved {
            approval,
            deliver_by: after(now, request.terms.deliver_within),
        },
        step: Step::Approved,
        effects,
    }
}

fn run_out(request: &Request, now: Timestamp) -> Result<Decision, Refusal> {
    if !request.state.is_overdue(now) {
        return Err(Refusal::NotDue);
    }
    match &request.state {
        State::Closed(_) => Err(Refusal::Closed),
        State::Pending { .. } | State::Approved { .. } => {
            let outcome = Outcome::Lapsed {
                approval: request.state.approval().cloned(),
            };
            Ok(close(
                outcome,
                Step::Lapsed,
                tell_everybody(request, LetterKind::RequestLapsed),
                now,
            ))
        }
        State::LinkSent { approval, .. } => {
            let outcome = Outcome::Expired {
                approval: approval.clone(),
            };
            Ok(close(
                outcome,
                Step::Expired,
                tell_everybody(request, LetterKind::LinkExpired),
                now,
            ))
        }
    }
}

fn close(outcome: Outcome, step: Step, effects: Vec<Effect>, now: Timestamp) -> Decision {
    Decision {
        next: State::Closed(Closing { at: now, outcome }),
        step,
        effects,
    }
}

/// Letters to those who asked, and to the approver who decided or, before that, all who were asked.
fn tell_everybody(request: &Request, letter: LetterKind) -> Vec<Effect> {
    let mut effects = tell(request, request.askers(), letter);
    match request.state.approval() {
        Some(approval) => effects.extend(tell(request, [&approval.by], letter)),
        None => effects.extend(tell(request, &request.asked, letter)),
    }
    effects
}

fn tell<'a>(
    request: &Request,
    people: impl IntoIterator<Item = &'a Party>,
    letter: LetterKind,
) -> Vec<Effect> {
    let effect = |to: &Party| {
        Effect::Send(Sending {
            letter,
            to: to.clone(),
            request: request.id,
        })
    };
    people.into_iter().map(effect).collect()
}

/// A moment past the end of time is the end of time: a term cannot overflow into a short one.
fn after(now: Timestamp, term: SignedDuration) -> Timestamp {
    now.saturating_add(term).unwrap_or(Timestamp::MAX)
}
