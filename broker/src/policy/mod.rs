//! Who approves: judgements over what the directory said, with no directory in sight.
//!
//! The one rule: nobody who asked, and nobody who gets the key, ever approves. An [`Approver`]
//! can only be made here, and [`crate::lifecycle::decide`] takes nothing less.
//!
//! A [`Policy`] is a list of [`Rule`]s ([`rules`]). The first that fits a request names people, and
//! a [`Panel`] is made of them ([`panel`]): who is asked now, and who later where nobody decides.
//! Whoever is on it can decide while the directory still bears out why they are ([`authorise`]).

mod authorise;
mod panel;
mod rules;
mod stand_in;

pub use authorise::{Approver, authorise};
pub use panel::{Away, Because, Candidates, NoPanel, Panel, Seat, Stage, Turn, enough, seats};
pub use rules::{
    About, EVERYTHING_ELSE, Escalation, Fit, MOST_MEMBERS, Matches, Named, Policy, PolicyFault,
    Rule, WhichFault,
};
pub use stand_in::StandIn;

#[cfg(test)]
mod tests;
