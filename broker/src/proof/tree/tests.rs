//! The vectors of Certificate Transparency, every small tree, and properties of larger ones.

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
