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
    gate(&Source::graph(1 + REDEMPTIONS));
}

#[test]
fn keys_that_came_from_a_program_are_gone() {
    gate(&Source::command(1 + REDEMPTIONS));
}

fn gate(source: &Source) {
    let daemon = source.clavis.start();
    let (first, rest) = source.drives.split_first().expect("drives");
    found_while_it_is_used(source, &daemon, first);

    let drives: Vec<_> = rest.iter().take(REDEMPTIONS).collect();
    assert_eq!(drives.len(), REDEMPTIONS, "there are too few drives");
    let links = links(source, &daemon, &drives);
    let clients = Client::ALL.into_iter().cycle();
    let connections: Vec<_> = links
        .iter()
        .zip(clients)
        .map(|(link, client)| client.redeem(link))
        .collect();
    wait_for_the_promise(&daemon);
    let keys: Vec<_> = source
        .drives
        .iter()
        .map(|drive| drive.key.clone())
        .collect();
    let left = search(&daemon, &keys[..=REDEMPTIONS]);
    assert!(left.is_empty(), "{}", report(&left));
    drop(connections);

    let redeemed = source.clavis.count("redeemed");
    assert!(
        redeemed > REDEMPTIONS / 3 * 2,
        "only {redeemed} were redeemed"
    );
}

/// The directory takes its time to say that the beneficiary may have the key, and all that while the key
/// is there.
fn found_while_it_is_used(source: &Source, daemon: &Daemon, drive: &Drive) {
    let link = links(source, daemon, &[drive]).remove(0);
    let slow = json!({ "match": "GET /v1.0/users", "latencyMs": 3000 });
    source.people.fail(&slow);
    let pressed = Pressed::at(&link);
    let key = [drive.key.clone()];
    let found = until("the key in memory", || {
        let found = search(daemon, &key);
        (!found.is_empty()).then_some(found)
    });
    let has_whole = found
        .iter()
        .any(|line| line.contains(&key[0].replace('-', "")));
    assert!(has_whole, "{}", report(&found));
    assert!(pressed.answer().contains(&key[0][..6]));
    source.people.mend();

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
