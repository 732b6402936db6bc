//! Who decides a request: who was asked and why, how they answered, and who is asked when nobody
//! does.

use clavis_broker::audit::{Event, LogRow};
use clavis_broker::lifecycle::{Outcome, Request, State, Step};
use clavis_broker::people::{GroupName, Party};
use clavis_broker::policy::{Because, Seat, Turn};
use jiff::Timestamp;

use super::{all, either};
use crate::site::Site;
use crate::times::When;

/// Somebody who was asked.
pub(crate) struct Asked<'a> {
    pub(crate) name: &'a str,
    /// Why they may decide.
    pub(crate) why: String,
    /// What they answered; nothing where it is not waited for any more.
    pub(crate) answer: Option<String>,
    /// How the answer looks: a class of the style sheet.
    pub(crate) tone: &'static str,
}

/// Something that happens while nobody decides.
pub(crate) struct Begins {
    pub(crate) at: When,
    pub(crate) what: String,
}

/// Whose yes is needed, and who has said it: `Anna Berg or Ben Cole can approve it.`
pub(crate) fn progress(request: &Request) -> String {
    let asked = request.asked().map(|seat| seat.party.name.as_str());
    let needed = request.panel.needed();
    if needed == 1 {
        return format!("{} can approve it.", either(asked));
    }
    let votes = request.votes();
    let so_far = if votes.is_empty() {
        String::new()
    } else {
        let who = all(votes.iter().map(|vote| vote.by.name.as_str()));
        format!(" {who} said yes so far.")
    };
    format!("{needed} of {} must approve it.{so_far}", all(asked))
}

/// Everybody who was asked, as the request's rows of the log say.
pub(crate) fn asked<'a>(
    request: &'a Request,
    rows: &[LogRow],
    reader: &Party,
    site: &Site,
) -> Vec<Asked<'a>> {
    let was_asked = |seat: &&Seat| {
        let mut asked = rows.iter().flat_map(|row| match &row.entry.event {
            Event::Request(Step::Opened { asked, .. } | Step::AskedMore { asked, .. }) => {
                &asked[..]
            }
            _ => &[],
        });
        asked.any(|party| party.id == seat.party.id)
    };
    let row = |seat: &'a Seat| {
        let (answer, tone) = answer(request, seat, site);
        Asked {
            name: &seat.party.name,
            why: why(request, seat, reader),
            answer,
            tone,
        }
    };
    request.asked().filter(was_asked).map(row).collect()
}

fn why(request: &Request, seat: &Seat, reader: &Party) -> String {
    let because = match &seat.because {
        Because::Manager if reader.id == request.beneficiary.id => "your manager".to_owned(),
        Because::Manager => format!("manager of {}", request.beneficiary.name),
        Because::OwnersManager(_) => "manager of whoever the device belongs to".to_owned(),
        Because::Person(_) => "named for requests like this".to_owned(),
        Because::Group(group) => format!("in the group {}", short(group)),
    };
    match &seat.in_place_of {
        Some(of) => format!("stands in for {} ({because})", of.name),
        None => because,
    }
}

/// A group's own name, where the directory takes its place in the tree for a name.
fn short(group: &GroupName) -> &str {
    let name = group.0.as_str();
    let is_path = name
        .get(..3)
        .is_some_and(|head| head.eq_ignore_ascii_case("cn="));
    match name.split_once(',') {
        Some((first, _)) if is_path && !first.ends_with('\\') => &first[3..],
        _ => name,
    }
}

fn answer(request: &Request, seat: &Seat, site: &Site) -> (Option<String>, &'static str) {
    let said_no = match &request.state {
        State::Closed(closing) => match &closing.outcome {
            Outcome::Declined { by, .. } => by.id == seat.party.id,
            _ => false,
        },
        _ => false,
    };
    if said_no {
        return (Some("Said no".to_owned()), "bad");
    }
    if let Some(vote) = request.vote_of(seat) {
        let yes = if vote.by.id == seat.party.id {
            format!("Said yes on {}", site.moment(vote.at))
        } else {
            format!("{} said yes in this place", vote.by.name)
        };
        return (Some(yes), "good");
    }
    let waits = matches!(request.state, State::Pending { .. });
    (waits.then(|| "Has not answered".to_owned()), "waiting")
}

/// Why somebody is asked who was not asked at first; nothing for those who were, and once there is
/// nothing left to decide.
pub(crate) fn asked_later(request: &Request, seat: &Seat, site: &Site) -> Option<String> {
    let is_pending = matches!(request.state, State::Pending { .. });
    let since = site.moment(request.made_at);
    let so_far = if request.votes().is_empty() {
        "Nobody has decided"
    } else {
        "Too few have decided"
    };
    (is_pending && request.panel.is_later(seat))
        .then(|| format!("{so_far} since {since}; you are asked as well."))
}

/// What happens while nobody decides, in its order; nothing for a request that is decided.
pub(crate) fn begins(request: &Request, now: Timestamp, site: &Site) -> Vec<Begins> {
    let State::Pending { lapses_at, .. } = &request.state else {
        return Vec::new();
    };
    if now >= *lapses_at {
        return Vec::new();
    }
    let line = |at, what| Begins {
        at: site.when(at),
        what,
    };
    let turns = request.to_come().filter(|(at, _)| at < lapses_at);
    let mut all: Vec<_> = turns.map(|(at, turn)| line(at, happens(turn))).collect();
    all.push(line(*lapses_at, "The request lapses.".to_owned()));
    all
}

fn happens(turn: &Turn) -> String {
    let names = |seats: &[Seat]| all(seats.iter().map(|seat| seat.party.name.as_str()));
    match turn {
        Turn::Remind => "Whoever has not answered is reminded.".to_owned(),
        Turn::Alternates(seats) => {
            let are = if seats.len() == 1 { "is" } else { "are" };
            format!("{} {are} asked as well.", names(seats))
        }
        Turn::LastResort(seats) => {
            format!(
                "The group of last resort is asked as well: {}.",
                names(seats)
            )
        }
    }
}
