//! What happens while nobody decides, and where more than one has to.

use jiff::SignedDuration;

use super::{approve, escalate, hours, party, withdraw};
use crate::letters::LetterKind::{self, ApprovalNeeded, ApprovalReminder};
use crate::lifecycle::{Command, Effect, Refusal, Request, State, Step, decide, open};
use crate::people::Party;
use crate::policy::{Away, Because, Candidates, Panel, Rule, Seat, Stage, Turn, authorise, seats};
use crate::testing::CountingRandom;
use crate::testing::sample::{candidates, draft, monday, panel_in_stages, person};

fn stage(after: i64, turn: Turn) -> Stage {
    let after = hours(after);
    Stage { after, turn }
}

fn seats_of(names: &[&str]) -> Vec<Seat> {
    let anna = party("anna");
    seats(&candidates(names), [&anna, &anna], &[], &[], monday())
}

/// Boss and nina are asked, reminded after 4 hours; otto is asked after 8, the last resort after 24.
fn waiting(needed: u8) -> Request {
    let draft = draft(1, &CountingRandom::default());
    let later = vec![
        stage(4, Turn::Remind),
        stage(8, Turn::Alternates(seats_of(&["otto"]))),
        stage(24, Turn::LastResort(seats_of(&["last"]))),
    ];
    let askers = [&draft.requester, &draft.beneficiary];
    let panel = panel_in_stages(askers, &["boss", "nina"], needed, later);
    open(draft, panel, monday()).0
}

fn then(request: &Request, command: &Command, after: SignedDuration) -> (Request, Vec<Effect>) {
    let decision = decide(request, command, monday() + after).unwrap();
    let next = Request {
        state: decision.next,
        ..request.clone()
    };
    (next, decision.effects)
}

fn letters(effects: &[Effect]) -> Vec<(LetterKind, String)> {
    let letter = |effect: &Effect| match effect {
        Effect::Send(sending) => (sending.letter, sending.to.name.clone()),
        Effect::Rotate { .. } => panic!("no letter"),
    };
    effects.iter().map(letter).collect()
}

fn yes(request: &Request, who: &str) -> Command {
    Command::Approve {
        by: authorise(request, &person(who), true).unwrap(),
        comment: None,
        lapsed: Vec::new(),
    }
}

#[test]
fn who_is_silent_is_reminded_and_then_others_are_asked_each_at_its_time() {
    let mut request = waiting(1);
    let expected: [(i64, LetterKind, &[&str]); 3] = [
        (4, ApprovalReminder, &["boss", "nina"]),
        (8, ApprovalNeeded, &["otto"]),
        (24, ApprovalNeeded, &["last"]),
    ];
    for (after, letter, to) in expected {
        assert_eq!(request.state.due_at(), Some(monday() + hours(after)));
        let moment = SignedDuration::from_nanos(1);
        let early = decide(&request, &escalate(None), monday() + hours(after) - moment);
        assert_eq!(early, Err(Refusal::NotDue));
        let (next, effects) = then(&request, &escalate(None), hours(after));
        let told: Vec<_> = to.iter().map(|name| (letter, (*name).to_owned())).collect();
        assert_eq!(letters(&effects), told);
        request = next;
    }
    let lapses = monday() + request.terms.decide_within;
    assert_eq!(request.state.due_at(), Some(lapses));
    let more = decide(&request, &escalate(Some("agent")), monday() + hours(25));
    assert_eq!(more, Err(Refusal::NobodyLeft));
}

#[test]
fn who_was_not_asked_yet_cannot_decide_yet() {
    let request = waiting(1);
    let early = authorise(&request, &person("otto"), true);
    assert_eq!(early, Err(Refusal::NotConcerned));
    let (asked, _) = then(&request, &escalate(Some("agent")), hours(1));
    let (done, _) = then(&asked, &yes(&asked, "otto"), hours(2));
    assert!(matches!(done.state, State::Approved { .. }));
}

#[test]
fn who_calls_for_more_people_gets_people_and_the_rest_comes_in_its_time() {
    let request = waiting(1);
    let decision = decide(&request, &escalate(Some("agent")), monday() + hours(1)).unwrap();
    assert_eq!(
        letters(&decision.effects),
        [(ApprovalNeeded, "otto".to_owned())]
    );
    assert_eq!(decision.next.due_at(), Some(monday() + hours(24)));
}

#[test]
fn where_two_are_needed_one_yes_is_not_enough_and_each_counts_once() {
    let request = waiting(2);
    let (one, effects) = then(&request, &approve(&request), hours(1));
    assert!(matches!(&one.state, State::Pending { votes, .. } if votes.len() == 1));
    assert_eq!(effects, []);
    let again = decide(&one, &approve(&one), monday() + hours(1));
    assert_eq!(again, Err(Refusal::AlreadyVoted));
    // Who has said yes is not reminded of it.
    let (one, effects) = then(&one, &escalate(None), hours(4));
    assert_eq!(letters(&effects), [(ApprovalReminder, "nina".to_owned())]);
    let decision = decide(&one, &yes(&one, "nina"), monday() + hours(5)).unwrap();
    assert_eq!(decision.step, approved());
    let names: Vec<_> = decision.next.approval().unwrap().people().collect();
    assert_eq!(names, [&party("boss"), &party("nina")]);
}

#[test]
fn a_yes_that_lapsed_is_not_counted_and_frees_its_place() {
    let request = waiting(2);
    let (one, _) = then(&request, &approve(&request), hours(1));
    let Command::Approve { by, comment, .. } = yes(&one, "nina") else {
        unreachable!("it is a yes");
    };
    let lapsed = vec![person("boss").id];
    let without = Command::Approve {
        by,
        comment,
        lapsed,
    };
    let decision = decide(&one, &without, monday() + hours(2)).unwrap();
    let step = Step::Supported {
        in_place_of: None,
        votes: 1,
        needed: 2,
        lapsed: vec![party("boss")],
    };
    assert_eq!(decision.step, step);
    let (one, _) = then(&one, &without, hours(2));
    let decision = decide(&one, &approve(&one), monday() + hours(3)).unwrap();
    assert_eq!(decision.step, approved());
}

/// A yes that was enough, said for oneself.
fn approved() -> Step {
    Step::Approved {
        in_place_of: None,
        lapsed: Vec::new(),
    }
}

#[test]
fn one_no_is_enough_where_two_are_needed() {
    let request = waiting(2);
    let (one, _) = then(&request, &approve(&request), hours(1));
    let by = authorise(&one, &person("nina"), true).unwrap();
    let (done, _) = then(&one, &Command::Decline { by, comment: None }, hours(2));
    assert!(matches!(done.state, State::Closed(_)));
}

#[test]
fn the_yeses_that_were_said_outlive_an_end_that_they_did_not_bring() {
    let request = waiting(2);
    let (one, _) = then(&request, &approve(&request), hours(1));
    let by = authorise(&one, &person("nina"), true).unwrap();
    let whom = party("anna");
    let time = one.terms.decide_within;
    for (command, after) in [
        (Command::Decline { by, comment: None }, hours(2)),
        (Command::Withdraw { by: whom }, hours(2)),
        (Command::Revoke { by: "otto".into() }, hours(2)),
        (Command::RunOut, time),
    ] {
        let (done, _) = then(&one, &command, after);
        assert_eq!(done.votes(), one.votes(), "{command:?}");
        let seats: Vec<_> = done.asked().collect();
        let said = |seat: &Seat| done.vote_of(seat).map(|vote| vote.by.name.as_str());
        assert_eq!(said(seats[0]), Some("boss"));
        assert_eq!(said(seats[1]), None);
    }
    // Those that released the key are said once.
    let (approved, _) = then(&one, &yes(&one, "nina"), hours(2));
    let (lapsed, _) = then(&approved, &Command::RunOut, time);
    assert_eq!(lapsed.votes(), approved.votes());
    assert!(matches!(&lapsed.state, State::Closed(closing) if closing.votes.is_empty()));
    let (withdrawn, _) = then(&approved, &withdraw("anna"), hours(3));
    assert_eq!(withdrawn.votes(), approved.votes());
}

#[test]
fn a_second_account_with_the_same_mail_address_says_no_second_yes() {
    let request = waiting(2);
    let (one, _) = then(&request, &approve(&request), hours(1));
    let seat = Seat {
        party: Party {
            mail: party("boss").mail,
            ..party("boss-admin")
        },
        ..one.asked().next().unwrap().clone()
    };
    assert_eq!(one.vote_of(&seat), Some(&one.votes()[0]));
}

#[test]
fn who_is_asked_once_nobody_has_decided_has_a_later_seat() {
    let request = waiting(1);
    let later: Vec<_> = request.panel.everybody().collect();
    let later = later.iter().map(|seat| request.panel.is_later(seat));
    assert_eq!(later.collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn who_stands_in_counts_in_the_place_of_the_other_and_not_beside_them() {
    let draft = draft(1, &CountingRandom::default());
    let rule = Rule {
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let group = |names: &[&str]| Candidates {
        because: Because::Manager,
        people: names.iter().map(|name| person(name)).collect(),
    };
    let away = Away {
        who: person("boss").id,
        stand_in: person("otto"),
        until: monday() + hours(9),
    };
    let askers = [&draft.requester, &draft.beneficiary];
    let seats = seats(&[group(&["boss", "nina"])], askers, &[away], &[], monday());
    let panel = Panel::new(&rule, seats, Vec::new()).unwrap();
    let request = open(draft, panel, monday()).0;

    let (one, _) = then(&request, &approve(&request), hours(1));
    let twice = decide(&one, &yes(&one, "otto"), monday() + hours(1));
    assert_eq!(twice, Err(Refusal::AlreadyVoted));
    let (other, _) = then(&request, &yes(&request, "otto"), hours(1));
    let twice = decide(&other, &approve(&other), monday() + hours(1));
    assert_eq!(twice, Err(Refusal::AlreadyVoted));
    let done = decide(&other, &yes(&other, "nina"), monday() + hours(1)).unwrap();
    assert!(matches!(done.next, State::Approved { .. }));
}

#[test]
fn what_would_begin_after_the_end_never_does() {
    let mut draft = draft(1, &CountingRandom::default());
    draft.terms.decide_within = hours(8);
    let later = vec![stage(8, Turn::Alternates(seats_of(&["otto"])))];
    let askers = [&draft.requester, &draft.beneficiary];
    let panel = panel_in_stages(askers, &["boss"], 1, later);
    let request = open(draft, panel, monday()).0;
    assert_eq!(request.state.due_at(), Some(monday() + hours(8)));
    let at_the_end = decide(&request, &escalate(None), monday() + hours(8));
    assert_eq!(at_the_end, Err(Refusal::Overdue));
}
