//! What a request waits for, and what holds it up, for those who help.

use clavis_broker::letters::LetterKind;
use clavis_broker::lifecycle::{Request, State};
use clavis_broker::policy::Turn;
use clavis_broker::ports::{FailingJob, Job};
use clavis_broker::service::Queued;
use jiff::Timestamp;

use super::begins;
use crate::site::Site;

/// Something that a request waits for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) what: String,
    /// Whether it will hardly end by itself: somebody is needed.
    pub(crate) is_stuck: bool,
}

/// Whether one of these needs somebody.
pub(crate) fn is_stuck(waits: &[Wait]) -> bool {
    waits.iter().any(|wait| wait.is_stuck)
}

/// What a request waits for at `now`, the gravest first; nothing where it is over.
pub(crate) fn waits(queued: &Queued, now: Timestamp, site: &Site) -> Vec<Wait> {
    let Queued { request, failing } = queued;
    let mut waits: Vec<_> = failing
        .iter()
        .map(|job| of_job(job, request, site))
        .collect();
    if !request.is_overdue(now) {
        waits.extend(of_state(queued, now, site));
    }
    waits.sort_by_key(|wait| !wait.is_stuck);
    waits
}

fn of_job(failing: &FailingJob, request: &Request, site: &Site) -> Wait {
    let tries = tries(failing.attempts);
    let (what, fails) = match &failing.job {
        Job::Letter(sending) => {
            let to = &sending.to.name;
            let what = match sending.letter {
                LetterKind::ApprovalNeeded => format!("The mail that asks {to} to decide"),
                LetterKind::ApprovalReminder => format!("The mail that reminds {to}"),
                LetterKind::KeyLink => format!("The mail with the key link for {to}"),
                _ => format!("A mail to {to} that says how it stands"),
            };
            (what, "was not taken")
        }
        Job::Rotate { .. } => (
            "The order to make a new key".to_owned(),
            "did not come through",
        ),
        Job::TellTicket { .. } => ("A note for the ticket".to_owned(), "was not taken"),
        Job::LookAtTicket { .. }
        | Job::SignInCode { .. }
        | Job::StandIn { .. }
        | Job::Alarm { .. }
        | Job::Hook { .. }
        | Job::Message { .. }
        | Job::Notice { .. }
        | Job::Checkpoint { .. } => ("A mail".to_owned(), "was not taken"),
    };
    // What is tried again in time may still come through by itself.
    let end = request.state.runs_out_at();
    let is_in_time = |at: Timestamp| end.is_none_or(|end| at < end);
    Wait {
        what: match failing.next_try {
            Some(at) => format!(
                "{what} {fails} ({tries}). It is tried again on {}.",
                site.moment(at)
            ),
            None => format!("{what} was given up after {tries}. An operator has to look into it."),
        },
        is_stuck: !failing.next_try.is_some_and(is_in_time),
    }
}

/// `1 try`, `2 tries`.
pub(crate) fn tries(count: i64) -> String {
    let unit = if count == 1 { "try" } else { "tries" };
    format!("{count} {unit}")
}

fn of_state(queued: &Queued, now: Timestamp, site: &Site) -> Option<Wait> {
    let request = &queued.request;
    match &request.state {
        State::Pending { lapses_at, .. } => Some(undecided(request, *lapses_at, now, site)),
        State::Approved { deliver_by, .. } => Some(Wait {
            what: format!(
                "The key link has not left yet. It must until {}.",
                site.moment(*deliver_by)
            ),
            is_stuck: false,
        }),
        // A mail that was not taken has said it all.
        State::LinkSent { .. } if queued.failing.iter().any(has_link) => None,
        State::LinkSent { expires_at, .. } => {
            let valid_for = request.terms.link_valid_for;
            let sent_at = expires_at.saturating_sub(valid_for);
            Some(Wait {
                what: format!(
                    "The key link is unopened. It ends on {}.",
                    site.moment(*expires_at)
                ),
                is_stuck: is_late(sent_at.unwrap_or(request.made_at), *expires_at, now),
            })
        }
        State::Closed(_) => None,
    }
}

fn undecided(request: &Request, lapses_at: Timestamp, now: Timestamp, site: &Site) -> Wait {
    let since = site.moment(request.made_at);
    let (votes, needed) = (request.votes().len(), request.panel.needed());
    let missing = if needed > 1 {
        format!("{votes} of {needed} said yes. ")
    } else {
        String::new()
    };
    let begins = begins(request, now, site);
    let next = begins.first().filter(|_| begins.len() > 1);
    let next = next.map_or_else(String::new, |next| {
        format!(" Next, on {}: {}", next.at.in_words(), next.what)
    });
    let has_somebody = asks_more(request, lapses_at);
    let end = if has_somebody {
        String::new()
    } else {
        format!(
            " Nobody else will be asked, and it lapses on {}.",
            site.moment(lapses_at)
        )
    };
    Wait {
        what: format!("{missing}It has waited for a decision since {since}.{next}{end}"),
        is_stuck: !has_somebody && is_late(request.made_at, lapses_at, now),
    }
}

/// Whether others will be asked in time by themselves.
fn asks_more(request: &Request, lapses_at: Timestamp) -> bool {
    let mut later = request.to_come();
    later.any(|(at, turn)| at < lapses_at && !matches!(turn, Turn::Remind))
}

/// Whether there is anybody whom an agent could have asked now.
pub(crate) fn has_next(request: &Request) -> bool {
    let mut later = request.to_come();
    later.any(|(_, turn)| !matches!(turn, Turn::Remind))
}

/// Whether half of the time is over.
fn is_late(from: Timestamp, to: Timestamp, now: Timestamp) -> bool {
    now.duration_since(from) >= to.duration_since(now)
}

fn has_link(failing: &FailingJob) -> bool {
    matches!(&failing.job, Job::Letter(sending) if sending.letter == LetterKind::KeyLink)
}

#[cfg(test)]
mod tests {
    use clavis_broker::lifecycle::{Approval, Sending, Vote};
    use clavis_broker::people::Party;
    use clavis_broker::policy::{Panel, Stage, seats};
    use clavis_broker::testing::sample::{
        candidates, monday, panel_in_stages, person, request, terms,
    };
    use clavis_broker::tokens::TokenHash;
    use jiff::SignedDuration;

    use super::*;

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    fn party(name: &str) -> Party {
        person(name).party().unwrap()
    }

    fn queued(request: Request) -> Queued {
        let failing = Vec::new();
        Queued { request, failing }
    }

    /// A request of anna's that boss and nina were asked about, and of these stages.
    fn staged(needed: u8, later: Vec<Stage>) -> Request {
        let anna = party("anna");
        let askers = [&anna, &anna];
        let panel: Panel = panel_in_stages(askers, &["boss", "nina"], needed, later);
        Request { panel, ..request() }
    }

    fn others_after(after: i64) -> Stage {
        let anna = party("anna");
        let seats = seats(&candidates(&["otto"]), [&anna, &anna], &[], &[], monday());
        Stage {
            after: hours(after),
            turn: Turn::Alternates(seats),
        }
    }

    fn said(queued: &Queued, after: i64) -> Vec<(String, bool)> {
        let site = crate::testing::site("https://keys.example.com");
        let waits = waits(queued, monday() + hours(after), &site).into_iter();
        waits.map(|wait| (wait.what, wait.is_stuck)).collect()
    }

    fn failing(letter: LetterKind, next_try: Option<Timestamp>) -> FailingJob {
        FailingJob {
            job: Job::Letter(Sending {
                letter,
                to: party("boss"),
                request: request().id,
            }),
            attempts: 3,
            error: "SECRET-INTERNALS".to_owned(),
            next_try,
        }
    }

    const SINCE: &str = "It has waited for a decision since Monday, 23 November 2026, 10:00 CET.";

    #[test]
    fn a_request_with_nobody_left_to_ask_is_stuck_from_half_of_its_time_on() {
        let queued = queued(request());
        let end =
            "Nobody else will be asked, and it lapses on Thursday, 26 November 2026, 10:00 CET.";
        let expected = format!("{SINCE} {end}");
        for (after, is_stuck) in [(0, false), (35, false), (36, true), (71, true)] {
            assert_eq!(said(&queued, after), [(expected.clone(), is_stuck)]);
        }
        assert_eq!(said(&queued, 72), []);
    }

    #[test]
    fn what_comes_next_is_said_and_others_to_come_are_no_reason_to_act() {
        let reminder = Stage {
            after: hours(24),
            turn: Turn::Remind,
        };
        let mut request = staged(2, vec![reminder, others_after(48)]);
        let State::Pending { votes, begun, .. } = &mut request.state else {
            panic!("pending");
        };
        votes.push(Vote {
            by: party("boss"),
            in_place_of: None,
            at: monday(),
            comment: None,
        });
        let next =
            "Next, on Tuesday, 24 November 2026, 10:00 CET: Whoever has not answered is reminded.";
        let expected = format!("1 of 2 said yes. {SINCE} {next}");
        assert_eq!(begun, &0);
        assert_eq!(said(&queued(request.clone()), 1), [(expected, false)]);
        assert!(has_next(&request));

        let State::Pending { begun, .. } = &mut request.state else {
            panic!("pending");
        };
        *begun = 1;
        let next = "Next, on Wednesday, 25 November 2026, 10:00 CET: otto is asked as well.";
        let expected = format!("1 of 2 said yes. {SINCE} {next}");
        assert_eq!(said(&queued(request.clone()), 40), [(expected, false)]);

        let State::Pending { begun, .. } = &mut request.state else {
            panic!("pending");
        };
        *begun = 2;
        assert!(!has_next(&request));
        let [(last, true)] = &said(&queued(request), 60)[..] else {
            panic!("stuck");
        };
        assert!(last.contains("Nobody else will be asked"), "{last}");
    }

    #[test]
    fn others_who_would_be_asked_after_the_end_can_only_be_called() {
        let request = staged(1, vec![others_after(100)]);
        assert!(has_next(&request));
        let [(what, true)] = &said(&queued(request), 40)[..] else {
            panic!("stuck");
        };
        assert!(what.contains("Nobody else will be asked"), "{what}");
    }

    #[test]
    fn mails_that_fail_are_stuck_once_they_are_given_up_or_come_too_late() {
        let mut queued = queued(request());
        let again = monday() + hours(1);
        queued.failing = vec![
            failing(LetterKind::ApprovalNeeded, Some(again)),
            failing(LetterKind::RequestConfirmation, None),
        ];
        let found = said(&queued, 0);
        assert_eq!(
            found[..2],
            [
                (
                    "A mail to boss that says how it stands was given up after 3 tries. An operator \
                     has to look into it."
                        .to_owned(),
                    true
                ),
                (
                    "The mail that asks boss to decide was not taken (3 tries). It is tried again on \
                     Monday, 23 November 2026, 11:00 CET."
                        .to_owned(),
                    false
                ),
            ]
        );
        assert!(!found[2].1 && found.len() == 3);

        let State::Pending { lapses_at, .. } = queued.request.state else {
            panic!("pending");
        };
        for (early, is_stuck) in [(1, false), (0, true), (-1, true)] {
            let again = lapses_at - SignedDuration::from_secs(early);
            queued.failing = vec![failing(LetterKind::ApprovalNeeded, Some(again))];
            assert_eq!(said(&queued, 0)[0].1, is_stuck, "{early}");
        }
    }

    #[test]
    fn a_key_link_waits_for_its_mail_and_then_for_its_reader() {
        let approval = Approval::Votes { votes: Vec::new() };
        let deliver_by = monday() + hours(24);
        let mut queued = queued(request());
        queued.request.state = State::Approved {
            approval: approval.clone(),
            deliver_by,
        };
        let [(what, false)] = &said(&queued, 1)[..] else {
            panic!("not stuck");
        };
        assert!(what.starts_with("The key link has not left yet."), "{what}");

        queued.request.state = State::LinkSent {
            approval,
            deliver_by,
            link: TokenHash([7; 32]),
            expires_at: monday() + terms().link_valid_for,
        };
        let unopened = "The key link is unopened. It ends on Monday, 23 November 2026, 13:00 CET.";
        assert_eq!(said(&queued, 1), [(unopened.to_owned(), false)]);
        assert_eq!(said(&queued, 2), [(unopened.to_owned(), true)]);
        queued.failing = vec![failing(LetterKind::KeyLink, None)];
        let [(what, true)] = &said(&queued, 1)[..] else {
            panic!("the mail alone");
        };
        assert!(what.contains("key link for boss was given up"), "{what}");
    }
}
