//! Who is told of each step.

use jiff::SignedDuration;

use super::{
    RIGHT, approve, approved, break_glass, decline, hours, issue, link_sent, party, pending,
    redeem, revoke, send_again, withdraw,
};
use crate::letters::LetterKind::{
    self, ApprovalNeeded, GlassBroken, KeyLink, KeyRetrieved, LinkExpired, RequestApproved,
    RequestConfirmation, RequestDeclined, RequestLapsed, RequestRevoked, RequestWithdrawn,
};
use crate::lifecycle::{Command, Effect, Request, decide, open};
use crate::testing::CountingRandom;
use crate::testing::sample::{draft, monday, panel};

type Told<'a> = &'a [(LetterKind, &'a [&'a str])];

/// The agent asked for anna; boss and nina were asked.
fn for_another(request: Request) -> Request {
    Request {
        requester: party("agent"),
        panel: panel([&party("agent"), &party("anna")], &["boss", "nina"]),
        ..request
    }
}

#[test]
fn each_step_tells_those_whom_it_concerns() {
    let (before, after) = (approved(), pending());
    let table: &[(&Request, Command, Told<'_>)] = &[
        (
            &after,
            approve(&after),
            &[(RequestApproved, &["anna", "agent"]), (KeyLink, &["anna"])],
        ),
        (
            &after,
            decline(&after),
            &[(RequestDeclined, &["anna", "agent"])],
        ),
        (
            &after,
            break_glass("eve"),
            &[
                (GlassBroken, &["anna", "agent", "boss", "nina"]),
                (KeyLink, &["anna"]),
            ],
        ),
        (
            &after,
            withdraw("anna"),
            &[(RequestWithdrawn, &["anna", "agent", "boss", "nina"])],
        ),
        (
            &after,
            revoke(),
            &[(RequestRevoked, &["anna", "agent", "boss", "nina"])],
        ),
        (
            &before,
            withdraw("agent"),
            &[(RequestWithdrawn, &["anna", "agent", "boss"])],
        ),
        (
            &before,
            revoke(),
            &[(RequestRevoked, &["anna", "agent", "boss"])],
        ),
        (&before, issue(RIGHT), &[]),
        (&before, send_again(), &[(KeyLink, &["anna"])]),
        (
            &link_sent(),
            redeem(RIGHT),
            &[(KeyRetrieved, &["anna", "agent", "boss"])],
        ),
    ];
    for (request, command, told) in table {
        let request = for_another((*request).clone());
        let decision = decide(&request, command, monday() + hours(2)).unwrap();
        assert_eq!(letters(&decision.effects), flat(told), "{command:?}");
    }
}

#[test]
fn what_ran_out_is_told_to_all_whom_it_kept_waiting() {
    let table: [(Request, Told<'_>); 3] = [
        (
            pending(),
            &[(RequestLapsed, &["anna", "agent", "boss", "nina"])],
        ),
        (approved(), &[(RequestLapsed, &["anna", "agent", "boss"])]),
        (link_sent(), &[(LinkExpired, &["anna", "agent", "boss"])]),
    ];
    for (request, told) in table {
        let request = for_another(request);
        let due = request.state.due_at().unwrap();
        let decision = decide(&request, &Command::RunOut, due).unwrap();
        assert_eq!(letters(&decision.effects), flat(told));
    }
}

#[test]
fn a_new_request_is_confirmed_and_its_approvers_are_asked() {
    let draft = draft(1, &CountingRandom::default());
    let me = draft.requester.clone();
    let panel = panel([&me, &me], &["nina", "otto"]);
    let (_, _, effects) = open(draft, panel, monday());
    let told: Told<'_> = &[
        (RequestConfirmation, &["anna"]),
        (ApprovalNeeded, &["nina", "otto"]),
    ];
    assert_eq!(letters(&effects), flat(told));
}

#[test]
fn keys_that_were_shown_are_replaced_some_hours_later_where_that_is_wanted() {
    let wish = |request: &Request| {
        let decision = decide(request, &redeem(RIGHT), monday() + hours(2)).unwrap();
        let mut effects = decision.effects.into_iter();
        effects.find(|effect| matches!(effect, Effect::Rotate { .. }))
    };
    let mut request = link_sent();
    assert_eq!(wish(&request), None);
    request.terms.rotate_after = Some(hours(24));
    let expected = Effect::Rotate {
        request: request.id,
        not_before: monday() + hours(26),
    };
    assert_eq!(wish(&request), Some(expected));
}

#[test]
fn a_term_past_the_end_of_time_is_the_end_of_time() {
    let mut endless = approved();
    endless.terms.link_valid_for = SignedDuration::MAX;
    let decision = decide(&endless, &issue(RIGHT), monday() + hours(2)).unwrap();
    assert_eq!(decision.next.due_at(), Some(jiff::Timestamp::MAX));
}

fn letters(effects: &[Effect]) -> Vec<(LetterKind, String)> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(sending) => (sending.letter, sending.to.name.clone()),
            Effect::Rotate { .. } => panic!("{effect:?} is no letter"),
        })
        .collect()
}

fn flat(told: Told<'_>) -> Vec<(LetterKind, String)> {
    told.iter()
        .flat_map(|(letter, people)| people.iter().map(|name| (*letter, (*name).to_owned())))
        .collect()
}
