//! Looking for keys in all that a daemon has.

use std::fmt::Write as _;

use super::pieces::{Around, Cut, Piece, Pieces};
use super::process::Stopped;
use crate::harness::Daemon;

/// What is looked for of some keys. To make it takes longer than a daemon may take to forget them.
pub(super) struct Wanted {
    in_memory: Pieces,
    in_registers: Pieces,
}

impl Wanted {
    /// All of these keys.
    pub(super) fn of(keys: &[String]) -> Self {
        Self {
            in_memory: Pieces::of(keys, Cut::MEMORY),
            in_registers: Pieces::of(keys, Cut::REGISTERS),
        }
    }

    /// What there is of it in the memory and the registers of the daemon at this moment, a line each.
    pub(super) fn search(&self, daemon: &Daemon) -> Vec<String> {
        let stopped = Stopped::stop(daemon.pid());
        let stretches = stopped.memory();
        let registers = stopped.registers(None);
        drop(stopped);

        let mut found = Vec::new();
        for stretch in &stretches {
            found.extend(lines(&self.in_memory, &stretch.place, &stretch.bytes));
        }
        found.extend(lines(&self.in_registers, "the registers", &registers));
        found
    }
}

/// The beginning of what was found, for whoever mends it.
pub(super) fn report(found: &[String]) -> String {
    let mut text = format!("{} pieces", found.len());
    for line in found.iter().take(20) {
        let _ = write!(text, "\n{line}");
    }
    text
}

/// A key is many pieces that overlap: one line for all of them.
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
    let (Piece { key, form, at }, around) = (piece, Around(bytes, &piece.at));
    format!("key {key} {form} at {:#x} of {place}: {around}", at.start)
}
