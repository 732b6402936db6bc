//! The gate of keys in memory: two seconds after a redemption, the daemon holds no copy of the key, in
//! no mapping and in no register, whole or in pieces.
//!
//! The real daemon redeems many keys, each another, from every kind of place that is not for
//! demonstrations, for clients of every kind. Then it is stopped, and all that it has is searched for
//! every key that it ever had. Before that it is searched in the middle of a redemption, where the key
//! has to be found: a gate that finds nothing then would show nothing afterwards.

mod clients;
mod links;
mod pieces;
mod process;
mod search;
mod sources;

use std::time::{Duration, Instant};

use clients::{Client, Pressed};
use links::links;
use process::Stopped;
use search::{report, search};
use serde_json::json;
use sources::{Drive, Source};

use crate::harness::{Daemon, until};

/// Redemptions from each place.
const REDEMPTIONS: usize = 210;

/// Within what time a key is gone.
const PROMISE: Duration = Duration::from_secs(2);

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
    gate(&Source::graph(2 + REDEMPTIONS));
}

#[test]
fn keys_that_came_from_a_program_are_gone() {
    gate(&Source::command(2 + REDEMPTIONS));
}

fn gate(source: &Source) {
    let daemon = source.clavis.start();
    let drives: Vec<_> = source.drives.iter().take(2 + REDEMPTIONS).collect();
    assert_eq!(drives.len(), 2 + REDEMPTIONS, "there are too few drives");
    let (first, drives) = drives.split_at(2);
    found_while_it_is_used(source, &daemon, first);

    let links = links(source, &daemon, drives);
    let clients = Client::ALL.into_iter().cycle();
    let connections: Vec<_> = links
        .iter()
        .zip(clients)
        .map(|(link, client)| client.redeem(link))
        .collect();
    wait_for_the_promise(&daemon);
    let keys: Vec<_> = first
        .iter()
        .chain(drives)
        .map(|it| it.key.clone())
        .collect();
    let left = search(&daemon, &keys);
    assert!(left.is_empty(), "{}", report(&left));
    drop(connections);

    let redeemed = source.clavis.count("redeemed");
    assert!(
        redeemed > REDEMPTIONS / 3 * 2,
        "only {redeemed} were redeemed"
    );
}

/// The directory is held up before it says that the beneficiaries may have their keys, and all that while
/// the keys are there. One of the clients does not wait for it.
fn found_while_it_is_used(source: &Source, daemon: &Daemon, drives: &[&Drive]) {
    let links = links(source, daemon, drives);
    source
        .people
        .fail(&json!({ "match": "GET /v1.0/users", "hold": true }));
    let waits = Pressed::at(&links[0]);
    let leaves = Pressed::at(&links[1]);
    let keys: Vec<_> = drives.iter().map(|drive| drive.key.clone()).collect();
    let bare = |key: &String| key.replace('-', "");
    let found = until("the keys in memory", || {
        let found = report(&search(daemon, &keys));
        let are_whole = keys
            .iter()
            .all(|key| found.contains(&bare(key)) || found.contains(key));
        are_whole.then_some(found)
    });
    assert!(found.contains(&bare(&keys[0])), "{found}");
    drop(leaves);
    source.people.mend();
    assert!(waits.answer().contains(&keys[0][..6]));

    let planted = "sixteen of these";
    let registers = Stopped::stop(daemon.pid()).registers(Some(planted));
    let is_seen = registers.windows(16).any(|it| it == planted.as_bytes());
    assert_eq!(is_seen, cfg!(target_arch = "x86_64"));
}

/// Waits until nothing is under way at the daemon's door, and from then on for as long as a key may
/// still be somewhere.
fn wait_for_the_promise(daemon: &Daemon) {
    let port = daemon.url.rsplit(':').next().expect("a port");
    let port = port.parse().expect("a number");
    until("the end of all connections", || {
        let serves = process::serves_anybody(daemon.pid(), port).expect("its connections");
        (!serves).then_some(())
    });
    let begun = Instant::now();
    until("the promised time", || {
        (begun.elapsed() >= PROMISE).then_some(())
    });
}
