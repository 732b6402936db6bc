//! Looks at a whole log, row by row: whether each is what it was when it was written.
//!
//! Two trees are followed at once: the one that the rows make, and the one that is stored. Where
//! they differ, what lies above a hash tells whether the row or the hash was changed. Who has
//! changed both has changed the root, and that is what checkpoints hold against them.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::checkpoint::{Checkpoint, NotACheckpoint};
use super::leaf::{Field, check};
pub use super::problem::Problem;
use super::tally::Tally;
use super::tree::{Hash, Node, empty_root, leaf_hash, node_count, node_hash};
use crate::audit::{Event, WhyErased};
use crate::lifecycle::CLOCKS_DIFFER;
use crate::ports::StoredRow;

/// More problems are counted and not told one by one.
const TOLD: usize = 1000;
/// So many rows that are not what they were are kept, to tell where they came from.
const KEPT: usize = 10_000;
/// The shortest time for which personal fields may be kept, by the configuration.
const SHORTEST_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A checkpoint that the log is held against, and what it is called.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What it is called: a file, or when it was made.
    pub name: String,
    /// The checkpoint, which somebody known has signed.
    pub checkpoint: Checkpoint,
}

/// A checkpoint that says nothing of the log, as it cannot be told who has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// What it is called.
    pub name: String,
    /// Why the log was not held against it.
    pub why: NotACheckpoint,
}

/// An erasure, as the row that records it has it: anybody who can write the database can write one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The row.
    pub row: i64,
    /// When.
    pub at: Timestamp,
    /// Who, in a few words.
    pub by: String,
    /// Why.
    pub why: WhyErased,
    /// From how many rows.
    pub rows: u64,
    /// How many fields.
    pub fields: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rows there are.
    pub rows: u64,
    /// The root of the tree that they make.
    pub root: Hash,
    /// From how many rows personal fields were erased.
    pub erased_rows: u64,
    /// How many fields those are.
    pub erased_fields: u64,
    /// The erasures that the log records, in its order.
    pub erasures: Vec<Erasure>,
    /// How many checkpoints fit.
    pub fitting: usize,
    /// The checkpoints that the log has kept and was not held against, as no key is known that has
    /// signed them: right after the key was replaced, and where somebody has put them there.
    pub unjudged: Vec<Unjudged>,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub untold: u64,
}

/// The work under way. Hashes are [given](Examiner::give) in the order of their places, ahead of
/// the [rows](Examiner::row) that they are over.
#[derive(Default)]
pub struct Examiner {
    report: Report,
    /// How many leaves have been followed.
    size: u64,
    peaks: Vec<Peak>,
    /// Stored hashes that lie ahead.
    ahead: BTreeMap<u64, Option<Hash>>,
    given: u64,
    claims: Vec<Claim>,
    next_claim: usize,
    /// The moment of the examination, where it is told.
    now: Option<Timestamp>,
    /// When the row before was written.
    before: Option<Timestamp>,
    fitting: u64,
    odd: Vec<Odd>,
    erased: BTreeMap<Uuid, Gone>,
    /// Erasures with their digests.
    recorded: BTreeMap<Uuid, (Erasure, String)>,
}

/// What names one erasure: which fields, and when the youngest row of theirs was written.
#[derive(Default)]
struct Gone {
    tally: Tally,
    youngest: Option<Timestamp>,
}

/// A complete subtree: its hash as the rows make it, and as it is stored.
#[derive(Clone, Copy)]
struct Peak {
    node: Node,
    made: Hash,
    stored: Hash,
    /// Whether the last leaf under it has a hash: if not, those above it have none for that reason.
    is_hashed: bool,
}

/// A row that is not what its stored hash is over, if it has one.
struct Odd {
    seq: i64,
    made: Hash,
    stored: Option<Hash>,
}

impl Examiner {
    /// Begins, to hold the log against these checkpoints as well.
    pub fn new(mut claims: Vec<Claim>) -> Self {
        claims.sort_by_key(|claim| claim.checkpoint.size);
        let mut examiner = Self {
            claims,
            ..Self::default()
        };
        examiner.hold_against_claims();
        examiner
    }

    /// The same, at this moment: rows are told that are from later.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self {
            now: Some(now),
            ..self
        }
    }

    /// The place from which hashes are wanted before this row is looked at; none where all that it
    /// takes are there.
    pub fn wants(&self, seq: i64) -> Option<u64> {
        let last = u64::try_from(seq).unwrap_or(0);
        (self.given < node_count(last)).then_some(self.given)
    }

    /// The place from which hashes have not been given.
    pub fn given(&self) -> u64 {
        self.given
    }

    /// A stored hash.
    pub fn give(&mut self, place: u64, hash: Option<Hash>) {
        self.given = place + 1;
        self.ahead.insert(place, hash);
    }

    /// The next row. Rows come in the order of their places.
    pub fn row(&mut self, row: &StoredRow) {
        self.report.rows += 1;
        let Some(index) = row.seq.checked_sub(1).and_then(|it| u64::try_from(it).ok()) else {
            return self.tell(Problem::Inserted(row.seq, row.seq));
        };
        // A row that is missing leaves its hash behind, which takes its place.
        let first_missing = self.size;
        while self.size < index {
            let place = Node::leaf(self.size).place();
            let Some(Some(stored)) = self.ahead.get(&place).copied() else {
                self.tell(Problem::Inserted(row.seq, row.seq));
                return;
            };
            self.follow(stored);
        }
        if first_missing < index {
            self.tell(Problem::Missing(place_of(first_missing), row.seq - 1));
        }
        self.look_at(row);
        self.follow(leaf_hash(row.leaf.as_bytes()));
    }

    /// Ends, when all rows and all hashes were given.
    pub fn finish(mut self) -> Report {
        let left: Vec<_> = std::mem::take(&mut self.ahead).into_iter().collect();
        let (left_leaves, leaves) = self.leaves_left(&left);
        self.explain(&left_leaves, leaves);
        for claim in std::mem::take(&mut self.claims)
            .into_iter()
            .skip(self.next_claim)
        {
            self.tell(Problem::Shorter {
                name: claim.name,
                size: claim.checkpoint.size,
                rows: self.report.rows,
            });
        }
        self.account_for_erasures();
        self.report.root = self.root(|peak| peak.made);
        self.report
    }

    fn tell(&mut self, problem: Problem) {
        if self.report.problems.len() < TOLD {
            self.report.problems.push(problem);
        } else {
            self.report.untold += 1;
        }
    }

    /// Whether a row holds together by itself.
    fn look_at(&mut self, row: &StoredRow) {
        if let Some(column) = row.unreadable {
            return self.tell(Problem::Unreadable(row.seq, column));
        }
        let (entry, fields) = match check(&row.leaf, &row.personal) {
            Ok(whole) => whole,
            Err(why) => return self.tell(Problem::Broken(row.seq, why)),
        };
        for column in row.odd_columns(&entry) {
            self.tell(Problem::Column(row.seq, column));
        }
        if let Some(now) = self.now
            && entry.at.duration_since(now) > CLOCKS_DIFFER
        {
            self.tell(Problem::RowFromTheFuture(row.seq));
        }
        let before = self.before.replace(entry.at);
        if before.is_some_and(|before| before.duration_since(entry.at) > CLOCKS_DIFFER) {
            self.tell(Problem::BackInTime(row.seq));
        }
        let mut any = false;
        for (number, placed) in fields.iter().enumerate() {
            if let Field::Erased(erasure) = placed.field {
                let gone = self.erased.entry(erasure).or_default();
                gone.tally.add(row.seq, number);
                gone.youngest = gone.youngest.max(Some(entry.at));
                self.report.erased_fields += 1;
                any = true;
            }
        }
        self.report.erased_rows += u64::from(any);
        if let Event::FieldsErased {
            erasure: id,
            why,
            rows,
            fields,
            digest,
        } = entry.event
        {
            let erasure = Erasure {
                row: row.seq,
                at: entry.at,
                by: entry.actor.label(),
                why,
                rows,
                fields,
            };
            self.report.erasures.push(erasure.clone());
            let first = self.recorded.entry(id).or_insert((erasure, digest)).0.row;
            if first != row.seq {
                self.tell(Problem::ErasedTwice(row.seq, first));
            }
        }
    }

    /// Follows both trees by one leaf.
    fn follow(&mut self, made: Hash) {
        let seq = place_of(self.size);
        let node = Node::leaf(self.size);
        let stored = self.take(node);
        if stored != Some(made) {
            self.keep_odd(Odd { seq, made, stored });
        }
        self.peaks.push(Peak {
            node,
            made,
            stored: stored.unwrap_or(made),
            is_hashed: stored.is_some(),
        });
        while let [.., left, right] = self.peaks[..]
            && let Some(parent) = right.node.completes()
        {
            let above = self.above(parent, left, right);
            self.peaks.truncate(self.peaks.len() - 2);
            self.peaks.push(above);
        }
        self.size += 1;
        self.hold_against_claims();
    }

    /// The subtree over two, and which of the hashes below it was changed, where one was.
    fn above(&mut self, node: Node, left: Peak, right: Peak) -> Peak {
        let made = node_hash(&left.made, &right.made);
        let is_hashed = right.is_hashed;
        let Some(stored) = self.take(node) else {
            if is_hashed {
                self.tell(Problem::MissingHash(node.level, node.index));
            }
            return Peak {
                node,
                made,
                stored: node_hash(&left.stored, &right.stored),
                is_hashed,
            };
        };
        let over = |left: &Hash, right: &Hash| node_hash(left, right) == stored;
        // Which of the two are under this hash as they were made, not as they are stored.
        let (left_is_made, right_is_made) = if stored == made {
            (true, true)
        } else if over(&left.stored, &right.stored) {
            (false, false)
        } else if over(&left.made, &right.stored) {
            (true, false)
        } else if over(&left.stored, &right.made) {
            (false, true)
        } else {
            self.tell(Problem::WrongHash(node.level, node.index));
            (false, false)
        };
        if node.level == 1 {
            for (peak, is_made) in [(left, left_is_made), (right, right_is_made)] {
                if is_made && (peak.made != peak.stored || !peak.is_hashed) {
                    let seq = place_of(peak.node.index);
                    self.odd.retain(|odd| odd.seq != seq);
                    self.tell(if peak.is_hashed {
                        Problem::WrongHash(0, peak.node.index)
                    } else {
                        Problem::MissingHash(0, peak.node.index)
                    });
                }
            }
        }
        Peak {
            node,
            made,
            stored,
            is_hashed: true,
        }
    }

    fn take(&mut self, node: Node) -> Option<Hash> {
        self.ahead.remove(&node.place()).flatten()
    }

    fn keep_odd(&mut self, odd: Odd) {
        if self.odd.len() < KEPT {
            self.odd.push(odd);
        } else {
            self.report.untold += 1;
        }
    }

    fn root(&self, hash: impl Fn(&Peak) -> Hash) -> Hash {
        let mut from_right = self.peaks.iter().rev();
        let Some(last) = from_right.next() else {
            return empty_root();
        };
        from_right.fold(hash(last), |right, peak| node_hash(&hash(peak), &right))
    }

    /// Compares the log so far with the checkpoints of its size. Where the stored tree fits and the
    /// rows do not, the row that was changed is named already.
    fn hold_against_claims(&mut self) {
        while let Some(claim) = self.claims.get(self.next_claim)
            && claim.checkpoint.size == self.size
        {
            let root = claim.checkpoint.root;
            let fits = root == self.root(|peak| peak.made) || root == self.root(|peak| peak.stored);
            if fits {
                self.fitting = self.size;
                self.report.fitting += 1;
            } else {
                let problem = Problem::NotTheCheckpoint {
                    name: claim.name.clone(),
                    size: self.size,
                    after: self.fitting,
                };
                self.tell(problem);
            }
            self.next_claim += 1;
        }
    }

    /// The hashes of leaves that no row has come for, with their rows, and how many there are.
    fn leaves_left(&mut self, left: &[(u64, Option<Hash>)]) -> (HashMap<Hash, i64>, u64) {
        let mut hashes = HashMap::new();
        let mut next = self.size;
        for (place, hash) in left {
            let node = Node::leaf(next);
            if *place == node.place() {
                if let Some(hash) = hash
                    && hashes.len() < KEPT
                {
                    hashes.insert(*hash, place_of(next));
                }
                next += 1;
            }
        }
        (hashes, next - self.size)
    }

    /// Tells what became of rows that are not what they were: changed, moved, taken out, put in.
    fn explain(&mut self, left: &HashMap<Hash, i64>, leaves_left: u64) {
        let odd = std::mem::take(&mut self.odd);
        let unhashed = odd.iter().filter(|odd| odd.stored.is_none()).count();
        let mut written: HashMap<Hash, i64> = left.clone();
        written.extend(odd.iter().filter_map(|odd| Some((odd.stored?, odd.seq))));
        let from = |odd: &Odd| written.get(&odd.made).copied();
        // By how much the rows at the end were moved, if they were.
        let shift = i64::try_from(unhashed).unwrap_or(0) - i64::try_from(leaves_left).unwrap_or(0);
        let shifted = odd
            .iter()
            .rev()
            .take_while(|odd| shift != 0 && from(odd) == Some(odd.seq - shift));
        let still = odd.len() - shifted.count();
        if still < odd.len() {
            let first = odd[still].seq;
            if shift < 0 {
                self.tell(Problem::Missing(first, first - shift - 1));
            } else {
                self.tell(Problem::Inserted(first - shift, first - 1));
            }
        } else if leaves_left > 0 {
            let first = place_of(self.size);
            let last = place_of(self.size + leaves_left - 1);
            self.tell(Problem::Missing(first, last));
        }
        // Rows that were put in before others that moved have been told of.
        let put_in = if shift > 0 && still < odd.len() {
            odd[still].seq - shift..odd[still].seq
        } else {
            0..0
        };
        for odd in odd[..still].iter().filter(|odd| !put_in.contains(&odd.seq)) {
            match from(odd) {
                Some(was) if was != odd.seq => self.tell(Problem::OutOfOrder(odd.seq, was)),
                _ if odd.stored.is_none() => self.tell(Problem::Inserted(odd.seq, odd.seq)),
                _ => self.tell(Problem::Changed(odd.seq)),
            }
        }
    }

    fn account_for_erasures(&mut self) {
        let recorded = std::mem::take(&mut self.recorded);
        for (id, Gone { tally, youngest }) in std::mem::take(&mut self.erased) {
            let Some((erasure, digest)) = recorded.get(&id) else {
                self.tell(Problem::Erasure(tally.first().unwrap_or_default()));
                continue;
            };
            let counts = [erasure.rows, erasure.fields];
            if counts != [tally.rows(), tally.fields()] || *digest != tally.digest() {
                self.tell(Problem::OtherErasure(erasure.row));
            }
            if let Some(later) = tally.last().filter(|last| *last >= erasure.row) {
                self.tell(Problem::ErasedAhead(erasure.row, later));
            }
            // One that is dated ahead makes nothing older than it is.
            let erased_at = self.now.map_or(erasure.at, |now| now.min(erasure.at));
            let is_young = |at: Timestamp| erased_at.duration_since(at) < SHORTEST_KEPT;
            if erasure.why == WhyErased::Age && youngest.is_some_and(is_young) {
                self.tell(Problem::ErasedYoung(erasure.row));
            }
        }
    }
}

/// The place in the log of a leaf.
fn place_of(index: u64) -> i64 {
    i64::try_from(index).map_or(i64::MAX, |index| index.saturating_add(1))
}
