//! What lets others prove what the log says: the tree over its rows, and what is signed of it.
//!
//! Each row is a leaf of a Merkle tree ([`tree`]). A [`checkpoint`] is the size and the root of the
//! tree at a moment, as a signed [`note`]: whoever keeps one can tell later whether the log still is
//! the one that it was, and whether a row is in it, without the log.
//! What may name somebody stands beside its [`leaf`] and can be erased.

pub mod bundle;
pub mod checkpoint;
pub mod examine;
mod harmless;
pub mod leaf;
pub mod note;
mod problem;
pub mod tally;
pub mod theirs;
pub mod tree;

#[cfg(test)]
mod tests;
