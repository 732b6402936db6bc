//! Every situation and every command, and what comes of it.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    RIGHT, WRONG, approval, approve, approved, break_glass, closed, decline, disclosure, escalate,
    hours, issue, keys, link_sent, link_sent_at, party, pending, redeem, revoke, send_again,
    withdraw,
};
use crate::lifecycle::Refusal::{
    self, AlreadyDecided, ApprovalTooOld, Closed, NoKeys, NoLink, NobodyLeft, NotConcerned,
    NotDecided, NotDue, Overdue, Superseded,
};
use crate::lifecycle::{
    CLOCKS_DIFFER, Command, Outcome, Request, RequestId, State, decide, has_ended,
};
use crate::testing::sample::monday;

/// A request, and a moment to look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Pending,
    PendingOverdue,
    Approved,
    ApprovedOverdue,
    LinkSent,
    /// The link is valid, but the approval is too old to send another on.
    LinkSentOnOldApproval,
    LinkSentOverdue,
    Redeemed,
    Declined,
    Withdrawn,
    Expired,
    LapsedUndecided,
    LapsedUnsent,
    Revoked,
}

const SITUATIONS: [When; 14] = [
    When::Pending,
    When::PendingOverdue,
    When::Approved,
    When::ApprovedOverdue,
    When::LinkSent,
    When::LinkSentOnOldApproval,
    When::LinkSentOverdue,
    When::Redeemed,
    When::Declined,
    When::Withdrawn,
    When::Expired,
    When::LapsedUndecided,
    When::LapsedUnsent,
    When::Revoked,
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Approve,
    ApproveForAnotherRequest,
    Decline,
    WithdrawByRequester,
    WithdrawByStranger,
    Revoke,
    Escalate,
    CallNext,
    BreakGlass,
    BreakGlassForOneself,
    IssueLink,
    SendAgain,
    RedeemRightLink,
    RedeemWrongLink,
    RedeemNoKeys,
    RunOut,
}

const COMMANDS: [Does; 16] = [
    Does::Approve,
    Does::ApproveForAnotherRequest,
    Does::Decline,
    Does::WithdrawByRequester,
    Does::WithdrawByStranger,
    Does::Revoke,
    Does::Escalate,
    Does::CallNext,
    Does::BreakGlass,
    Does::BreakGlassForOneself,
    Does::IssueLink,
    Does::SendAgain,
    Does::RedeemRightLink,
    Does::RedeemWrongLink,
    Does::RedeemNoKeys,
    Does::RunOut,
];

/// What comes of a command: the name of the next state, or a refusal.
type Cell = Result<&'static str, Refusal>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "a cell of the table, written short"
)]
const fn to(next: &'static str) -> Cell {
    Ok(next)
}

const fn no(why: Refusal) -> Cell {
    Err(why)
}

/// Where a request has run out, nothing but the record of it is possible.
const fn overdue(recorded: &'static str) -> [Cell; COMMANDS.len()] {
    let mut cells = [no(Overdue); COMMANDS.len()];
    cells[COMMANDS.len() - 1] = to(recorded);
    cells
}

/// Closed is final.
const OVER: [Cell; COMMANDS.len()] = [no(Closed); COMMANDS.len()];

#[rustfmt::skip]
const TABLE: [[Cell; COMMANDS.len()]; SITUATIONS.len()] = [
    //  Approve              …another's           Decline             Withdraw         …by a stranger    Revoke         Escalate            CallNext            BreakGlass          …for oneself        IssueLink           SendAgain           Redeem           …wrong link       …no keys        RunOut
    /* Pending */
    [to("approved"),     no(NotConcerned),    to("declined"),     to("withdrawn"), no(NotConcerned), to("revoked"), no(NotDue),         no(NobodyLeft),     to("approved"),     no(NotConcerned),   no(NotDecided),     no(NotDecided),     no(NotDecided),  no(NotDecided),   no(NotDecided), no(NotDue)],
    /* PendingOverdue */
    overdue("lapsed"),
    /* Approved */
    [no(AlreadyDecided), no(AlreadyDecided),  no(AlreadyDecided), to("withdrawn"), no(NotConcerned), to("revoked"), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), to("link_sent"),    to("approved"),     no(NoLink),      no(NoLink),       no(NoLink),     no(NotDue)],
    /* ApprovedOverdue */
    overdue("lapsed"),
    /* LinkSent */
    [no(AlreadyDecided), no(AlreadyDecided),  no(AlreadyDecided), to("withdrawn"), no(NotConcerned), to("revoked"), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), to("link_sent"),    to("link_sent"),    to("redeemed"),  no(Superseded),   no(NoKeys),     no(NotDue)],
    /* LinkSentOnOldApproval */
    [no(AlreadyDecided), no(AlreadyDecided),  no(AlreadyDecided), to("withdrawn"), no(NotConcerned), to("revoked"), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), no(AlreadyDecided), no(ApprovalTooOld), no(ApprovalTooOld), to("redeemed"),  no(Superseded),   no(NoKeys),     no(NotDue)],
    /* LinkSentOverdue */
    overdue("expired"),
    /* Redeemed, Declined, Withdrawn, Expired, LapsedUndecided, LapsedUnsent, Revoked */
    OVER, OVER, OVER, OVER, OVER, OVER, OVER,
];

#[test]
fn every_command_in_every_situation_comes_to_what_the_table_says() {
    for (when, row) in SITUATIONS.into_iter().zip(TABLE) {
        for (does, wanted) in COMMANDS.into_iter().zip(row) {
            for now in moments(when) {
                let request = request_in(when);
                let decided = decide(&request, &command(does, &request), now);
                let got = decided.as_ref().map(|decision| name_of(&decision.next));
                assert_eq!(
                    got.map_err(|why| *why),
                    wanted,
                    "{when:?} × {does:?} at {now}"
                );
            }
        }
    }
}

/// A clock that was ahead has begun what ends later than its term leads to from now.
#[test]
fn what_cannot_have_begun_yet_is_over() {
    let old = State::LinkSent {
        approval: approval(monday() + hours(1)),
        deliver_by: monday() + hours(40 * 24),
        link: RIGHT,
        expires_at: monday() + hours(3),
    };
    for (request, begun_at) in [
        (pending(), monday()),
        (approved(), monday() + hours(1)),
        (link_sent(), monday() + hours(2)),
    ] {
        let earliest = begun_at - CLOCKS_DIFFER;
        let before = earliest - SignedDuration::from_nanos(1);
        assert!(!request.is_overdue(earliest) && request.is_overdue(before));
        for does in COMMANDS {
            let command = command(does, &request);
            let in_time = decide(&request, &command, earliest);
            let decided = decide(&request, &command, before);
            if does == Does::RunOut {
                assert_eq!(in_time, Err(Refusal::NotDue));
                assert!(matches!(decided.unwrap().next, State::Closed(_)));
            } else {
                assert_ne!(in_time, Err(Refusal::Overdue), "{does:?}");
                assert_eq!(decided, Err(Refusal::Overdue), "{does:?}");
            }
        }
    }
    // Nor is a link sent on an approval that cannot have been given yet.
    let request = Request {
        state: old,
        ..link_sent()
    };
    for does in [Does::IssueLink, Does::SendAgain] {
        let decided = decide(&request, &command(does, &request), monday());
        assert_eq!(decided, Err(Refusal::ApprovalTooOld), "{does:?}");
    }
    // A term without an end leads to every moment.
    let endless = SignedDuration::MAX;
    assert!(!has_ended(Timestamp::MAX, endless, monday()));
}

#[test]
fn the_table_has_a_row_for_every_state_and_outcome() {
    let has = |name: &str| {
        SITUATIONS
            .iter()
            .any(|when| name_of(&request_in(*when).state) == name)
    };
    for name in NAMES {
        assert!(has(name), "{name}");
    }
}

const NAMES: [&str; 9] = [
    "pending",
    "approved",
    "link_sent",
    "redeemed",
    "declined",
    "withdrawn",
    "expired",
    "lapsed",
    "revoked",
];

fn name_of(state: &State) -> &'static str {
    let at = match state {
        State::Pending { .. } => 0,
        State::Approved { .. } => 1,
        State::LinkSent { .. } => 2,
        State::Closed(closing) => match closing.outcome {
            Outcome::Redeemed { .. } => 3,
            Outcome::Declined { .. } => 4,
            Outcome::Withdrawn { .. } => 5,
            Outcome::Expired { .. } => 6,
            Outcome::Lapsed { .. } => 7,
            Outcome::Revoked { .. } => 8,
        },
    };
    NAMES[at]
}

/// The first and the last moments at which a situation lasts.
fn moments(when: When) -> Vec<Timestamp> {
    let instant = SignedDuration::from_nanos(1);
    let due = request_in(when).state.due_at();
    let sent = monday() + hours(2);
    let approval_ends = monday() + hours(25);
    match (when, due) {
        (When::PendingOverdue | When::ApprovedOverdue | When::LinkSentOverdue, Some(due)) => {
            vec![due, due + instant, due + hours(1000), Timestamp::MAX]
        }
        (When::LinkSentOnOldApproval, Some(due)) => vec![approval_ends, due - instant],
        (_, Some(due)) => vec![sent.min(due - instant), due - instant],
        (_, None) => vec![monday() + hours(3), Timestamp::MAX],
    }
}

fn request_in(when: When) -> Request {
    let approval = approval(monday() + hours(1));
    let comment = None;
    match when {
        When::Pending | When::PendingOverdue => pending(),
        When::Approved | When::ApprovedOverdue => approved(),
        When::LinkSent | When::LinkSentOverdue => link_sent(),
        When::LinkSentOnOldApproval => link_sent_at(monday() + hours(24)),
        When::Redeemed => closed(Outcome::Redeemed {
            approval,
            keys: keys(),
        }),
        When::Declined => closed(Outcome::Declined {
            by: party("boss"),
            comment,
        }),
        When::Withdrawn => closed(Outcome::Withdrawn { by: party("anna") }),
        When::Expired => closed(Outcome::Expired { approval }),
        When::LapsedUndecided => closed(Outcome::Lapsed { approval: None }),
        When::LapsedUnsent => closed(Outcome::Lapsed {
            approval: Some(approval),
        }),
        When::Revoked => closed(Outcome::Revoked {
            by: "root".to_owned(),
        }),
    }
}

fn command(does: Does, request: &Request) -> Command {
    match does {
        Does::Approve => approve(request),
        Does::ApproveForAnotherRequest => approve(&Request {
            id: RequestId(Uuid::from_u128(99)),
            ..pending()
        }),
        Does::Decline => decline(request),
        Does::WithdrawByRequester => withdraw("anna"),
        Does::WithdrawByStranger => withdraw("boss"),
        Does::Revoke => revoke(),
        Does::Escalate => escalate(None),
        Does::CallNext => escalate(Some("agent")),
        Does::BreakGlass => break_glass("agent"),
        Does::BreakGlassForOneself => break_glass("anna"),
        Does::IssueLink => issue(WRONG),
        Does::SendAgain => send_again(),
        Does::RedeemRightLink => redeem(RIGHT),
        Does::RedeemWrongLink => redeem(WRONG),
        Does::RedeemNoKeys => Command::Redeem {
            link: RIGHT,
            disclosure: disclosure(Vec::new()),
        },
        Does::RunOut => Command::RunOut,
    }
}
