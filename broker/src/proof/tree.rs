//! The Merkle tree over the log: hashes, roots and proofs (RFC 6962, section 2.1; RFC 9162,
//! section 2.1).
//!
//! What is kept of a tree are the hashes of its complete subtrees, in the order in which they come
//! to be complete: each leaf, and after it every subtree that it completes. A tree that grows only
//! ever adds to them. What a root or a proof is made of is a [`Plan`]: which of them to read, and
//! how to put them together.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// A hash of a leaf or of a subtree.
pub type Hash = [u8; 32];

/// The hash of a leaf: `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(leaf);
    hash.finalize().into()
}

/// The hash over two subtrees: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0x01]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root of a tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A complete subtree: the `index`-th, from 0, of those with `2^level` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u32,
    /// Counted from the left.
    pub index: u64,
}

impl Node {
    /// The leaf of this number, from 0.
    pub fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// Its place among all hashes of a tree in the order of their completion, from 0.
    pub fn place(self) -> u64 {
        let last_leaf = ((self.index + 1) << self.level) - 1;
        node_count(last_leaf) + u64::from(self.level)
    }

    /// The subtree above it, where it is the right half of one: then both are complete together.
    pub fn completes(self) -> Option<Self> {
        (self.index % 2 == 1).then(|| Self {
            level: self.level + 1,
            index: self.index / 2,
        })
    }

    /// The left half beside a right one.
    fn left_sibling(self) -> Self {
        Self {
            index: self.index - 1,
            ..self
        }
    }

    fn leaves(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }
}

/// How many complete subtrees a tree of so many leaves has, its leaves among them.
pub fn node_count(leaves: u64) -> u64 {
    2 * leaves - u64::from(leaves.count_ones())
}

/// The hashes that a new leaf adds, in the order of their places: its own, and that of each
/// subtree that it completes. `size` is how many leaves there were before. `read` gives the hash
/// of a subtree that was complete by then; it is asked once on average.
///
/// # Errors
/// The first that `read` gives.
pub fn append<E>(
    size: u64,
    leaf: Hash,
    mut read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<(Node, Hash)>, E> {
    let mut node = Node::leaf(size);
    let mut hash = leaf;
    let mut added = vec![(node, hash)];
    while let Some(parent) = node.completes() {
        hash = node_hash(&read(node.left_sibling())?, &hash);
        node = parent;
        added.push((node, hash));
    }
    Ok(added)
}

/// Which hashes to read, and how they make the hashes of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Vec<Node>>);

impl Plan {
    /// What the root of a tree of so many leaves is made of. It makes one hash; none for no leaves,
    /// as that root is [known](empty_root).
    pub fn root(size: u64) -> Self {
        Self(if size == 0 {
            Vec::new()
        } else {
            vec![complete(0..size)]
        })
    }

    /// What the proof is made of that a leaf is in a tree: its hashes go to [`includes`]. The
    /// leaf's number must be below the tree's size.
    pub fn inclusion(leaf: u64, size: u64) -> Self {
        let mut path = Vec::new();
        let mut span = 0..size;
        while span.end - span.start > 1 {
            let middle = span.start + split(span.end - span.start);
            if leaf < middle {
                path.push(complete(middle..span.end));
                span.end = middle;
            } else {
                path.push(complete(span.start..middle));
                span.start = middle;
            }
        }
        path.reverse();
        Self(path)
    }

    /// What the proof is made of that a tree begins with an earlier one: its hashes go to
    /// [`continues`]. The earlier size must not be above the later one.
    pub fn consistency(earlier: u64, later: u64) -> Self {
        let mut path = Vec::new();
        if earlier == 0 || earlier == later {
            return Self(path);
        }
        let mut span = 0..later;
        // Whether the part of the earlier tree that lies in the span is not the earlier tree.
        let mut is_part = false;
        while earlier != span.end {
            let middle = span.start + split(span.end - span.start);
            if earlier <= middle {
                path.push(complete(middle..span.end));
                span.end = middle;
            } else {
                path.push(complete(span.start..middle));
                span.start = middle;
                is_part = true;
            }
        }
        if is_part {
            path.push(complete(span));
        }
        path.reverse();
        Self(path)
    }

    /// The subtrees whose hashes are to be read, in this order.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.0.iter().flatten().copied()
    }

    /// The hashes that the plan makes of those that were read; `None` where it was not as many.
    pub fn make(&self, read: &[Hash]) -> Option<Vec<Hash>> {
        let mut rest = read;
        let mut made = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            let (these, others) = rest.split_at_checked(part.len())?;
            made.push(join(these)?);
            rest = others;
        }
        rest.is_empty().then_some(made)
    }
}

/// Whether a proof shows that the leaf with this hash and number is in the tree of this size and
/// root (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn includes(root: &Hash, size: u64, number: u64, leaf: &Hash, proof: &[Hash]) -> bool {
    if number >= size {
        return false;
    }
    let (mut own, mut last) = (number, size - 1);
    let mut hash = *leaf;
    for other in proof {
        if last == 0 {
            return false;
        }
        if own % 2 == 1 || own == last {
            hash = node_hash(other, &hash);
            while own.is_multiple_of(2) && own != 0 {
                own >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, other);
        }
        own >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the tree of the later size and root begins with that of the earlier
/// (RFC 9162, section 2.1.4.2). Every tree begins with the empty one.
#[must_use]
pub fn continues(earlier: (u64, &Hash), later: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((first, first_root), (second, second_root)) = (earlier, later);
    if first == 0 {
        return proof.is_empty() && *first_root == empty_root();
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    if first > second {
        return false;
    }
    let mut own = first - 1;
    let mut last = second - 1;
    let shift = own.trailing_ones();
    own >>= shift;
    last >>= shift;
    // Where the earlier tree is complete, its root is the first hash of the proof.
    let (start, rest) = if first.is_power_of_two() {
        (first_root, proof)
    } else {
        match proof.split_first() {
            Some((start, rest)) => (start, rest),
            None => return false,
        }
    };
    let (mut old, mut new) = (*start, *start);
    for other in rest {
        if last == 0 {
            return false;
        }
        if own % 2 == 1 || own == last {
            old = node_hash(other, &old);
            new = node_hash(other, &new);
            while own.is_multiple_of(2) && own != 0 {
                own >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, other);
        }
        own >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

/// The complete subtrees that a span of leaves is made of, the largest first. The span begins
/// where one of its length may begin.
fn complete(span: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = span.start;
    while start < span.end {
        let level = (span.end - start).ilog2();
        let node = Node {
            level,
            index: start >> level,
        };
        start = node.leaves().end;
        nodes.push(node);
    }
    nodes
}

/// The hash over neighbouring complete subtrees, each smaller than the one before it.
fn join(hashes: &[Hash]) -> Option<Hash> {
    let mut from_right = hashes.iter().rev();
    let last = *from_right.next()?;
    Some(from_right.fold(last, |right, left| node_hash(left, &right)))
}

/// The largest power of two below a number above 1: how many leaves the left half has.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

#[cfg(test)]
mod tests;
