//! What is handed to somebody who has not the log: rows of it, or two checkpoints, with the proof
//! that goes with them. Whoever has the log's public key can check it, alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, NotACheckpoint};
use super::leaf::{Field, LeafError, Placed, check};
use super::note::Verifier;
use super::tree::{Hash, continues, includes, leaf_hash};
use crate::audit::LogRow;
use crate::tokens::Reference;

/// A proof with all that it takes to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proves", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bundle {
    /// That rows of a request are in the log.
    Rows {
        /// The request.
        request: Reference,
        /// The checkpoint that they are in, as a signed note.
        checkpoint: String,
        /// The rows.
        rows: Vec<ProvedRow>,
    },
    /// That the log of one checkpoint goes on as that of another.
    Consistency {
        /// The earlier checkpoint, as a signed note.
        earlier: String,
        /// The later one.
        later: String,
        /// The hashes of the proof.
        proof: Vec<ProofHash>,
    },
}

/// A row, and the proof that it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvedRow {
    /// Its place.
    pub seq: i64,
    /// The leaf, byte for byte.
    pub leaf: String,
    /// The fields beside it, with their salts.
    pub personal: String,
    /// The hashes of the proof.
    pub proof: Vec<ProofHash>,
}

/// A hash of a proof, in Base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProofHash(pub Hash);

/// What a bundle has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// These rows of a request are in the log that this checkpoint is of.
    Rows {
        /// The request.
        request: Reference,
        /// The checkpoint.
        checkpoint: Checkpoint,
        /// The rows, in their order; never none.
        rows: Vec<LogRow>,
        /// How many fields of them are left out. Whoever hands the bundle on can leave out any: that
        /// the log has erased them is not proved.
        left_out: usize,
    },
    /// The log of one checkpoint goes on as that of another.
    Consistency {
        /// The earlier one.
        earlier: Checkpoint,
        /// The later one.
        later: Checkpoint,
    },
}

/// A bundle proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A checkpoint in it cannot be believed.
    #[error("its checkpoint cannot be believed")]
    Checkpoint(#[from] NotACheckpoint),
    /// It is to be of rows, and has none.
    #[error("there is no row in it")]
    Empty,
    /// A row in it is not in the log.
    #[error("row {0} is not in the log that the checkpoint is of, or not so")]
    NotIncluded(i64),
    /// A row in it does not hold together.
    #[error("row {0} does not hold together")]
    Leaf(i64, #[source] LeafError),
    /// A row is of another request, or not where it belongs.
    #[error("row {0} is not of the request, or out of order")]
    Strange(i64),
    /// The checkpoints are of two logs.
    #[error("its checkpoints are of two logs, {0} and {1}")]
    TwoLogs(String, String),
    /// The log of the later checkpoint does not begin with that of the earlier.
    #[error(
        "the log of {later} rows does not begin with that of {earlier} rows: something in it was \
         changed, or the proof is of others"
    )]
    Inconsistent {
        /// How many rows the earlier one is of.
        earlier: u64,
        /// How many the later one is of.
        later: u64,
    },
}

impl Bundle {
    /// Checks everything, against the keys of whoever is believed.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, known: &[Verifier]) -> Result<Proved, BundleError> {
        match self {
            Self::Rows {
                request,
                checkpoint,
                rows,
            } => {
                let checkpoint = Checkpoint::open(checkpoint, known)?;
                if rows.is_empty() {
                    return Err(BundleError::Empty);
                }
                let mut proved: Vec<LogRow> = Vec::with_capacity(rows.len());
                let mut left_out = 0;
                for row in rows {
                    let (row, erased) = row.check(&checkpoint)?;
                    left_out += erased;
                    let reference = row.entry.request.as_ref().map(|it| &it.reference);
                    let is_next = proved.last().is_none_or(|last| last.seq < row.seq);
                    if reference != Some(request) || !is_next {
                        return Err(BundleError::Strange(row.seq));
                    }
                    proved.push(row);
                }
                Ok(Proved::Rows {
                    request: request.clone(),
                    checkpoint,
                    rows: proved,
                    left_out,
                })
            }
            Self::Consistency {
                earlier,
                later,
                proof,
            } => {
                let earlier = Checkpoint::open(earlier, known)?;
                let later = Checkpoint::open(later, known)?;
                if earlier.origin != later.origin {
                    return Err(BundleError::TwoLogs(earlier.origin, later.origin));
                }
                let proof: Vec<_> = proof.iter().map(|hash| hash.0).collect();
                let (first, second) = ((earlier.size, &earlier.root), (later.size, &later.root));
                if !continues(first, second, &proof) {
                    return Err(BundleError::Inconsistent {
                        earlier: earlier.size,
                        later: later.size,
                    });
                }
                Ok(Proved::Consistency { earlier, later })
            }
        }
    }
}

impl ProvedRow {
    /// The row, and how many of its fields are left out.
    fn check(&self, checkpoint: &Checkpoint) -> Result<(LogRow, usize), BundleError> {
        let Checkpoint { size, root, .. } = checkpoint;
        let number = self
            .seq
            .checked_sub(1)
            .and_then(|it| u64::try_from(it).ok());
        let number = number.ok_or(BundleError::Strange(self.seq))?;
        let leaf = leaf_hash(self.leaf.as_bytes());
        let proof: Vec<_> = self.proof.iter().map(|hash| hash.0).collect();
        if !includes(root, *size, number, &leaf, &proof) {
            return Err(BundleError::NotIncluded(self.seq));
        }
        let checked = check(&self.leaf, &self.personal);
        let (entry, fields) = checked.map_err(|why| BundleError::Leaf(self.seq, why))?;
        let is_left_out = |placed: &&Placed| matches!(placed.field, Field::Erased(_));
        let left_out = fields.iter().filter(is_left_out).count();
        let row = LogRow {
            seq: self.seq,
            entry,
        };
        Ok((row, left_out))
    }
}

impl From<ProofHash> for String {
    fn from(hash: ProofHash) -> Self {
        STANDARD.encode(hash.0)
    }
}

impl TryFrom<String> for ProofHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).ok();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok());
        hash.map(Self).ok_or("not a hash of 32 bytes in Base64")
    }
}
