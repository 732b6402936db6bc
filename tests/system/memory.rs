//! The gate of keys in memory: two seconds after a redemption, the daemon holds no copy of the key, in
//! no mapping and in no register, whole or in pieces.
//!
//! Real daemons redeem many keys, each another, from every kind of place that is not for demonstrations,
//! for clients of every kind. Then they are stopped, and all that they have is searched for every key
//! that they ever had. Before that they are searched in the middle of a redemption, where the key has to
//! be found: a gate that finds nothing then would show nothing afterwards.

mod clients;
mod doors;
mod links;
mod pieces;
mod process;
mod search;
mod sources;

use std::time::Instant;

use clients::{Habit, Pressed, Protocol};
use doors::Watched;
use links::{Link, links};
use process::Stopped;
use search::{report, search};
use serde_json::json;
use sources::Source;

use crate::harness::until;

/// Redemptions from each place: 12 for each kind of client at each of two doors.
const REDEMPTIONS: usize = 240;

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

    let clients = every_client(&doors);
    let of_each = REDEMPTIONS / clients.len();
    let connections: Vec<_> = rest
        .iter()
        .zip(clients.iter().cycle())
        .map(|(link, client)| client.redeem(link))
        .collect();
    let since = Instant::now();
    for watched in &doors {
        watched.wait_for_the_promise(since);
    }
    for watched in &doors {
        let left = search(&watched.daemon, &keys);
        assert!(left.is_empty(), "{}", report(&left));
    }
    drop(connections);
    // Who left may have left too early.
    let redeemed = source.clavis.count("redeemed");
    assert!(redeemed >= 16 * of_each, "only {redeemed} were redeemed");
}

/// The directory is held up before it says that people may have their keys, and all that while the keys
/// are there. Some of the clients do not wait for it.
fn found_while_they_are_used(source: &Source, doors: &[Watched], links: &[Link]) {
    let hold = json!({ "match": "GET /v1.0/users", "hold": true });
    source.people.fail(&hold);
    let press =
        |watched: &Watched, link, protocol| watched.door.press(link, protocol, Habit::Reads);
    let pressed = doors.iter().zip(links.chunks(2)).map(|(watched, links)| {
        let waits = press(watched, &links[0], Protocol::Http1);
        let leaves = press(watched, &links[1], Protocol::Http2);
        let keys: Vec<_> = links.iter().map(|link| link.key.clone()).collect();
        until("the keys in memory", || {
            let found = search(&watched.daemon, &keys);
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

/// A client of one kind.
struct Client<'d> {
    watched: &'d Watched,
    protocol: Protocol,
    habit: Habit,
}

impl Client<'_> {
    fn redeem(&self, link: &Link) -> Option<Pressed> {
        let pressed = self.watched.door.press(link, self.protocol, self.habit);
        pressed.go_on(self.habit)
    }
}

fn every_client(doors: &[Watched]) -> Vec<Client<'_>> {
    let mut clients = Vec::new();
    for habit in [
        Habit::Stalls,
        Habit::Reads,
        Habit::Leaves,
        Habit::Dribbles,
        Habit::LeavesInside,
    ] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            clients.extend(doors.iter().map(|watched| Client {
                watched,
                protocol,
                habit,
            }));
        }
    }
    clients
}
