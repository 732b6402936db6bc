//! The gate of keys in memory: two seconds after a redemption, the daemon holds no copy of the key, in
//! no mapping and in no register, whole or in pieces.
//!
//! The real daemon redeems many keys, each another, from every kind of place that is not for
//! demonstrations, for clients of every kind. Then it is stopped, and all that it has is searched for
//! every key that it ever had. Before that it is searched in the middle of a redemption, where the key
//! has to be found: a gate that finds nothing then would show nothing afterwards.

mod clients;
mod pieces;
mod process;
mod sources;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clients::{Client, Pressed};
use pieces::{Around, Cut, Piece, Pieces};
use process::Stopped;
use serde_json::json;
use sources::{Drive, Source};

use crate::harness::{Daemon, Letter, ask, decide, sign_in, until};

/// Redemptions for each kind of client.
const EACH: usize = 70;

/// Requests that a person makes in a row.
const IN_A_ROW: usize = 35;

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
    gate(&Source::graph(NEEDED));
}

#[test]
fn keys_that_came_from_a_program_are_gone() {
    gate(&Source::command(NEEDED));
}

/// Drives for each kind of client, and one to find.
const NEEDED: usize = Client::ALL.len() * EACH + 1;

fn gate(source: &Source) {
    let daemon = source.clavis.start();
    let mut drives = source.drives.iter();
    let mut shown: Vec<String> = Vec::new();

    let first: Vec<_> = drives.by_ref().take(1).collect();
    shown.push(first[0].key.clone());
    found_while_it_is_used(source, &daemon, first[0], &shown);

    for client in Client::ALL {
        let drives: Vec<_> = drives.by_ref().take(EACH).collect();
        assert_eq!(drives.len(), EACH, "there are too few drives");
        let links = links(source, &daemon, &drives);
        shown.extend(drives.iter().map(|drive| drive.key.clone()));
        let connections: Vec<_> = links.iter().map(|link| client.redeem(link)).collect();
        wait_for_the_promise(&daemon);
        let left = search(&daemon, &shown);
        assert!(
            left.is_empty(),
            "{client:?}: {} pieces: {}",
            left.len(),
            report(&left)
        );
        drop(connections);
    }
    let redeemed = source.clavis.count("redeemed");
    assert!(redeemed > 2 * EACH, "only {redeemed} were redeemed");
}

/// The directory takes its time to say that the beneficiary may have the key, and all that while the key
/// is there.
fn found_while_it_is_used(source: &Source, daemon: &Daemon, drive: &Drive, shown: &[String]) {
    let link = links(source, daemon, &[drive]).remove(0);
    source
        .people
        .fail(&json!({ "match": "GET /v1.0/users", "latencyMs": 3000 }));
    let pressed = Pressed::at(&link);
    let found = until("the key in memory", || {
        let found = search(daemon, shown);
        (!found.is_empty()).then_some(found)
    });
    assert!(
        found.iter().any(|found| found.contains(" bare ")),
        "{}",
        report(&found)
    );
    let planted = "sixteen of these";
    let stopped = Stopped::stop(daemon.pid());
    let registers = stopped.registers(Some(planted));
    assert_eq!(
        cfg!(target_arch = "x86_64"),
        registers.windows(16).any(|it| it == planted.as_bytes())
    );
    drop(stopped);
    let answer = pressed.answer();
    assert!(answer.contains(&drive.key[..6]), "{answer}");
    source.people.mend();
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

/// What is left of these keys in the daemon, a line each.
fn search(daemon: &Daemon, keys: &[String]) -> Vec<String> {
    let in_memory = Pieces::of(keys, Cut::MEMORY);
    let in_registers = Pieces::of(keys, Cut::REGISTERS);
    let stopped = Stopped::stop(daemon.pid());
    let stretches = stopped.memory();
    let registers = stopped.registers(None);
    drop(stopped);

    let mut found = Vec::new();
    for stretch in &stretches {
        found.extend(lines(&in_memory, &stretch.place, &stretch.bytes));
    }
    found.extend(lines(&in_registers, "the registers", &registers));
    found
}

/// What is found in a stretch of memory. A key is many pieces that overlap: one line for all of them.
fn lines(pieces: &Pieces, place: &str, bytes: &[u8]) -> Vec<String> {
    let (mut lines, mut end) = (Vec::new(), 0);
    for piece in pieces.in_memory(bytes) {
        if piece.at.start >= end {
            lines.push(line(place, bytes, &piece));
        }
        end = end.max(piece.at.end);
    }
    lines
}

fn line(place: &str, bytes: &[u8], piece: &Piece) -> String {
    format!(
        "key {} {} at {:#x} of {place}: {}",
        piece.key,
        piece.form,
        piece.at.start,
        Around(bytes, &piece.at)
    )
}

fn report(found: &[String]) -> String {
    let mut text = String::new();
    for line in found.iter().take(20) {
        let _ = write!(text, "\n{line}");
    }
    text
}

/// People ask for these drives, their manager approves, and the key links come.
fn links(source: &Source, daemon: &Daemon, drives: &[&Drive]) -> Vec<String> {
    let all_mails = &source.clavis.mails;
    for drives in drives.chunks(IN_A_ROW) {
        let somebody = sign_in(daemon, all_mails, &source.requester());
        for drive in drives {
            ask(&somebody, &drive.device, "It wants a key since the update.");
        }
    }
    let wanted: Vec<_> = drives
        .iter()
        .map(|drive| format!("({})", drive.device))
        .collect();
    let mails = |subject: &str| {
        until(subject, || {
            let of_device = |mail: Letter| {
                let at = wanted
                    .iter()
                    .position(|device| mail.subject.contains(device))?;
                Some((at, mail))
            };
            let found = all_mails.find("", subject, "").into_iter();
            let by_device: HashMap<_, _> = found.filter_map(of_device).collect();
            (by_device.len() == wanted.len()).then_some(by_device)
        })
    };
    for mail in mails("Approval Needed").values() {
        assert_eq!(decide(&mail.link("/review/"), "approve").status, 200);
    }
    let letters = mails("Your Secure Key Link");
    (0..wanted.len())
        .map(|at| letters[&at].link("/key/"))
        .collect()
}
