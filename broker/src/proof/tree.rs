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
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The leaves and roots with which the implementations of Certificate Transparency are tested.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    fn hash(hex: &str) -> Hash {
        bytes(hex).try_into().unwrap()
    }

    /// A tree that keeps what a store keeps.
    #[derive(Default)]
    struct Kept {
        size: u64,
        hashes: HashMap<u64, Hash>,
        reads: usize,
    }

    impl Kept {
        fn of(leaves: impl IntoIterator<Item = Vec<u8>>) -> Self {
            let mut kept = Self::default();
            for leaf in leaves {
                kept.push(&leaf);
            }
            kept
        }

        fn push(&mut self, leaf: &[u8]) {
            let mut reads = 0;
            let added = append(self.size, leaf_hash(leaf), |node| {
                reads += 1;
                Ok::<_, Infallible>(self.hashes[&node.place()])
            });
            let Ok(added) = added;
            for (node, hash) in added {
                assert_eq!(node.place(), self.hashes.len() as u64);
                self.hashes.insert(node.place(), hash);
            }
            self.size += 1;
            self.reads += reads;
        }

        fn make(&self, plan: &Plan) -> Vec<Hash> {
            let read: Vec<_> = plan
                .nodes()
                .map(|node| self.hashes[&node.place()])
                .collect();
            plan.make(&read).unwrap()
        }

        fn root(&self, size: u64) -> Hash {
            let made = self.make(&Plan::root(size));
            made.first().copied().unwrap_or_else(empty_root)
        }
    }

    /// The root as RFC 6962 defines it, by recursion.
    fn defined_root(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let (left, right) =
                    leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap());
                node_hash(&defined_root(left), &defined_root(right))
            }
        }
    }

    fn numbered(count: u64) -> Vec<Vec<u8>> {
        (0..count)
            .map(|number| number.to_be_bytes().to_vec())
            .collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let kept = Kept::of(LEAVES.map(bytes));
        for (size, root) in (0..).zip(ROOTS) {
            assert_eq!(kept.root(size), hash(root), "{size} leaves");
        }
    }

    #[test]
    fn proofs_are_those_of_certificate_transparency() {
        let kept = Kept::of(LEAVES.map(bytes));
        // (leaf, size) and the path, as the tests of Certificate Transparency have them.
        let paths: [(u64, u64, &[&str]); 4] = [
            (0, 1, &[]),
            (
                0,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                5,
                8,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                3,
                &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
            ),
        ];
        for (leaf, size, path) in paths {
            let path: Vec<_> = path.iter().map(|it| hash(it)).collect();
            assert_eq!(kept.make(&Plan::inclusion(leaf, size)), path);
        }
        let between: [(u64, u64, &[&str]); 3] = [
            (1, 1, &[]),
            (
                6,
                8,
                &[
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                &[
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (earlier, later, path) in between {
            let path: Vec<_> = path.iter().map(|it| hash(it)).collect();
            assert_eq!(kept.make(&Plan::consistency(earlier, later)), path);
        }
    }

    #[test]
    fn every_proof_of_every_small_tree_holds_and_no_other_number_does() {
        let leaves = numbered(33);
        let kept = Kept::of(leaves.clone());
        for size in 0..=33 {
            let root = kept.root(size);
            assert_eq!(
                root,
                defined_root(&leaves[..usize::try_from(size).unwrap()])
            );
            for (number, leaf) in (0..size).zip(&leaves) {
                let proof = kept.make(&Plan::inclusion(number, size));
                let leaf = leaf_hash(leaf);
                for claimed in 0..size + 2 {
                    let holds = includes(&root, size, claimed, &leaf, &proof);
                    assert_eq!(holds, claimed == number, "{number} of {size} as {claimed}");
                }
            }
            for earlier in 0..=size {
                let proof = kept.make(&Plan::consistency(earlier, size));
                let first = kept.root(earlier);
                assert!(continues((earlier, &first), (size, &root), &proof));
            }
        }
    }

    #[test]
    fn a_new_leaf_costs_one_read_and_two_hashes_on_average_and_a_proof_the_logarithm() {
        let kept = Kept::of(numbered(1 << 12));
        assert_eq!(kept.reads, (1 << 12) - 1);
        assert_eq!(kept.hashes.len(), (1 << 13) - 1);
        let longest = (0..4095).map(|leaf| Plan::inclusion(leaf, 4095).nodes().count());
        assert!(longest.max().unwrap() <= 2 * 12);
    }

    fn flipped(hash: &Hash, bit: usize) -> Hash {
        let mut other = *hash;
        other[bit / 8] ^= 1 << (bit % 8);
        other
    }

    proptest! {
        #[test]
        fn an_inclusion_proof_holds_as_it_is_and_in_no_other_way(
            size in 1_u64..600,
            number in any::<prop::sample::Index>(),
            bit in 0_usize..256,
            which in any::<prop::sample::Index>(),
        ) {
            let number = number.index(usize::try_from(size).unwrap()) as u64;
            let kept = Kept::of(numbered(size));
            let (root, leaf) = (kept.root(size), leaf_hash(&number.to_be_bytes()));
            let proof = kept.make(&Plan::inclusion(number, size));
            prop_assert!(includes(&root, size, number, &leaf, &proof));
            prop_assert!(!includes(&flipped(&root, bit), size, number, &leaf, &proof));
            prop_assert!(!includes(&root, size, number, &flipped(&leaf, bit), &proof));
            if !proof.is_empty() {
                let at = which.index(proof.len());
                let mut wrong = proof.clone();
                wrong[at] = flipped(&proof[at], bit);
                prop_assert!(!includes(&root, size, number, &leaf, &wrong));
                wrong.clone_from(&proof);
                wrong.remove(at);
                prop_assert!(!includes(&root, size, number, &leaf, &wrong));
                wrong.clone_from(&proof);
                wrong.insert(at, proof[at]);
                prop_assert!(!includes(&root, size, number, &leaf, &wrong));
                wrong.clone_from(&proof);
                wrong.rotate_left(at);
                prop_assert_eq!(includes(&root, size, number, &leaf, &wrong), at == 0);
            }
        }

        #[test]
        fn a_consistency_proof_holds_as_it_is_and_in_no_other_way(
            later in 1_u64..600,
            earlier in any::<prop::sample::Index>(),
            bit in 0_usize..256,
            which in any::<prop::sample::Index>(),
        ) {
            let earlier = earlier.index(usize::try_from(later + 1).unwrap()) as u64;
            let kept = Kept::of(numbered(later));
            let (first, second) = (kept.root(earlier), kept.root(later));
            let proof = kept.make(&Plan::consistency(earlier, later));
            prop_assert!(continues((earlier, &first), (later, &second), &proof));
            let other = flipped(&first, bit);
            prop_assert!(!continues((earlier, &other), (later, &second), &proof));
            if earlier > 0 {
                let other = flipped(&second, bit);
                prop_assert!(!continues((earlier, &first), (later, &other), &proof));
                prop_assert!(!continues((later + 1, &second), (later, &second), &proof));
            }
            if !proof.is_empty() {
                let at = which.index(proof.len());
                let mut wrong = proof.clone();
                wrong[at] = flipped(&proof[at], bit);
                prop_assert!(!continues((earlier, &first), (later, &second), &wrong));
                wrong.clone_from(&proof);
                wrong.remove(at);
                prop_assert!(!continues((earlier, &first), (later, &second), &wrong));
                wrong.clone_from(&proof);
                wrong.rotate_left(at);
                let holds = continues((earlier, &first), (later, &second), &wrong);
                prop_assert_eq!(holds, at == 0);
            }
        }
    }
}
