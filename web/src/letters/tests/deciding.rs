//! Who asked for whom, who decides, and what is done without a decision.

use clavis_broker::letters::{LetterKind, Mail};
use clavis_broker::lifecycle::{Approval, Request, State, Vote};
use clavis_broker::people::Party;
use clavis_broker::policy::{Stage, Turn, seats};
use clavis_broker::testing::sample::{candidates, monday, panel_in_stages, person};
use jiff::SignedDuration;

use super::{approver, by_an_agent, hostile, letter, states};

#[test]
fn an_agent_an_approver_and_who_gets_the_key_each_read_who_asked_for_whom() {
    let sample = by_an_agent();
    let states = states(&sample);
    let (agent, anna) = (&sample.requester, &sample.beneficiary);
    for (at, kind) in [
        (0, LetterKind::RequestConfirmation),
        (1, LetterKind::RequestApproved),
        (3, LetterKind::KeyRetrieved),
        (4, LetterKind::RequestDeclined),
        (5, LetterKind::RequestWithdrawn),
        (6, LetterKind::LinkExpired),
        (7, LetterKind::RequestLapsed),
        (9, LetterKind::RequestRevoked),
        (10, LetterKind::GlassBroken),
    ] {
        let request = Request {
            state: states[at].clone(),
            ..sample.clone()
        };
        let mail = letter(kind, &request, agent);
        assert!(
            !mail.text.to_lowercase().contains("your key link"),
            "{}",
            mail.text
        );
        assert!(
            mail.text
                .contains("because you asked for a recovery key for Anna")
        );
        let mail = letter(kind, &request, anna);
        assert!(
            mail.text
                .contains("because Agent X: y asked for a recovery key for you")
        );
        assert!(!mail.text.contains("your request"), "{}", mail.text);
    }
    let mail = letter(LetterKind::ApprovalNeeded, &sample, approver(&sample));
    let asks = "Agent X: y asks for the recovery key of LT-42\"><img src=x> Bcc: eve@example.com, for Anna";
    assert!(mail.text.contains(asks), "{}", mail.text);
}

#[test]
fn a_reminder_is_what_was_asked_and_says_since_when() {
    let request = hostile();
    let asked = letter(LetterKind::ApprovalNeeded, &request, approver(&request));
    let reminder = letter(LetterKind::ApprovalReminder, &request, approver(&request));
    assert!(reminder.subject.starts_with("Reminder: Approval Needed: "));
    let since = "It has been waiting for a decision since Monday, 23 November 2026, 10:00 CET.";
    assert!(reminder.text.contains(since) && !asked.text.contains(since));
    let url = |mail: &Mail| mail.html.matches("/review/").count();
    assert_eq!(url(&reminder), url(&asked));
}

#[test]
fn an_approver_reads_how_many_must_and_a_stand_in_in_whose_place() {
    let one_is_enough = hostile();
    let stand_in = one_is_enough
        .panel
        .everybody()
        .last()
        .unwrap()
        .party
        .clone();
    let mail = letter(LetterKind::ApprovalNeeded, &one_is_enough, &stand_in);
    assert!(
        mail.text
            .contains("You are asked in place of Boss <img src=x>, who is away.")
    );
    assert!(
        mail.text
            .contains("you stand in for Boss <img src=x>, who may approve")
    );
    assert!(mail.text.contains("The first decision counts."));
    let mail = letter(
        LetterKind::ApprovalNeeded,
        &one_is_enough,
        approver(&one_is_enough),
    );
    assert!(!mail.text.contains("in place of"));

    let askers = [&one_is_enough.requester, &one_is_enough.beneficiary];
    let two_of_three = Request {
        panel: panel_in_stages(askers, &["boss", "ben", "cleo"], 2, Vec::new()),
        ..one_is_enough.clone()
    };
    let mail = letter(
        LetterKind::ApprovalNeeded,
        &two_of_three,
        approver(&two_of_three),
    );
    assert!(
        mail.text
            .contains("2 people must approve; each counts once.")
    );
    assert!(!mail.text.contains("The first decision counts."));
    let mail = letter(LetterKind::RequestConfirmation, &two_of_three, askers[0]);
    assert!(
        mail.text
            .contains("2 of boss, ben and cleo must approve it.")
    );
}

#[test]
fn who_is_asked_because_nobody_decided_reads_so_and_whoever_was_asked_at_first_does_not() {
    let sample = hostile();
    let (anna, otto) = (&sample.beneficiary, person("otto").party().unwrap());
    let later = Stage {
        after: SignedDuration::from_hours(24),
        turn: Turn::Alternates(seats(
            &candidates(&["otto"]),
            [anna, anna],
            &[],
            &[],
            monday(),
        )),
    };
    let mut request = Request {
        panel: panel_in_stages([anna, anna], &["boss", "ben"], 2, vec![later]),
        ..sample.clone()
    };
    let State::Pending { begun, .. } = &mut request.state else {
        panic!("pending");
    };
    *begun = 1;
    let told = |request: &Request, to: &Party, said: &str| {
        let mail = letter(LetterKind::ApprovalNeeded, request, to);
        let since = "since Monday, 23 November 2026, 10:00 CET; you are asked as well.";
        mail.text.contains(&format!("{said} {since}"))
    };
    assert!(told(&request, &otto, "Nobody has decided"));
    assert!(!told(&request, approver(&request), "Nobody has decided"));
    let by = approver(&request).clone();
    let State::Pending { votes, .. } = &mut request.state else {
        panic!("pending");
    };
    votes.push(Vote {
        by,
        in_place_of: None,
        at: monday(),
        comment: None,
    });
    assert!(told(&request, &otto, "Too few have decided"));
}

#[test]
fn a_broken_glass_is_told_to_each_in_their_words_without_its_reason() {
    let sample = by_an_agent();
    let broken = states(&sample)[10].clone();
    let request = Request {
        state: broken,
        ..sample
    };
    let kind = LetterKind::GlassBroken;
    let anna = letter(kind, &request, &request.beneficiary);
    assert!(anna.subject.starts_with("Released Without Approval: "));
    assert!(
        anna.text
            .contains("breaker released the recovery key of LT-42")
    );
    assert!(
        anna.text
            .contains("Your key link comes in a mail of its own")
    );
    assert!(anna.text.contains("/requests/"));
    let agent = letter(kind, &request, &request.requester);
    assert!(agent.text.contains("goes to Anna") && agent.text.contains("/requests/"));
    let skipped = letter(kind, &request, approver(&request));
    assert!(
        skipped
            .text
            .contains("without waiting for you or anybody else")
    );
    assert!(skipped.text.contains("The log marks it.") && !skipped.text.contains("/requests/"));
    let Some(Approval::BrokenGlass { who, .. }) = request.state.approval() else {
        panic!("a broken glass");
    };
    let themselves = letter(LetterKind::KeyRetrieved, &request, who);
    assert!(
        themselves
            .text
            .contains("because you released a recovery key without an approval")
    );
}
