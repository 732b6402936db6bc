//! The people who may decide one request: now, and later where nobody does.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rules::{PolicyFault, Rule};
use crate::people::{GroupName, Party, Person, PersonId, PersonQuery};

/// The people who may decide one request, fixed when it is made. None of them asked for it or gets
/// the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    rule: String,
    needed: u8,
    first: Vec<Seat>,
    later: Vec<Stage>,
}

/// A place on a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Who has it.
    pub party: Party,
    /// Why the policy names them, or the person that they stand in for.
    pub because: Because,
    /// For whom they stand in, where it is not their own place.
    pub in_place_of: Option<Party>,
}

/// Why the policy names somebody: looked up anew before they decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// They are the beneficiary's manager.
    Manager,
    /// They are the manager of this person, whom the device belongs to.
    OwnersManager(PersonId),
    /// The policy names them.
    Person(PersonQuery),
    /// They are a member of this group.
    Group(GroupName),
}

/// What happens at some time while nobody has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// How long after the making of the request.
    pub after: SignedDuration,
    /// What happens then.
    pub turn: Turn,
}

/// What happens then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Those who were asked and have not answered are reminded.
    Remind,
    /// These are asked as well.
    Alternates(Vec<Seat>),
    /// The group of last resort is asked as well.
    LastResort(Vec<Seat>),
}

/// Nobody may be asked: the request is refused at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPanel {
    /// Too few are left who may approve.
    #[error("nobody may approve: too few of those whom the policy names can")]
    TooFew,
    /// The policy cannot be carried out.
    #[error(transparent)]
    Fault(#[from] PolicyFault),
}

/// Whom one name of a rule led to, as the directory knows them now.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// What the directory bears out.
    pub because: Because,
    /// Who that is.
    pub people: Vec<Person>,
}

/// Somebody who is away, and who stands in for them, as the directory knows that one now.
#[derive(Debug, Clone)]
pub struct Away {
    /// Who is away.
    pub who: PersonId,
    /// Who stands in.
    pub stand_in: Person,
    /// When that ends.
    pub until: Timestamp,
}

/// Seats for these people, and for whoever stands in for one of them at `at`. Left out is who
/// asked, who gets the key, whose account is disabled, who has no mail address, and who has such a
/// seat already.
pub fn seats(
    candidates: &[Candidates],
    askers: [&Party; 2],
    away: &[Away],
    taken: &[Seat],
    at: Timestamp,
) -> Vec<Seat> {
    let mut seats: Vec<Seat> = Vec::new();
    let fit = |person: &Person, sits: &dyn Fn(&Seat) -> bool, seats: &[Seat]| {
        let party = person.party().ok()?;
        let has_one = |seat: &Seat| seat.party.is_same_as(&party) && sits(seat);
        let may = !askers.iter().any(|asker| asker.is_same_as(&party));
        (may && !seats.iter().chain(taken).any(has_one)).then_some(party)
    };
    // Who stands in for somebody may have to decide in their own right later.
    let in_their_own = |seat: &Seat| seat.in_place_of.is_none();
    let anyhow = |_: &Seat| true;
    for Candidates { because, people } in candidates {
        for person in people {
            if let Some(party) = fit(person, &in_their_own, &seats) {
                seats.push(Seat {
                    party,
                    because: because.clone(),
                    in_place_of: None,
                });
            }
        }
    }
    // Afterwards: who has a seat of their own needs none in somebody's place.
    for seat in seats.clone() {
        let standing_in = away.iter().filter(|it| it.who == seat.party.id);
        for away in standing_in.filter(|it| at < it.until) {
            if let Some(party) = fit(&away.stand_in, &anyhow, &seats) {
                seats.push(Seat {
                    party,
                    because: seat.because.clone(),
                    in_place_of: Some(seat.party.clone()),
                });
            }
        }
    }
    seats
}

/// Whether so many of these can say yes, each in a place of their own.
pub fn enough(seats: &[Seat], rule: &Rule) -> bool {
    let own = seats.iter().filter(|seat| seat.in_place_of.is_none());
    own.count() >= usize::from(rule.needed.get())
}

impl Panel {
    /// A panel of those who are asked at once and of what happens later.
    ///
    /// # Errors
    /// [`NoPanel::TooFew`] where so many cannot be asked as must say yes.
    pub fn new(rule: &Rule, first: Vec<Seat>, later: Vec<Stage>) -> Result<Self, NoPanel> {
        if !enough(&first, rule) {
            return Err(NoPanel::TooFew);
        }
        let has_somebody = |stage: &Stage| match &stage.turn {
            Turn::Remind => true,
            Turn::Alternates(seats) | Turn::LastResort(seats) => !seats.is_empty(),
        };
        let mut later: Vec<_> = later.into_iter().filter(has_somebody).collect();
        later.sort_by_key(|stage| stage.after);
        Ok(Self {
            rule: rule.name.clone(),
            needed: rule.needed.get(),
            first,
            later,
        })
    }

    /// The rule that made it.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// How many must say yes.
    pub fn needed(&self) -> usize {
        usize::from(self.needed)
    }

    /// What happens while nobody decides, in order.
    pub fn later(&self) -> &[Stage] {
        &self.later
    }

    /// Everybody who has been asked once so many stages have begun.
    pub fn asked(&self, begun: usize) -> impl Iterator<Item = &Seat> {
        let later = self.later.iter().take(begun);
        self.first.iter().chain(later.flat_map(Stage::seats))
    }

    /// Whether this seat is one of those that are asked only once nobody has decided.
    pub fn is_later(&self, seat: &Seat) -> bool {
        self.later.iter().any(|stage| stage.seats().contains(seat))
    }

    /// Everybody who is on it.
    pub fn everybody(&self) -> impl Iterator<Item = &Seat> {
        self.asked(usize::MAX)
    }
}

impl Stage {
    /// Who is asked then.
    pub fn seats(&self) -> &[Seat] {
        match &self.turn {
            Turn::Remind => &[],
            Turn::Alternates(seats) | Turn::LastResort(seats) => seats,
        }
    }
}

impl Seat {
    /// Whose place it is: one counts once, whoever sits there.
    pub fn place(&self) -> &PersonId {
        &self.in_place_of.as_ref().unwrap_or(&self.party).id
    }
}
