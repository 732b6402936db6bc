//! A log that somebody has laid hands on: what was done to it is named.

use std::convert::Infallible;

use jiff::{SignedDuration, Timestamp};

use super::bundle::{Bundle, BundleError, ProofHash, Proved, ProvedRow};
use super::checkpoint::Checkpoint;
use super::examine::{Claim, Examiner, Problem, Report};
use super::leaf::{Field, LeafError, seal, write_fields};
use super::note::Signer;
use super::tally::Tally;
use super::tree::{Hash, Node, Plan, append, leaf_hash};
use crate::audit::{Actor, Event, LogEntry, WhyErased};
use crate::lifecycle::Request;
use crate::ports::StoredRow;
use crate::testing::CountingRandom;
use crate::testing::sample::{monday, person, request_numbered};

/// What a store keeps of a log, open to anybody's hands.
#[derive(Clone)]
struct Log {
    rows: Vec<StoredRow>,
    hashes: Vec<Option<Hash>>,
}

impl Log {
    fn of(count: u32) -> Self {
        let random = CountingRandom::default();
        let mut log = Self {
            rows: Vec::new(),
            hashes: Vec::new(),
        };
        for number in 0..count {
            log.write(number, &random);
        }
        log
    }

    fn write(&mut self, number: u32, random: &CountingRandom) {
        let request: Request = request_numbered(1);
        let actor = Actor::Person(person(&format!("person-{number}")).party().unwrap());
        let entry = LogEntry::of_request(&request, Event::ReviewOpened, actor, None, monday());
        let sealed = seal(&entry, random);
        let seq = i64::try_from(self.rows.len()).unwrap() + 1;
        self.rows.push(StoredRow {
            seq,
            at: sealed.at().as_millisecond(),
            event: sealed.event().to_owned(),
            request: sealed.request().map(|id| id.to_string()),
            leaf: sealed.leaf().to_owned(),
            personal: sealed.personal().to_owned(),
            unreadable: None,
        });
        let size = u64::try_from(seq).unwrap() - 1;
        let Ok(added) = append(size, leaf_hash(sealed.leaf().as_bytes()), |node| {
            Ok::<_, Infallible>(self.hash(node))
        });
        self.hashes
            .extend(added.into_iter().map(|(_, hash)| Some(hash)));
    }

    /// The tree made anew over whatever rows there are now.
    fn rehashed(mut self) -> Self {
        self.hashes.clear();
        for (size, row) in (0..).zip(&self.rows) {
            let Ok(added) = append(size, leaf_hash(row.leaf.as_bytes()), |node| {
                Ok::<_, Infallible>(self.hashes[at(node)].unwrap())
            });
            self.hashes
                .extend(added.into_iter().map(|(_, hash)| Some(hash)));
        }
        self
    }

    fn hash(&self, node: Node) -> Hash {
        self.hashes[at(node)].unwrap()
    }

    fn make(&self, plan: &Plan) -> Vec<Hash> {
        let read: Vec<_> = plan.nodes().map(|node| self.hash(node)).collect();
        plan.make(&read).unwrap()
    }

    fn claim(&self, size: u64) -> Claim {
        let root = self.make(&Plan::root(size))[0];
        let origin = "log.example.com".to_owned();
        Claim {
            name: format!("c{size}"),
            checkpoint: Checkpoint { origin, size, root },
        }
    }

    fn examined(&self, claims: &[Claim]) -> Report {
        self.shown_to(Examiner::new(claims.to_vec()))
    }

    fn examined_at(&self, now: Timestamp) -> Vec<Problem> {
        self.shown_to(Examiner::new(Vec::new()).at(now)).problems
    }

    fn shown_to(&self, mut examiner: Examiner) -> Report {
        let mut hashes = (0..).zip(&self.hashes).filter(|(_, hash)| hash.is_some());
        for row in &self.rows {
            while examiner.wants(row.seq).is_some() {
                let Some((place, hash)) = hashes.next() else {
                    break;
                };
                examiner.give(place, *hash);
            }
            examiner.row(row);
        }
        for (place, hash) in hashes {
            examiner.give(place, *hash);
        }
        examiner.finish()
    }

    fn problems(&self, claims: &[Claim]) -> Vec<Problem> {
        self.examined(claims).problems
    }

    fn renumbered(mut self) -> Self {
        for (seq, row) in (1..).zip(&mut self.rows) {
            row.seq = seq;
        }
        self
    }
}

fn at(node: Node) -> usize {
    usize::try_from(node.place()).unwrap()
}

/// Does something to a log of 13 rows, and tells what is found, without its checkpoints.
fn found(change: impl FnOnce(&mut Log)) -> Vec<Problem> {
    let mut log = Log::of(13);
    change(&mut log);
    log.problems(&[])
}

#[test]
fn a_log_as_it_was_written_is_in_order_and_fits_its_checkpoints() {
    for count in 0..20 {
        let log = Log::of(count);
        let claims: Vec<_> = (1..=u64::from(count)).map(|size| log.claim(size)).collect();
        let report = log.examined(&claims);
        assert_eq!(report.problems, []);
        assert_eq!((report.rows, report.fitting), (count.into(), claims.len()));
    }
}

#[test]
fn a_row_that_was_changed_is_named() {
    for row in 0..12 {
        let problems =
            found(|log| log.rows[row].leaf = log.rows[row].leaf.replace("review", "link"));
        let seq = i64::try_from(row).unwrap() + 1;
        let named = problems.contains(&Problem::Changed(seq));
        assert!(named, "{row}: {problems:?}");
        let others = |problem: &&Problem| {
            !matches!(
                problem,
                Problem::Changed(_) | Problem::Broken(..) | Problem::Column(..)
            )
        };
        assert_eq!(problems.iter().find(others), None);
    }
    assert_eq!(found(|log| log.rows[4].at += 1), [Problem::Column(5, "at")]);
    assert_eq!(
        found(|log| log.rows[4].event = "link.opened".to_owned()),
        [Problem::Column(5, "event")]
    );
    assert_eq!(
        found(|log| log.rows[4].request = None),
        [Problem::Column(5, "request")]
    );
    let other = found(|log| log.rows[4].personal = log.rows[5].personal.clone());
    assert_eq!(other, [Problem::Broken(5, LeafError::Commitment)]);
}

#[test]
fn rows_that_were_taken_out_are_named_renumbered_or_not() {
    for row in 0..13_usize {
        let seq = i64::try_from(row).unwrap() + 1;
        let missing = [Problem::Missing(seq, seq)];
        assert_eq!(found(|log| drop(log.rows.remove(row))), missing);
        let renumbered = found(|log| {
            log.rows.remove(row);
            *log = log.clone().renumbered();
        });
        assert_eq!(renumbered, missing);
    }
    let three = found(|log| {
        log.rows.drain(4..7);
        *log = log.clone().renumbered();
    });
    assert_eq!(three, [Problem::Missing(5, 7)]);
    assert_eq!(
        found(|log| log.rows.truncate(10)),
        [Problem::Missing(11, 13)]
    );
}

#[test]
fn rows_that_were_put_in_are_named() {
    let forged = Log::of(40).rows[33].clone();
    for row in 0..14_usize {
        let seq = i64::try_from(row).unwrap() + 1;
        let problems = found(|log| {
            log.rows.insert(row, forged.clone());
            *log = log.clone().renumbered();
        });
        assert_eq!(problems, [Problem::Inserted(seq, seq)]);
    }
    for seq in [0, -7, 15, i64::MAX] {
        let problems = found(|log| {
            let row = StoredRow {
                seq,
                ..forged.clone()
            };
            log.rows.insert(if seq > 0 { 13 } else { 0 }, row);
        });
        assert_eq!(problems, [Problem::Inserted(seq, seq)]);
    }
}

#[test]
fn rows_that_changed_places_are_named() {
    for (one, other) in [(1_u8, 2_u8), (3, 10), (12, 13), (1, 13)] {
        let problems = found(|log| {
            log.rows.swap(usize::from(one) - 1, usize::from(other) - 1);
            *log = log.clone().renumbered();
        });
        let (a, b) = (one.into(), other.into());
        assert_eq!(
            problems,
            [Problem::OutOfOrder(a, b), Problem::OutOfOrder(b, a)]
        );
    }
}

#[test]
fn a_hash_that_was_changed_or_taken_out_is_named_and_no_row() {
    let whole = Log::of(13);
    let mut nodes: Vec<_> = (0..4)
        .flat_map(|level| (0..13_u64 >> level).map(move |index| Node { level, index }))
        .collect();
    // The last leaf has nothing above it that could tell.
    nodes.retain(|node| *node != Node::leaf(12));
    for node in nodes {
        let mut log = whole.clone();
        let hash = log.hashes[at(node)].as_mut().unwrap();
        hash[7] ^= 1;
        assert_eq!(
            log.problems(&[]),
            [Problem::WrongHash(node.level, node.index)]
        );
        let mut log = whole.clone();
        log.hashes[at(node)] = None;
        assert_eq!(
            log.problems(&[]),
            [Problem::MissingHash(node.level, node.index)]
        );
    }
}

#[test]
fn who_changes_the_hashes_as_well_is_held_by_a_checkpoint() {
    let log = Log::of(13);
    let claims = [4, 9, 13].map(|size| log.claim(size));
    let mut changed = log.clone();
    changed.rows[6] = StoredRow {
        seq: 7,
        ..Log::of(40).rows[33].clone()
    };
    let changed = changed.rehashed();
    assert_eq!(changed.problems(&[]), []);
    let problems: Vec<_> = changed
        .problems(&claims)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems[0],
        "the log up to row 9 is not that of the checkpoint c9: something between row 5 and row 9 was changed"
    );
    assert_eq!(problems.len(), 2);

    let mut cut = log.clone();
    cut.rows.truncate(8);
    let cut = cut.rehashed();
    let shorter = |name: &str, size| Problem::Shorter {
        name: name.to_owned(),
        size,
        rows: 8,
    };
    assert_eq!(
        cut.problems(&claims),
        [shorter("c9", 9), shorter("c13", 13)]
    );
}

#[test]
fn fields_that_were_erased_without_a_row_that_says_so_are_told() {
    let erasure = uuid::Uuid::from_u128(7);
    let problems = found(|log| {
        let (_, fields) = super::leaf::check(&log.rows[2].leaf, &log.rows[2].personal).unwrap();
        log.rows[2].personal = write_fields(&vec![Field::Erased(erasure); fields.len()]);
    });
    assert_eq!(problems, [Problem::Erasure(3)]);
}

/// A log of four rows of monday, and a row that owns up to the erasure of all fields of these, after
/// so many rows and days.
fn erased(rows: &[usize], why: WhyErased, after: usize, days: i64) -> Log {
    let (random, id) = (CountingRandom::default(), uuid::Uuid::from_u128(7));
    let mut log = Log::of(4);
    let mut tally = Tally::default();
    for &row in rows {
        let row = &mut log.rows[row];
        let (_, fields) = super::leaf::check(&row.leaf, &row.personal).unwrap();
        for field in 0..fields.len() {
            tally.add(row.seq, field);
        }
        row.personal = write_fields(&vec![Field::Erased(id); fields.len()]);
    }
    let event = Event::FieldsErased {
        erasure: id,
        why,
        rows: tally.rows(),
        fields: tally.fields(),
        digest: tally.digest(),
    };
    let at = monday() + SignedDuration::from_hours(24 * days);
    let sealed = seal(
        &LogEntry::of_nothing(event, Actor::Clavis, None, at),
        &random,
    );
    log.rows[after] = StoredRow {
        at: sealed.at().as_millisecond(),
        event: sealed.event().to_owned(),
        request: None,
        leaf: sealed.leaf().to_owned(),
        personal: sealed.personal().to_owned(),
        ..log.rows[after].clone()
    };
    log.rehashed()
}

/// Whoever writes an erasure can date it as they like.
#[test]
fn rows_that_are_dated_ahead_are_told_and_make_nothing_old() {
    let mut log = erased(&[0, 1], WhyErased::Age, 3, 40);
    let days = |days: i64| monday() + SignedDuration::from_hours(24 * days);
    let young = [Problem::RowFromTheFuture(4), Problem::ErasedYoung(4)];
    assert_eq!(log.examined_at(days(1)), young);
    assert_eq!(log.examined_at(days(40)), []);
    // Once that day has come, the rows after it tell.
    let seq = 5;
    let event = Event::SignedOut;
    let sealed = seal(
        &LogEntry::of_nothing(event, Actor::Clavis, None, days(2)),
        &CountingRandom::default(),
    );
    log.rows.push(StoredRow {
        seq,
        at: sealed.at().as_millisecond(),
        event: sealed.event().to_owned(),
        request: None,
        leaf: sealed.leaf().to_owned(),
        personal: sealed.personal().to_owned(),
        unreadable: None,
    });
    let log = log.rehashed();
    assert_eq!(log.examined_at(days(41)), [Problem::BackInTime(5)]);
}

#[test]
fn an_erasure_that_clavis_would_not_make_is_told_and_any_is_listed() {
    use WhyErased::{Age, Person};
    for (rows, why, after, days, wanted) in [
        (&[0, 1][..], Age, 3, 30, None),
        (&[0, 1], Age, 3, 29, Some(Problem::ErasedYoung(4))),
        (&[0, 1], Person, 3, 0, None),
        (&[0, 2], Person, 1, 0, Some(Problem::ErasedAhead(2, 3))),
    ] {
        let log = erased(rows, why, after, days);
        assert_eq!(log.problems(&[]), wanted.into_iter().collect::<Vec<_>>());
        let [erasure] = &log.examined(&[]).erasures[..] else {
            panic!("one")
        };
        let seq = i64::try_from(after).unwrap() + 1;
        assert_eq!((erasure.row, erasure.why, erasure.rows), (seq, why, 2));
        assert_eq!(erasure.by, "clavis");
    }
    let mut twice = erased(&[0], Person, 2, 0);
    twice.rows[3] = StoredRow {
        seq: 4,
        ..twice.rows[2].clone()
    };
    let twice = twice.rehashed();
    assert_eq!(twice.problems(&[]), [Problem::ErasedTwice(4, 3)]);
}

fn signer(name: &str) -> Signer {
    let random = CountingRandom::default();
    Signer::parse(&Signer::generate(name, &random).unwrap()).unwrap()
}

#[test]
fn a_bundle_proves_its_rows_and_nothing_that_was_changed() {
    let (log, signer) = (Log::of(13), signer("log.example.com"));
    let known = [signer.verifier().clone()];
    let root = log.make(&Plan::root(11))[0];
    let rows = [2_u64, 3, 10].map(|number| {
        let row = &log.rows[usize::try_from(number).unwrap()];
        let proof = log.make(&Plan::inclusion(number, 11));
        ProvedRow {
            seq: row.seq,
            leaf: row.leaf.clone(),
            personal: row.personal.clone(),
            proof: proof.into_iter().map(ProofHash).collect(),
        }
    });
    let bundle = Bundle::Rows {
        request: request_numbered(1).reference,
        checkpoint: Checkpoint::signed(11, &root, &signer),
        rows: rows.to_vec(),
    };
    // As it is handed on.
    let text = serde_json::to_string(&bundle).unwrap();
    let read: Bundle = serde_json::from_str(&text).unwrap();
    assert_eq!(read, bundle);
    let Proved::Rows {
        rows: proved,
        left_out: 0,
        ..
    } = read.check(&known).unwrap()
    else {
        panic!("rows");
    };
    assert_eq!(
        proved.iter().map(|row| row.seq).collect::<Vec<_>>(),
        [3, 4, 11]
    );
    assert!(bundle.check(&[]).is_err());

    let with = |change: &dyn Fn(&mut Vec<ProvedRow>)| {
        let mut rows = rows.to_vec();
        change(&mut rows);
        let Bundle::Rows {
            request,
            checkpoint,
            ..
        } = bundle.clone()
        else {
            panic!()
        };
        Bundle::Rows {
            request,
            checkpoint,
            rows,
        }
        .check(&known)
    };
    // Whoever hands it on can leave out fields, and that is told.
    let emptied = with(&|rows| {
        let (_, fields) = super::leaf::check(&rows[0].leaf, &rows[0].personal).unwrap();
        rows[0].personal = write_fields(&vec![Field::Erased(uuid::Uuid::nil()); fields.len()]);
    });
    let proved = emptied.unwrap();
    assert!(
        matches!(proved, Proved::Rows { left_out, .. } if left_out > 0),
        "{proved:?}"
    );
    assert_eq!(
        with(&|rows| rows[1].seq = 5),
        Err(BundleError::NotIncluded(5))
    );
    assert_eq!(with(&|rows| rows[1].seq = 0), Err(BundleError::Strange(0)));
    assert_eq!(with(&|rows| rows.swap(0, 1)), Err(BundleError::Strange(3)));
    assert_eq!(
        with(&|rows| rows[1].leaf.push(' ')),
        Err(BundleError::NotIncluded(4))
    );
    assert_eq!(
        with(&|rows| rows[1].proof[0].0[3] ^= 4),
        Err(BundleError::NotIncluded(4))
    );
    let other = with(&|rows| rows[1].personal = rows[0].personal.clone());
    assert_eq!(other, Err(BundleError::Leaf(4, LeafError::Commitment)));
    assert_eq!(with(&Vec::clear), Err(BundleError::Empty));
    // What nobody here knows proves nothing, and is not passed over as if it did.
    for (from, to) in [
        ("\"proves\":", "\"also\":1,\"proves\":"),
        ("\"seq\":", "\"also\":1,\"seq\":"),
    ] {
        let more = text.replacen(from, to, 1);
        assert!(serde_json::from_str::<serde_json::Value>(&more).is_ok());
        let unknown = serde_json::from_str::<Bundle>(&more).unwrap_err();
        assert!(
            unknown.to_string().contains("unknown field `also`"),
            "{unknown}"
        );
    }
}

#[test]
fn two_checkpoints_prove_that_one_log_goes_on_as_the_other() {
    let (log, signer) = (Log::of(13), signer("log.example.com"));
    let known = [signer.verifier().clone()];
    let note = |log: &Log, size| {
        let root = log.make(&Plan::root(size))[0];
        Checkpoint::signed(size, &root, &signer)
    };
    let between = |log: &Log, earlier, later| Bundle::Consistency {
        earlier: note(log, earlier),
        later: note(log, later),
        proof: log
            .make(&Plan::consistency(earlier, later))
            .into_iter()
            .map(ProofHash)
            .collect(),
    };
    for earlier in 1..13 {
        assert!(
            between(&log, earlier, 13).check(&known).is_ok(),
            "{earlier}"
        );
    }
    let mut changed = log.clone();
    changed.rows[2].leaf.push(' ');
    let changed = changed.rehashed();
    let Bundle::Consistency { later, proof, .. } = between(&changed, 5, 13) else {
        panic!()
    };
    let mixed = Bundle::Consistency {
        earlier: note(&log, 5),
        later,
        proof,
    };
    let inconsistent = BundleError::Inconsistent {
        earlier: 5,
        later: 13,
    };
    assert_eq!(mixed.check(&known), Err(inconsistent));
}
