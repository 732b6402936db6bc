//! What holds over any course of commands at any times.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{break_glass, disclosure, escalate, keys, party, send_again};
use crate::letters::LetterKind;
use crate::lifecycle::{
    Approval, Command, Decision, Draft, Effect, Outcome, Refusal, Request, State, Step, Terms,
    decide, open,
};
use crate::people::{Party, Person};
use crate::policy::{self, Stage, authorise, seats};
use crate::testing::CountingRandom;
use crate::testing::sample::{candidates, draft, monday, panel_in_stages, person};
use crate::tokens::TokenHash;

/// What may come next: so many seconds pass, and then somebody does something.
#[derive(Debug, Clone)]
struct Turn {
    seconds: i64,
    does: Does,
}

#[derive(Debug, Clone)]
enum Does {
    /// This one of [`people`] says yes or no.
    Decide(usize, bool),
    Withdraw(usize),
    Revoke,
    /// Time has come, or an agent calls.
    Escalate(bool),
    BreakGlass(usize),
    SendAgain,
    Issue,
    /// With the link that was issued so many before the latest.
    Redeem(usize),
    RedeemNothing,
    RunOut,
}

/// Those who asked, those who were asked, a stranger, and accounts that changed since.
fn people() -> Vec<Person> {
    let turned = Person {
        mail: person("anna").mail,
        ..person("boss")
    };
    let disabled = Person {
        enabled: false,
        ..person("nina")
    };
    let names = ["anna", "agent", "boss", "nina", "eve", "otto", "last"];
    let mut people: Vec<_> = names.map(person).into();
    people.extend([turned, disabled]);
    people
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let does = prop_oneof![
        4 => (0..9_usize, proptest::bool::weighted(0.8)).prop_map(|(who, yes)| Does::Decide(who, yes)),
        1 => (0..5_usize).prop_map(Does::Withdraw),
        1 => Just(Does::Revoke),
        3 => any::<bool>().prop_map(Does::Escalate),
        1 => (0..5_usize).prop_map(Does::BreakGlass),
        1 => Just(Does::SendAgain),
        4 => Just(Does::Issue),
        4 => (0..3_usize).prop_map(Does::Redeem),
        1 => Just(Does::RedeemNothing),
        2 => Just(Does::RunOut),
    ];
    // Terms are 100 seconds at the most: some turns land on a boundary, some far past it.
    let seconds = prop_oneof![6 => 0..30_i64, 2 => Just(50_i64), 1 => 0..400_i64];
    let turn = (seconds, does).prop_map(|(seconds, does)| Turn { seconds, does });
    proptest::collection::vec(turn, 1..30)
}

/// Otto is asked after 20 seconds, those who are silent are reminded after 10, and the group of last
/// resort is asked after 60.
fn later(askers: [&Party; 2]) -> Vec<Stage> {
    let seats = |names: &[&str]| seats(&candidates(names), askers, &[], &[], monday());
    let stage = |after, turn| Stage {
        after: SignedDuration::from_secs(after),
        turn,
    };
    vec![
        stage(60, policy::Turn::LastResort(seats(&["last"]))),
        stage(10, policy::Turn::Remind),
        stage(
            20,
            policy::Turn::Alternates(seats(&["otto", "anna", "agent"])),
        ),
    ]
}

fn made(terms: (i64, i64, i64), by_agent: bool, needed: u8) -> Request {
    let anna = party("anna");
    let requester = if by_agent {
        party("agent")
    } else {
        anna.clone()
    };
    let askers = [&requester, &anna];
    let names = ["boss", "anna", "agent", "nina"];
    let panel = panel_in_stages(askers, &names, needed, later(askers));
    let draft = Draft {
        requester,
        ticket: None,
        made_by: None,
        terms: Terms {
            decide_within: SignedDuration::from_secs(terms.0),
            deliver_within: SignedDuration::from_secs(terms.1),
            link_valid_for: SignedDuration::from_secs(terms.2),
            rotate_after: Some(SignedDuration::from_secs(terms.1)),
        },
        ..draft(1, &CountingRandom::default())
    };
    open(draft, panel, monday()).0
}

/// A request on its course, and what an onlooker remembers of it.
struct Course {
    request: Request,
    now: Timestamp,
    /// The links so far, and when each was issued.
    links: Vec<(TokenHash, Timestamp)>,
    approved: bool,
    redemptions: usize,
}

impl Course {
    fn take(&mut self, turn: &Turn) {
        self.now += SignedDuration::from_secs(turn.seconds);
        let Some(command) = self.command(&turn.does) else {
            return;
        };
        let decided = decide(&self.request, &command, self.now);
        assert_eq!(decided, decide(&self.request, &command, self.now));
        self.judge(&command, decided.as_ref());
        if let Ok(decision) = decided {
            self.remember(&command, &decision);
            self.request.state = decision.next;
        }
    }

    fn command(&self, does: &Does) -> Option<Command> {
        let link = |back: usize| {
            let at = self.links.len().checked_sub(back + 1);
            at.map_or(TokenHash([0; 32]), |at| self.links[at].0)
        };
        Some(match does {
            Does::Decide(who, yes) => {
                let by = authorise(&self.request, &people()[*who], true).ok()?;
                let comment = None;
                if *yes {
                    let lapsed = Vec::new();
                    Command::Approve {
                        by,
                        comment,
                        lapsed,
                    }
                } else {
                    Command::Decline { by, comment }
                }
            }
            Does::Withdraw(who) => Command::Withdraw {
                by: people()[*who].party().unwrap(),
            },
            Does::Revoke => Command::Revoke {
                by: "root".to_owned(),
            },
            Does::Escalate(called) => escalate(called.then_some("agent")),
            Does::BreakGlass(who) => break_glass(["anna", "agent", "boss", "nina", "eve"][*who]),
            Does::SendAgain => send_again(),
            Does::Issue => Command::IssueLink {
                link: TokenHash([u8::try_from(self.links.len() + 1).unwrap(); 32]),
            },
            Does::Redeem(back) => Command::Redeem {
                link: link(*back),
                disclosure: disclosure(keys()),
            },
            Does::RedeemNothing => Command::Redeem {
                link: link(0),
                disclosure: disclosure(Vec::new()),
            },
            Does::RunOut => Command::RunOut,
        })
    }

    /// Holds what was decided against what must hold.
    fn judge(&self, command: &Command, decided: Result<&Decision, &Refusal>) {
        let due = self.request.state.runs_out_at();
        let Some(due) = due else {
            assert_eq!(decided, Err(&Refusal::Closed), "closed is final");
            return;
        };
        let Ok(decision) = decided else { return };
        let is_record = matches!(command, Command::RunOut);
        assert_eq!(is_record, self.now >= due, "{command:?} at {}", self.now);

        if let Some(next_due) = decision.next.runs_out_at() {
            assert!(next_due > self.now, "what is decided lasts for a while");
        }
        if let (
            State::LinkSent { expires_at, .. },
            State::LinkSent {
                expires_at: next, ..
            },
        ) = (&self.request.state, &decision.next)
        {
            assert!(next >= expires_at, "a new link ends no sooner");
        }
        for effect in &decision.effects {
            let Effect::Send(sending) = effect else {
                assert!(matches!(decision.step, Step::Redeemed(_)));
                continue;
            };
            let everybody = self.request.panel.everybody().map(|seat| &seat.party);
            let approval = self.request.state.approval();
            let deciders = approval.into_iter().flat_map(Approval::people);
            let mut concerned = self.request.askers().chain(everybody).chain(deciders);
            assert!(concerned.any(|party| *party == sending.to), "{effect:?}");
            assert_eq!(sending.request, self.request.id);
            if sending.letter == LetterKind::KeyLink {
                assert!(matches!(
                    decision.step,
                    Step::Approved { .. } | Step::GlassBroken { .. } | Step::LinkWanted
                ));
                assert_eq!(sending.to, self.request.beneficiary);
            }
        }
        if let Some(approval) = decision.next.approval() {
            self.judge_approval(approval);
        }
        if let Command::Redeem { link, disclosure } = command {
            self.judge_redemption(link, !disclosure.keys.is_empty());
        }
    }

    fn judge_approval(&self, approval: &Approval) {
        let votes = match approval {
            Approval::Votes { votes } => votes,
            Approval::BrokenGlass { who, .. } => {
                let mut askers = self.request.askers();
                assert!(!askers.any(|asker| asker.is_same_as(who)));
                return;
            }
        };
        assert_eq!(votes.len(), self.request.panel.needed());
        for (at, vote) in votes.iter().enumerate() {
            let mut askers = self.request.askers();
            assert!(!askers.any(|asker| asker.is_same_as(&vote.by)));
            assert!(self.request.seat_of(&vote.by.id).is_some());
            let mut others = votes[..at].iter();
            assert!(!others.any(|other| other.by.is_same_as(&vote.by)));
        }
    }

    fn judge_redemption(&self, link: &TokenHash, has_keys: bool) {
        assert!(self.approved, "nothing is redeemed without an approval");
        assert_eq!(self.redemptions, 0, "nothing is redeemed twice");
        assert!(has_keys);
        let (newest, issued_at) = self.links.last().expect("a link");
        assert_eq!(link, newest, "only the newest link opens");
        let age = self.now.duration_since(*issued_at);
        assert!(age < self.request.terms.link_valid_for, "and not late");
    }

    fn remember(&mut self, command: &Command, decision: &Decision) {
        match command {
            Command::Approve { .. } | Command::BreakGlass { .. } => {
                self.approved = matches!(decision.next, State::Approved { .. });
            }
            Command::IssueLink { link } => self.links.push((*link, self.now)),
            Command::Redeem { .. } => {
                self.redemptions += 1;
                let State::Closed(closing) = &decision.next else {
                    panic!("a redemption closes the request");
                };
                assert!(matches!(closing.outcome, Outcome::Redeemed { .. }));
            }
            Command::Decline { .. }
            | Command::Withdraw { .. }
            | Command::Revoke { .. }
            | Command::Escalate { .. }
            | Command::SendAgain { .. }
            | Command::RunOut => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_course_breaks_a_promise(
        terms in (1..100_i64, 1..100_i64, 1..100_i64),
        by_agent: bool,
        needed in 1..=2_u8,
        turns in turns(),
    ) {
        let mut course = Course {
            request: made(terms, by_agent, needed),
            now: monday(),
            links: Vec::new(),
            approved: false,
            redemptions: 0,
        };
        for turn in &turns {
            course.take(turn);
        }
    }
}
