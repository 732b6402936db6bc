//! Every step of a request's life. No clock, no I/O, no randomness.

use jiff::{SignedDuration, Timestamp};

use super::command::{Command, Decision, Effect, Refusal, Sending, Step};
use super::request::{Approval, Closing, Draft, Outcome, Request, State, Vote, has_ended};
use crate::letters::LetterKind;
use crate::people::Party;
use crate::policy::{Panel, Seat, Turn};

/// Makes a request of a draft, addressed to the people whom the policy named.
pub fn open(draft: Draft, panel: Panel, now: Timestamp) -> (Request, Step, Vec<Effect>) {
    let lapses_at = after(now, draft.terms.decide_within);
    let mut request = Request {
        id: draft.id,
        reference: draft.reference,
        requester: draft.requester,
        beneficiary: draft.beneficiary,
        panel,
        device: draft.device,
        wanted: draft.wanted,
        promised: draft.promised,
        unanswered: draft.unanswered,
        reason: draft.reason,
        ticket: draft.ticket,
        made_by: draft.made_by,
        terms: draft.terms,
        made_at: now,
        state: State::Pending {
            lapses_at,
            votes: Vec::new(),
            begun: 0,
            next_at: None,
        },
    };
    request.state = pending(&request, lapses_at, Vec::new(), 0);
    let by_another = request.requester.id != request.beneficiary.id;
    let step = Step::Opened {
        asked: parties(request.asked()),
        rule: request.panel.rule().to_owned(),
        for_whom: by_another.then(|| request.beneficiary.clone()),
        keys: request
            .promised
            .iter()
            .map(|record| record.key_id)
            .collect(),
        unanswered: request.unanswered.clone(),
    };
    let mut effects = tell(&request, request.askers(), LetterKind::RequestConfirmation);
    effects.extend(ask(&request, request.asked()));
    (request, step, effects)
}

/// Decides what a command comes to. Expiry is a fact of `now`: nothing but the record of it is
/// possible at or after the moment that a state runs out.
///
/// # Errors
/// A [`Refusal`], and nothing has changed.
#[expect(clippy::too_many_lines, reason = "a table of cells is read as one")]
pub fn decide(request: &Request, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    use Command::{
        Approve, BreakGlass, Decline, Escalate, IssueLink, Redeem, Revoke, RunOut, SendAgain,
        Withdraw,
    };

    // Spelled out cell by cell, without a wildcard over states or commands: a new one of either
    // does not compile until each of its cells is thought through.
    match (&request.state, command) {
        (
            State::Closed(_),
            Approve { .. }
            | Decline { .. }
            | Withdraw { .. }
            | Revoke { .. }
            | Escalate { .. }
            | BreakGlass { .. }
            | IssueLink { .. }
            | SendAgain { .. }
            | Redeem { .. }
            | RunOut,
        ) => Err(Refusal::Closed),

        (State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. }, RunOut) => {
            run_out(request, now)
        }

        (
            State::Pending { .. } | State::Approved { .. } | State::LinkSent { .. },
            Approve { .. }
            | Decline { .. }
            | Withdraw { .. }
            | Revoke { .. }
            | Escalate { .. }
            | BreakGlass { .. }
            | IssueLink { .. }
            | SendAgain { .. }
            | Redeem { .. },
        ) if request.is_overdue(now) => Err(Refusal::Overdue),

        (
            State::Pending {
                lapses_at,
                votes,
                begun,
                ..
            },
            Approve {
                by,
                comment,
                lapsed,
            },
        ) => {
            let seat = by.seat_for(request)?;
            let (lapsed, votes): (Vec<&Vote>, Vec<&Vote>) =
                votes.iter().partition(|vote| lapsed.contains(&vote.by.id));
            if votes.iter().any(|vote| vote.counts_for(seat)) {
                return Err(Refusal::AlreadyVoted);
            }
            let lapsed = lapsed.into_iter().map(|vote| vote.by.clone()).collect();
            let vote = Vote {
                by: seat.party.clone(),
                in_place_of: seat.in_place_of.clone(),
                at: now,
                comment: comment.clone(),
            };
            let votes: Vec<_> = votes.into_iter().cloned().chain([vote]).collect();
            let in_place_of = seat.in_place_of.clone();
            if votes.len() < request.panel.needed() {
                let step = Step::Supported {
                    in_place_of,
                    votes: votes.len(),
                    needed: request.panel.needed(),
                    lapsed,
                };
                return Ok(Decision {
                    next: pending(request, *lapses_at, votes, *begun),
                    step,
                    effects: Vec::new(),
                });
            }
            let told = LetterKind::RequestApproved;
            let mut effects = tell(request, request.askers(), told);
            let approval = Approval::Votes { votes };
            let step = Step::Approved {
                in_place_of,
                lapsed,
            };
            effects.extend(tell(request, [&request.beneficiary], LetterKind::KeyLink));
            Ok(release(request, approval, step, effects, now))
        }
        (
            State::Approved { .. } | State::LinkSent { .. },
            Approve { .. } | Decline { .. } | Escalate { .. } | BreakGlass { .. },
        ) => Err(Refusal::AlreadyDecided),

        (
            State::Pending {
                lapses_at,
                votes,
                begun,
                next_at,
            },
            Escalate { by },
        ) => {
            let is_due = next_at.is_some_and(|at| now >= at);
            if by.is_none() && !is_due {
                return Err(Refusal::NotDue);
            }
            let (begun, turn) = next_turn(request, *begun, by.is_some())?;
            let (step, effects) = take_turn(request, turn);
            Ok(Decision {
                next: pending(request, *lapses_at, votes.clone(), begun),
                step,
                effects,
            })
        }

        (State::Pending { .. }, BreakGlass { by, reason }) => {
            let who = by.party();
            if request.askers().any(|asker| asker.is_same_as(who)) {
                return Err(Refusal::NotConcerned);
            }
            let approval = Approval::BrokenGlass {
                who: who.clone(),
                at: now,
                reason: reason.clone(),
            };
            let skipped = parties(request.panel.everybody());
            let told = LetterKind::GlassBroken;
            let mut effects = tell(request, request.askers().chain(&skipped), told);
            effects.extend(tell(request, [&request.beneficiary], LetterKind::KeyLink));
            let reason = reason.clone();
            let step = Step::GlassBroken { reason, skipped };
            Ok(release(request, approval, step, effects, now))
        }

        (State::Pending { .. }, Decline { by, comment }) => {
            let by = by.seat_for(request)?.party.clone();
            let outcome = Outcome::Declined {
                by,
                comment: comment.clone(),
            };
            let told = tell(request, request.askers(), LetterKind::RequestDeclined);
            Ok(close(request, outcome, Step::Declined, told, now))
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
                request,
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
                request,
                Outcome::Revoked { by: by.clone() },
                Step::Revoked,
                told,
                now,
            ))
        }

        (State::Pending { .. }, IssueLink { .. } | SendAgain { .. } | Redeem { .. }) => {
            Err(Refusal::NotDecided)
        }
        (
            state @ (State::Approved { deliver_by, .. } | State::LinkSent { deliver_by, .. }),
            SendAgain { by: _ },
        ) => {
            if has_ended(*deliver_by, request.terms.deliver_within, now) {
                return Err(Refusal::ApprovalTooOld);
            }
            Ok(Decision {
                next: state.clone(),
                step: Step::LinkWanted,
                effects: tell(request, [&request.beneficiary], LetterKind::KeyLink),
            })
        }
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
            if has_ended(*deliver_by, request.terms.deliver_within, now) {
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
                request,
                outcome,
                Step::Redeemed(disclosure.clone()),
                effects,
                now,
            ))
        }
    }
}

/// The next state of a request that is still to be decided.
fn pending(request: &Request, lapses_at: Timestamp, votes: Vec<Vote>, begun: usize) -> State {
    let next = request.panel.later().get(begun);
    // What would begin when the request has lapsed never does.
    let next_at = next.map(|stage| request.begins_at(stage));
    State::Pending {
        lapses_at,
        votes,
        begun,
        next_at: next_at.filter(|at| *at < lapses_at),
    }
}

/// The stage that is next, and how many will have begun with it. Who calls for more people means
/// people: a reminder that stands before them is passed over.
fn next_turn(
    request: &Request,
    begun: usize,
    people_alone: bool,
) -> Result<(usize, &Turn), Refusal> {
    let later = request.panel.later().iter().enumerate().skip(begun);
    let mut later = later.map(|(at, stage)| (at + 1, &stage.turn));
    let found = later.find(|(_, turn)| !people_alone || !matches!(turn, Turn::Remind));
    found.ok_or(Refusal::NobodyLeft)
}

fn take_turn(request: &Request, turn: &Turn) -> (Step, Vec<Effect>) {
    let (seats, last_resort) = match turn {
        Turn::Remind => {
            let silent = request
                .asked()
                .filter(|seat| request.vote_of(seat).is_none());
            let silent = silent.map(|seat| &seat.party);
            let told = tell(request, silent, LetterKind::ApprovalReminder);
            return (Step::Reminded, told);
        }
        Turn::Alternates(seats) => (seats, false),
        Turn::LastResort(seats) => (seats, true),
    };
    let step = Step::AskedMore {
        asked: parties(seats),
        last_resort,
    };
    (step, ask(request, seats))
}

/// The keys may be released: the key link is to be sent.
fn release(
    request: &Request,
    approval: Approval,
    step: Step,
    effects: Vec<Effect>,
    now: Timestamp,
) -> Decision {
    Decision {
        next: State::Approved {
            approval,
            deliver_by: after(now, request.terms.deliver_within),
        },
        step,
        effects,
    }
}

fn run_out(request: &Request, now: Timestamp) -> Result<Decision, Refusal> {
    if !request.is_overdue(now) {
        return Err(Refusal::NotDue);
    }
    match &request.state {
        State::Closed(_) => Err(Refusal::Closed),
        State::Pending { .. } | State::Approved { .. } => {
            let outcome = Outcome::Lapsed {
                approval: request.state.approval().cloned(),
            };
            Ok(close(
                request,
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
                request,
                outcome,
                Step::Expired,
                tell_everybody(request, LetterKind::LinkExpired),
                now,
            ))
        }
    }
}

fn close(
    request: &Request,
    outcome: Outcome,
    step: Step,
    effects: Vec<Effect>,
    now: Timestamp,
) -> Decision {
    let votes = match outcome.approval() {
        Some(_) => Vec::new(),
        None => request.votes().to_vec(),
    };
    Decision {
        next: State::Closed(Closing {
            at: now,
            outcome,
            votes,
        }),
        step,
        effects,
    }
}

/// Letters to those who asked, and to the approvers who decided or, before that, all who were asked.
fn tell_everybody(request: &Request, letter: LetterKind) -> Vec<Effect> {
    let mut effects = tell(request, request.askers(), letter);
    match request.state.approval() {
        Some(approval) => effects.extend(tell(request, approval.people(), letter)),
        None => effects.extend(tell(request, &parties(request.asked()), letter)),
    }
    effects
}

fn ask<'a>(request: &Request, seats: impl IntoIterator<Item = &'a Seat>) -> Vec<Effect> {
    let people = seats.into_iter().map(|seat| &seat.party);
    tell(request, people, LetterKind::ApprovalNeeded)
}

fn parties<'a>(seats: impl IntoIterator<Item = &'a Seat>) -> Vec<Party> {
    let people = seats.into_iter().map(|seat| seat.party.clone());
    people.collect()
}

/// Letters to these people. Whoever is asked at a service desk is not asked by mail as well.
fn tell<'a>(
    request: &Request,
    people: impl IntoIterator<Item = &'a Party>,
    letter: LetterKind,
) -> Vec<Effect> {
    if request.is_decided_at_desk() && letter.asks_to_decide() {
        return Vec::new();
    }
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
