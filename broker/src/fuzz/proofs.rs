//! Notes, checkpoints, keys and bundles that somebody hands in, and rows that somebody changed.

use std::convert::Infallible;
use std::sync::LazyLock;

use bolero::check;

use crate::audit::{Actor, Event, LogEntry};
use crate::proof::bundle::{Bundle, ProofHash, Proved, ProvedRow};
use crate::proof::checkpoint::Checkpoint;
use crate::proof::leaf::{Field, Sealed, check as check_leaf, restore, seal};
use crate::proof::note::{Note, Signer, Verifier};
use crate::proof::tree::{Hash, Node, Plan, append, leaf_hash};
use crate::testing::{CountingRandom, altered, sample};

/// How many rows the log has, and how many its earlier checkpoint is of.
const SIZE: u64 = 5;
const EARLIER: u64 = 3;

const PIECES: &[&str] = &[
    "\n",
    "\n\n",
    "\u{2014} ",
    " ",
    "+",
    "=",
    "AAAA",
    "0",
    "1",
    "5",
    "-",
    "18446744073709551615",
    "log.example.com",
    "\"",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    "null",
    "\\n",
    "\\u2014",
    "é",
    "\r",
    "\t",
];

/// A small log, and who signs for it.
struct Log {
    private: String,
    known: [Verifier; 1],
    rows: Vec<Sealed>,
    earlier: String,
    later: String,
    of_rows: String,
    of_both: String,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let random = CountingRandom::default();
    let private = Signer::generate("log.example.com", &random).unwrap();
    let signer = Signer::parse(&private).unwrap();
    let (mut rows, mut hashes) = (Vec::new(), Vec::<Hash>::new());
    let request = sample::request();
    let earlier_root = |hashes: &[Hash]| made(hashes, &Plan::root(EARLIER))[0];
    for size in 0..SIZE {
        let actor = Actor::Person(request.requester.clone());
        let event = Event::ReviewOpened;
        let entry = LogEntry::of_request(&request, event, actor, None, sample::monday());
        let sealed = seal(&entry, &random);
        let Ok(added) = append(size, leaf_hash(sealed.leaf().as_bytes()), |node| {
            Ok::<_, Infallible>(hashes[place(node)])
        });
        hashes.extend(added.into_iter().map(|(_, hash)| hash));
        rows.push(sealed);
    }
    let root = made(&hashes, &Plan::root(SIZE))[0];
    let earlier = Checkpoint::signed(EARLIER, &earlier_root(&hashes), &signer);
    let later = Checkpoint::signed(SIZE, &root, &signer);
    let proof = |plan: &Plan| made(&hashes, plan).into_iter().map(ProofHash).collect();
    let proved = (0..SIZE).zip(&rows).map(|(number, row)| ProvedRow {
        seq: i64::try_from(number).unwrap() + 1,
        leaf: row.leaf().to_owned(),
        personal: row.personal().to_owned(),
        proof: proof(&Plan::inclusion(number, SIZE)),
    });
    let of_rows = Bundle::Rows {
        request: request.reference.clone(),
        checkpoint: later.clone(),
        rows: proved.collect(),
    };
    let of_both = Bundle::Consistency {
        earlier: earlier.clone(),
        later: later.clone(),
        proof: proof(&Plan::consistency(EARLIER, SIZE)),
    };
    Log {
        private: (*private).clone(),
        known: [signer.verifier().clone()],
        of_rows: serde_json::to_string(&of_rows).unwrap(),
        of_both: serde_json::to_string(&of_both).unwrap(),
        rows,
        earlier,
        later,
    }
});

fn place(node: Node) -> usize {
    usize::try_from(node.place()).unwrap()
}

fn made(hashes: &[Hash], plan: &Plan) -> Vec<Hash> {
    let read: Vec<_> = plan.nodes().map(|node| hashes[place(node)]).collect();
    plan.make(&read).unwrap()
}

#[test]
fn of_a_note_only_what_was_signed_is_believed() {
    let whole = Note::open(&LOG.later, &LOG.known).unwrap();
    let checkpoint = Checkpoint::open(&LOG.later, &LOG.known).unwrap();
    check!().for_each(|bytes: &[u8]| {
        let note = altered(&LOG.later, bytes, PIECES);
        if let Ok(read) = Note::open(&note, &LOG.known) {
            assert_eq!(read, whole, "{note:?}");
        }
        if let Ok(read) = Checkpoint::open(&note, &LOG.known) {
            assert_eq!(read, checkpoint, "{note:?}");
        }
        // What it claims is read the same once somebody signs it.
        if let Ok(claimed) = Checkpoint::claimed(&note) {
            let signer = Signer::parse(&LOG.private).unwrap();
            let again = Checkpoint::signed(claimed.size, &claimed.root, &signer);
            let read = Checkpoint::open(&again, &LOG.known).unwrap();
            assert_eq!((read.size, read.root), (claimed.size, claimed.root));
        }
    });
}

#[test]
fn a_key_is_itself_in_its_one_form_and_a_private_one_is_never_told() {
    let public = LOG.known[0].to_string();
    let secret = LOG.private.rsplit('+').next().unwrap();
    check!().for_each(|bytes: &[u8]| {
        let text = altered(&public, bytes, PIECES);
        if let Ok(key) = Verifier::parse(&text) {
            assert_eq!(key.to_string(), text);
        }
        match Signer::parse(&altered(&LOG.private, bytes, PIECES)) {
            Ok(signer) => {
                let known = [signer.verifier().clone()];
                assert!(Note::open(&signer.sign("a\n"), &known).is_ok());
                assert!(!format!("{signer:?}").contains(secret));
            }
            Err(wrong) => assert!(!format!("{wrong} {wrong:?}").contains(&secret[..8])),
        }
    });
}

#[test]
fn a_bundle_proves_rows_of_the_log_and_nothing_else() {
    let is_ours = |row: &ProvedRow| {
        let number = usize::try_from(row.seq - 1).ok();
        let ours = number.and_then(|number| LOG.rows.get(number));
        ours.is_some_and(|ours| ours.leaf() == row.leaf)
    };
    check!().for_each(|bytes: &[u8]| {
        for sound in [&LOG.of_rows, &LOG.of_both] {
            let text = altered(sound, bytes, PIECES);
            let Ok(bundle) = serde_json::from_str::<Bundle>(&text) else {
                continue;
            };
            match (bundle.check(&LOG.known), &bundle) {
                (Ok(Proved::Rows { rows: proved, .. }), Bundle::Rows { rows, .. }) => {
                    assert_eq!(proved.len(), rows.len());
                    assert!(rows.iter().all(is_ours), "{text}");
                }
                (Ok(Proved::Consistency { earlier, later }), _) => {
                    let signed = [&LOG.earlier, &LOG.later];
                    let signed = signed.map(|it| Checkpoint::open(it, &LOG.known).unwrap());
                    assert!(signed.contains(&earlier) && signed.contains(&later));
                    assert!(earlier.size <= later.size);
                }
                (Ok(proved), _) => panic!("another kind: {proved:?}"),
                (Err(_), _) => {}
            }
        }
    });
}

#[test]
fn a_field_beside_a_leaf_is_what_was_committed_to_or_was_erased() {
    let row = &LOG.rows[0];
    let (_, fields) = check_leaf(row.leaf(), row.personal()).unwrap();
    check!().for_each(|bytes: &[u8]| {
        let personal = altered(row.personal(), bytes, PIECES);
        if let Ok((_, found)) = check_leaf(row.leaf(), &personal) {
            assert_eq!(found.len(), fields.len());
            for (found, was) in found.iter().zip(&fields) {
                assert_eq!(found.path, was.path);
                let is_erased = matches!(found.field, Field::Erased(_));
                assert!(is_erased || found.field == was.field, "{personal}");
            }
        }
        let leaf = altered(row.leaf(), bytes, PIECES);
        let read = restore(&leaf, row.personal());
        if check_leaf(&leaf, row.personal()).is_ok() {
            assert!(read.is_ok(), "{leaf}");
        }
    });
}
