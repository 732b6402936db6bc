//! What a request means, in words: where it stands, who decides, what has happened.

mod deciding;
mod history;
mod jobs;
mod standing;
mod stuck;

use clavis_broker::devices::BackendName;
use clavis_broker::lifecycle::{Approval, Outcome, Request, State};

pub(crate) use deciding::{Asked, Begins, asked, asked_later, begins, progress};
pub(crate) use history::{Moment, Page, history};
pub use jobs::job_in_words;
pub(crate) use standing::{Standing, is_open, standing};
pub(crate) use stuck::{Wait, has_next, is_stuck, tries, waits};

/// From so many people on, not all of them are named.
const MANY: usize = 7;
/// And then these are.
const NAMED: usize = 5;

/// `Anna Berg`, `Anna Berg or Ben Cole`, `Anna Berg, Ben Cole or Cleo Dunn`.
pub(crate) fn either(names: impl IntoIterator<Item: Into<String>>) -> String {
    people(names, "or")
}

/// `Anna Berg`, `Anna Berg and Ben Cole`, `Anna Berg, Ben Cole and Cleo Dunn`.
pub(crate) fn all(names: impl IntoIterator<Item: Into<String>>) -> String {
    people(names, "and")
}

fn people(names: impl IntoIterator<Item: Into<String>>, before_last: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
    if names.len() >= MANY {
        let others = names.split_off(NAMED).len();
        names.push(format!("{others} others"));
    }
    listed(&names, before_last)
}

fn listed(words: &[String], before_last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {before_last} {last}", first.join(", ")),
    }
}

/// `corp`, `corp and cloud`, `corp, cloud and mac`: where keys lie.
pub(crate) fn backends(names: &[BackendName]) -> String {
    let names: Vec<_> = names.iter().map(|name| name.0.clone()).collect();
    listed(&names, "and")
}

/// What somebody added to their decision.
pub(crate) struct Said<'a> {
    pub(crate) who: &'a str,
    pub(crate) text: &'a str,
}

/// What those who decided added, and why the glass was broken.
pub(crate) fn said(request: &Request) -> Vec<Said<'_>> {
    let votes = request.votes().iter().filter_map(|vote| {
        let comment = vote.comment.as_ref()?;
        Some(Said {
            who: &vote.by.name,
            text: comment.as_str(),
        })
    });
    let mut all: Vec<_> = votes.collect();
    if let Some(Approval::BrokenGlass { who, reason, .. }) = request.state.approval() {
        all.push(Said {
            who: &who.name,
            text: reason.as_str(),
        });
    }
    if let State::Closed(closing) = &request.state
        && let Outcome::Declined { by, comment } = &closing.outcome
        && let Some(comment) = comment
    {
        all.push(Said {
            who: &by.name,
            text: comment.as_str(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_listed_and_a_crowd_is_counted() {
        assert_eq!(either(["Anna"]), "Anna");
        assert_eq!(either(["Anna", "Ben"]), "Anna or Ben");
        assert_eq!(all(["Anna", "Ben", "Cleo"]), "Anna, Ben and Cleo");
        let crowd: Vec<_> = (1..=40).map(|n| n.to_string()).collect();
        assert_eq!(either(crowd[..6].to_vec()), "1, 2, 3, 4, 5 or 6");
        assert_eq!(either(crowd), "1, 2, 3, 4, 5 or 35 others");
    }
}
