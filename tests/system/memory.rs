//! The gate of keys in memory: two seconds after a redemption, the daemon holds no copy of the key, in
//! no mapping and in no register, whole or in pieces.
//!
//! Real daemons redeem many keys, each another, from every kind of place that is not for demonstrations,
//! for clients of every kind. Two seconds after its last redemption each is stopped, and all that it has
//! is searched for every key that they ever had. Before that they are searched in the middle of a redemption, where the key has to
//! be found: a gate that finds nothing then would show nothing afterwards.

mod clients;
mod doors;
mod links;
mod pieces;
mod process;
mod search;
mod sources;

use std::collections::HashSet;
use std::thread;

use clients::{Habit, Protocol};
use doors::Watched;
use links::{Link, links};
use process::Stopped;
use search::{Wanted, report};
use serde_json::json;
use sources::Source;

use crate::door::PROMISED;
use crate::door::stopwatch::Stopwatch;
use crate::harness::until;

/// Redemptions from each place: 12 for each of ten kinds of client at each of two doors.
const REDEMPTIONS: usize = 240;
/// Those of them that cannot but succeed: of nine kinds. A client that leaves before the answer comes may
/// have left before the key was fetched.
const SEEN: usize = 216;

#[test]
fn keys_that_came_over_ldaps_are_gone() {
    gate(&Source::active_directory("ldaps"));
}

#[test]
fn keys_that_came_over_starttls_are_gone() {
    gate(&Source::active_directory("starttls"));
}

#[test]
fn keys_that_came_from_graph_are_gone() {
    gate(&Source::graph(4 + REDEMPTIONS));
}

#[test]
fn keys_that_came_from_a_program_are_gone() {
    gate(&Source::command(4 + REDEMPTIONS));
}

/// Redeems many keys of this place, and looks for what is left of them.
fn gate(source: &Source) {
    let doors = [Watched::plain(&source.clavis), Watched::tls(&source.clavis)];
    let links = links(source, &doors[0].daemon, 4 + REDEMPTIONS);
    let keys: Vec<_> = links.iter().map(|link| link.key.clone()).collect();
    let (first, rest) = links.split_at(4);
    found_while_they_are_used(source, &doors, first);

    let wanted = Wanted::of(&keys);
    let (mut held, mut seen) = (Vec::new(), Vec::new());
    let mut since_last = [(); 2].map(|()| Stopwatch::start());
    for (links, (habit, protocol)) in rest.chunks(2).zip(kinds().into_iter().cycle()) {
        for ((link, watched), since) in links.iter().zip(&doors).zip(&mut since_last) {
            held.extend(watched.door.press(link, protocol, habit).go_on(habit));
            *since = Stopwatch::start();
            if habit.sees_the_answer(protocol) {
                seen.push(&link.reference);
            }
        }
    }
    let left = left_when_promised(&doors, &since_last, &wanted);
    assert!(left.is_empty(), "{}", report(&left));
    drop(held);

    let mut rows = source.clavis.rows();
    rows.retain(|row| row["name"] == "link.redeemed");
    let redeemed: HashSet<_> = rows
        .iter()
        .filter_map(|row| row["request"]["reference"].as_str())
        .collect();
    assert_eq!(seen.len(), SEEN);
    for reference in seen {
        assert!(redeemed.contains(&**reference), "{reference}");
    }
}

/// What is found in daemons, in each when its last redemption is as long ago as is promised.
fn left_when_promised(
    doors: &[Watched; 2],
    since_last: &[Stopwatch; 2],
    wanted: &Wanted,
) -> Vec<String> {
    thread::scope(|scope| {
        let searches = [0, 1].map(|at| {
            scope.spawn(move || {
                since_last[at].wait(PROMISED);
                wanted.search(&doors[at].daemon)
            })
        });
        let found = searches.map(|search| search.join().expect("it ends well"));
        found.concat()
    })
}

/// The directory is held up before it says that people may have their keys, and all that while the keys
/// are there. Some of the clients do not wait for it.
fn found_while_they_are_used(source: &Source, doors: &[Watched; 2], links: &[Link]) {
    let hold = json!({ "match": "GET /v1.0/users", "hold": true });
    source.people.fail(&hold);
    let press =
        |watched: &Watched, link, protocol| watched.door.press(link, protocol, Habit::Reads);
    let pressed = doors.iter().zip(links.chunks(2)).map(|(watched, links)| {
        let waits = press(watched, &links[0], Protocol::Http1);
        let leaves = press(watched, &links[1], Protocol::Http2);
        let keys: Vec<_> = links.iter().map(|link| link.key.clone()).collect();
        let wanted = Wanted::of(&keys);
        until("the keys in memory", || {
            let found = wanted.search(&watched.daemon);
            keys.iter()
                .all(|key| is_whole_in(&found, key))
                .then_some(())
        });
        drop(leaves);
        waits
    });
    let pressed: Vec<_> = pressed.collect();
    source.people.mend();
    for (mut waits, links) in pressed.into_iter().zip(links.chunks(2)) {
        let answer = waits.answer();
        assert!(answer.contains(&links[0].key[..6]), "{answer}");
    }
    for watched in doors {
        let planted = "sixteen of these";
        let registers = Stopped::stop(watched.daemon.pid()).registers(Some(planted));
        let is_seen = registers.windows(16).any(|it| it == planted.as_bytes());
        assert_eq!(is_seen, cfg!(target_arch = "x86_64"));
    }
}

/// Whether a key is there from its beginning to its end. A passphrase stays as its program wrote it.
fn is_whole_in(found: &[String], key: &str) -> bool {
    let bare = key.replace('-', "");
    let mut lines = found.iter();
    lines.any(|line| line.contains(&bare) || line.contains(key))
}

/// Every kind of client. Those come last who leave most behind for longest.
fn kinds() -> [(Habit, Protocol); 10] {
    use Habit::{Dribbles, Leaves, LeavesInside, Reads, Stalls};
    use Protocol::{Http1, Http2};
    [
        (Leaves, Http1),
        (Leaves, Http2),
        (LeavesInside, Http1),
        (LeavesInside, Http2),
        (Reads, Http1),
        (Reads, Http2),
        (Dribbles, Http1),
        (Dribbles, Http2),
        (Stalls, Http1),
        (Stalls, Http2),
    ]
}
