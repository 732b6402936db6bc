//! What a ticket comes to beside what it said when its request was made. Pure.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DeskApproval, DeskUser, Given, Snapshot, Standing, Ticket, Verdict};

/// How far the clock of a desk may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Why a ticket ends its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It is gone.
    Gone,
    /// It is closed.
    Closed,
    /// It is of another type.
    OtherType,
    /// It is for somebody else.
    OtherUser,
    /// It is about something else.
    OtherAsset,
    /// Somebody said no there.
    Rejected,
    /// A yes was taken back.
    TakenBack,
    /// A yes does not say whose it is.
    Nobodys,
    /// Somebody set a yes in the approver's place.
    Overridden,
    /// Somebody else gave a yes than who was asked.
    Delegated,
    /// A rule of the desk's set a yes.
    Automatic,
    /// A yes is from before the request was made, or the desk does not say of when.
    Early,
    /// A yes is of a time that has not come: the clocks differ, or the desk does not write UTC.
    Ahead,
    /// The policy does not name who gave a yes.
    NotNamed,
    /// Whom it is for gave a yes.
    OwnApproval,
}

/// What the approvals of a desk come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Somebody has not answered.
    NotAllYet,
    /// Somebody said no: these, as far as the desk says.
    No(Vec<DeskUser>),
    /// All of these said yes.
    Yes(Vec<DeskUser>),
    /// Something about them is not as it has to be.
    Doubtful(Stop),
}

/// What has changed of a ticket that a request was made of, as it is now; the gravest first.
pub fn changed(then: &Snapshot, now: Option<&Ticket>) -> Option<Stop> {
    let Some(ticket) = now else {
        return Some(Stop::Gone);
    };
    let user = ticket.user.as_ref().map(|user| user.id.as_str());
    let asset = ticket.asset.as_ref().map(|asset| asset.id.as_str());
    match ticket.standing {
        Standing::Closed => Some(Stop::Closed),
        Standing::Other => Some(Stop::OtherType),
        Standing::Open if user != Some(&then.user) => Some(Stop::OtherUser),
        Standing::Open if asset != Ok(&then.asset) => Some(Stop::OtherAsset),
        Standing::Open => None,
    }
}

/// What approvers have said. Where a desk has no approvals at all, nobody has said anything. Of rounds
/// that are over, what was said since the request was made still stops it, and a yes is not counted.
pub fn said(then: &Snapshot, approvals: &[DeskApproval], now: Timestamp) -> Said {
    let (past, present): (Vec<_>, Vec<_>) = approvals
        .iter()
        .filter(|it| !it.is_history || is_since(then, it))
        .partition(|it| it.is_history);
    let no = |it: &&&DeskApproval| it.verdict == Some(Verdict::Rejected);
    let mut who = present.iter().chain(&past).filter(no).peekable();
    if who.peek().is_some() {
        return Said::No(who.filter_map(|it| it.approver.clone()).collect());
    }
    for approval in past {
        if let Some(doubt) = manner(approval) {
            return Said::Doubtful(doubt);
        }
    }
    let mut yes = Vec::new();
    for approval in present {
        match judge(then, approval, now) {
            None => return Said::NotAllYet,
            Some(Err(doubt)) => return Said::Doubtful(doubt),
            Some(Ok(who)) => yes.push(who),
        }
    }
    if yes.is_empty() {
        Said::NotAllYet
    } else {
        Said::Yes(yes)
    }
}

/// Whose yes a row is, or why it counts for nothing; `None` where nothing was said.
fn judge(
    then: &Snapshot,
    approval: &DeskApproval,
    now: Timestamp,
) -> Option<Result<DeskUser, Stop>> {
    approval.verdict?;
    let is_late = approval.at.is_some_and(|at| at > then.read_at);
    let is_ahead = |at: Timestamp| at.duration_since(now) > AHEAD;
    Some(match manner(approval) {
        Some(doubt) => Err(doubt),
        None if !is_late => Err(Stop::Early),
        None if approval.at.is_some_and(is_ahead) => Err(Stop::Ahead),
        None => match &approval.approver {
            Some(user) if user.id == then.user => Err(Stop::OwnApproval),
            Some(user) if !user.known_as.is_empty() => Ok(user.clone()),
            _ => Err(Stop::Nobodys),
        },
    })
}

/// What is doubtful about how a verdict came about.
fn manner(approval: &DeskApproval) -> Option<Stop> {
    approval.verdict?;
    match approval.given {
        Given::Overridden => Some(Stop::Overridden),
        Given::Delegated => Some(Stop::Delegated),
        Given::Automatically => Some(Stop::Automatic),
        Given::InPerson => None,
    }
}

/// Whether something may have been said since the request was made.
fn is_since(then: &Snapshot, approval: &DeskApproval) -> bool {
    approval.at.is_none_or(|at| at > then.read_at)
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the ticket is gone",
            Self::Closed => "the ticket was closed",
            Self::OtherType => "the ticket was made one of another type",
            Self::OtherUser => "the user of the ticket was changed",
            Self::OtherAsset => "the asset of the ticket was changed",
            Self::Rejected => "an approver of the ticket said no",
            Self::TakenBack => "an approval of the ticket was taken back",
            Self::Nobodys => "an approval of the ticket does not say whose it is",
            Self::Overridden => "an approval of the ticket was overridden",
            Self::Delegated => {
                "an approval of the ticket was given by somebody else than who was asked"
            }
            Self::Automatic => "an approval of the ticket was given by a rule",
            Self::Early => "an approval of the ticket is older than the request",
            Self::Ahead => "an approval of the ticket is from a time that has not come",
            Self::NotNamed => "the ticket was approved by somebody whom the policy does not name",
            Self::OwnApproval => "the ticket was approved by the user whom it is for",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{MailAddress, PersonQuery};
    use crate::testing::sample::monday;
    use crate::tickets::{AssetFault, DeskAsset, DeskName, DeskUser, TicketId, TicketName};

    fn snapshot() -> Snapshot {
        Snapshot {
            ticket: TicketName {
                desk: DeskName("halo".to_owned()),
                id: TicketId::parse("1234").unwrap(),
            },
            user: "7".to_owned(),
            asset: "42".to_owned(),
            raised_by: None,
            decided_there: true,
            read_at: monday(),
        }
    }

    fn ticket() -> Ticket {
        Ticket {
            id: TicketId::parse("1234").unwrap(),
            standing: Standing::Open,
            user: Some(DeskUser {
                id: "7".to_owned(),
                name: "Anna".to_owned(),
                known_as: Vec::new(),
            }),
            raised_by: Ok(None),
            asset: Ok(DeskAsset {
                id: "42".to_owned(),
                name: "LT-0042".to_owned(),
                known_as: Vec::new(),
            }),
            reason: String::new(),
            approvals: Vec::new(),
        }
    }

    /// What they come to two minutes after the request was made.
    fn soon(approvals: &[DeskApproval]) -> Said {
        said(
            &snapshot(),
            approvals,
            monday() + SignedDuration::from_mins(2),
        )
    }

    fn boss() -> DeskUser {
        let mail = MailAddress::parse("boss@example.com").unwrap();
        DeskUser {
            id: "6".to_owned(),
            name: "Boss".to_owned(),
            known_as: vec![PersonQuery::Mail(mail)],
        }
    }

    fn approval(minutes: i64) -> DeskApproval {
        DeskApproval {
            approver: Some(boss()),
            verdict: Some(Verdict::Approved),
            at: Some(monday() + SignedDuration::from_mins(minutes)),
            given: Given::InPerson,
            is_history: false,
        }
    }

    #[test]
    fn a_ticket_stays_the_same_only_while_it_is_open_for_the_same_user_and_asset() {
        let user = |id: &str| DeskUser {
            id: id.to_owned(),
            ..ticket().user.unwrap()
        };
        let asset = DeskAsset {
            id: "43".to_owned(),
            ..ticket().asset.unwrap()
        };
        let cases = [
            (Some(ticket()), None),
            (None, Some(Stop::Gone)),
            (
                Some(Ticket {
                    standing: Standing::Closed,
                    ..ticket()
                }),
                Some(Stop::Closed),
            ),
            (
                Some(Ticket {
                    standing: Standing::Other,
                    ..ticket()
                }),
                Some(Stop::OtherType),
            ),
            (
                Some(Ticket {
                    user: Some(user("8")),
                    ..ticket()
                }),
                Some(Stop::OtherUser),
            ),
            (
                Some(Ticket {
                    user: None,
                    ..ticket()
                }),
                Some(Stop::OtherUser),
            ),
            (
                Some(Ticket {
                    asset: Ok(asset),
                    ..ticket()
                }),
                Some(Stop::OtherAsset),
            ),
            (
                Some(Ticket {
                    asset: Err(AssetFault::Several),
                    ..ticket()
                }),
                Some(Stop::OtherAsset),
            ),
        ];
        for (now, expected) in cases {
            assert_eq!(changed(&snapshot(), now.as_ref()), expected, "{now:?}");
        }
    }

    #[test]
    fn every_row_has_to_be_a_yes_by_its_own_approver_after_the_request_was_made() {
        let boss = boss();
        let open = DeskApproval {
            verdict: None,
            at: None,
            ..approval(1)
        };
        let no = DeskApproval {
            verdict: Some(Verdict::Rejected),
            ..approval(1)
        };
        let given = |given| DeskApproval {
            given,
            ..approval(1)
        };
        let of_nobody = DeskApproval {
            approver: None,
            ..approval(1)
        };
        let by = |user| DeskApproval {
            approver: Some(user),
            ..approval(1)
        };
        let own = by(DeskUser {
            id: "7".to_owned(),
            ..boss.clone()
        });
        let of_somebody = by(DeskUser {
            known_as: Vec::new(),
            ..boss.clone()
        });
        let at = |at: Option<Timestamp>| DeskApproval { at, ..approval(1) };
        let cases = [
            (vec![], Said::NotAllYet),
            (vec![open.clone()], Said::NotAllYet),
            (vec![approval(1)], Said::Yes(vec![boss.clone()])),
            (vec![approval(1), open.clone()], Said::NotAllYet),
            (vec![approval(1), no.clone()], Said::No(vec![boss.clone()])),
            (vec![open, no], Said::No(vec![boss.clone()])),
            (
                vec![approval(1), approval(2)],
                Said::Yes(vec![boss.clone(), boss.clone()]),
            ),
            (
                vec![approval(1), given(Given::Overridden)],
                Said::Doubtful(Stop::Overridden),
            ),
            (
                vec![given(Given::Delegated)],
                Said::Doubtful(Stop::Delegated),
            ),
            (
                vec![given(Given::Automatically)],
                Said::Doubtful(Stop::Automatic),
            ),
            (vec![of_nobody], Said::Doubtful(Stop::Nobodys)),
            (vec![of_somebody], Said::Doubtful(Stop::Nobodys)),
            (vec![approval(1), own], Said::Doubtful(Stop::OwnApproval)),
            (vec![at(None)], Said::Doubtful(Stop::Early)),
            (vec![approval(0)], Said::Doubtful(Stop::Early)),
            (vec![approval(-1)], Said::Doubtful(Stop::Early)),
            (vec![approval(7)], Said::Yes(vec![boss.clone()])),
            (vec![approval(8)], Said::Doubtful(Stop::Ahead)),
        ];
        for (approvals, expected) in cases {
            assert_eq!(soon(&approvals), expected, "{approvals:?}");
        }
    }

    #[test]
    fn a_round_that_is_over_stops_a_request_and_never_grants_one() {
        let boss = boss();
        let past = |minutes, verdict, given| DeskApproval {
            verdict,
            given,
            is_history: true,
            ..approval(minutes)
        };
        let (yes, no) = (Some(Verdict::Approved), Some(Verdict::Rejected));
        let undated = |verdict, given| DeskApproval {
            at: None,
            ..past(1, verdict, given)
        };
        for (row, alone, beside_a_yes) in [
            (
                past(1, no, Given::InPerson),
                Said::No(vec![boss.clone()]),
                Said::No(vec![boss.clone()]),
            ),
            (
                undated(no, Given::Automatically),
                Said::No(vec![boss.clone()]),
                Said::No(vec![boss.clone()]),
            ),
            (
                past(1, yes, Given::Overridden),
                Said::Doubtful(Stop::Overridden),
                Said::Doubtful(Stop::Overridden),
            ),
            (
                undated(yes, Given::Automatically),
                Said::Doubtful(Stop::Automatic),
                Said::Doubtful(Stop::Automatic),
            ),
            (
                past(1, yes, Given::InPerson),
                Said::NotAllYet,
                Said::Yes(vec![boss.clone()]),
            ),
            (
                undated(None, Given::Automatically),
                Said::NotAllYet,
                Said::Yes(vec![boss.clone()]),
            ),
            (
                past(-1, no, Given::InPerson),
                Said::NotAllYet,
                Said::Yes(vec![boss.clone()]),
            ),
            (
                past(0, yes, Given::Overridden),
                Said::NotAllYet,
                Said::Yes(vec![boss.clone()]),
            ),
        ] {
            assert_eq!(soon(std::slice::from_ref(&row)), alone, "{row:?}");
            let both = [approval(2), row];
            assert_eq!(soon(&both), beside_a_yes, "{both:?}");
        }
    }
}
