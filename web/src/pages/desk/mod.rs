//! The desk: what is under way, finding people and devices, asking for somebody, and helping a
//! request on.

mod ask;
mod person;
mod queue;
mod request;
mod search;

use clavis_broker::people::PersonId;
use clavis_broker::roles::Agent;

use crate::fault::Fault;
use crate::sessions::SignedIn;

pub(crate) use ask::{ask, form as ask_form};
pub(crate) use person::show as person;
pub(crate) use queue::show as queue;
pub(crate) use request::{
    GLASS, ask_again, break_glass, call_next, send_again, show as request, stop,
};
pub(crate) use search::{Typed as Search, show as search};

/// Whoever is signed in, as an agent. The table lets nobody else through to most of these pages.
fn agent(who: &SignedIn) -> Result<Agent, Fault> {
    who.roles.agent(who.person()).ok_or(Fault::NotFound)
}

/// The path of the page of a person. Whatever their ID is, it is one segment.
pub(crate) fn path_of(person: &PersonId) -> String {
    let segment: String = form_urlencoded::byte_serialize(person.0.as_bytes()).collect();
    format!("/desk/people/{}", segment.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_of_a_path() {
        for (id, path) in [
            ("anna.berg", "/desk/people/anna.berg"),
            ("a/../b?c#d", "/desk/people/a%2F..%2Fb%3Fc%23d"),
            ("a b+c", "/desk/people/a%20b%2Bc"),
            ("Ä%", "/desk/people/%C3%84%25"),
        ] {
            assert_eq!(path_of(&PersonId(id.to_owned())), path);
        }
    }
}
