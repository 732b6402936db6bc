//! Which fields an erasure has erased: counted, and hashed in the order of their rows, so that the
//! row that records it holds for exactly these.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The fields of one erasure, in the order of their rows and within them.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    rows: u64,
    fields: u64,
    first: Option<i64>,
    last: Option<i64>,
    hash: Sha256,
}

impl Tally {
    /// Adds the `field`-th field, from 0, of a row.
    pub fn add(&mut self, seq: i64, field: usize) {
        if self.last != Some(seq) {
            self.rows += 1;
        }
        self.first = self.first.or(Some(seq));
        self.last = Some(seq);
        self.fields += 1;
        self.hash.update(format!("{seq} {field}\n"));
    }

    /// From how many rows they are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many they are.
    pub fn fields(&self) -> u64 {
        self.fields
    }

    /// The first row that one of them is of; none where there is none.
    pub fn first(&self) -> Option<i64> {
        self.first
    }

    /// The last row that one of them is of; none where there is none.
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// SHA-256 over a line `ROW FIELD` for each, in hexadecimal digits.
    pub fn digest(&self) -> String {
        let hash = self.hash.clone().finalize();
        hash.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_tells_which_fields_they_were() {
        let of = |fields: &[(i64, usize)]| {
            let mut tally = Tally::default();
            for (seq, field) in fields {
                tally.add(*seq, *field);
            }
            tally
        };
        let one = of(&[(2, 0), (2, 3), (7, 1)]);
        assert_eq!((one.rows(), one.fields(), one.first()), (2, 3, Some(2)));
        assert_ne!(one.digest(), of(&[(2, 0), (2, 3), (7, 2)]).digest());
        assert_ne!(one.digest(), of(&[(2, 0), (23, 7), (7, 1)]).digest());
        assert_eq!(of(&[]).digest().len(), 64);
    }
}
