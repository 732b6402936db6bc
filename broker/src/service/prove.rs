//! Proofs over the log, and the examination of the whole of it.

use std::iter;

use jiff::Timestamp;

use super::{Broker, Unavailable, tickets::DESK};
use crate::causes::with_causes;
use crate::lifecycle::{CLOCKS_DIFFER, RequestId};
use crate::ports::{Ledger, LogQuery, StoreError, StoredRow};
use crate::proof::bundle::{Bundle, ProofHash, ProvedRow};
use crate::proof::checkpoint::{Checkpoint, NotACheckpoint};
use crate::proof::examine::{Claim, Examiner, Problem, Report, Unjudged};
use crate::proof::note::{NoteError, Verifier};
use crate::proof::tree::{Hash, Node, Plan, empty_root};
use crate::tokens::Reference;

/// How many rows, and how many hashes, are read at once.
const PAGE: usize = 1000;

/// A proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tree over the log is damaged.
    #[error("the tree over the log is damaged: `clavis audit verify` says where")]
    Damaged,
    /// The log has no row of the request that the proof is to be of.
    #[error(
        "the log has no row of the request {0}: rows were taken away, or an index has lost them; \
         `clavis audit verify` says which"
    )]
    NoRows(Reference),
    /// The log has fewer rows than the proof is to be over.
    #[error(
        "the log has {rows} rows, and the checkpoint is of {size}: rows were taken away, or the \
         database is an older one that was restored"
    )]
    Shorter {
        /// How many rows the checkpoint is of.
        size: u64,
        /// How many there are.
        rows: u64,
    },
}

/// The root of the tree over the first rows of the log, as many as are said.
pub async fn root_of(ledger: &dyn Ledger, size: u64) -> Result<Hash, ProofError> {
    let rows = ledger.log_size().await?;
    if rows < size {
        return Err(ProofError::Shorter { size, rows });
    }
    let made = make(ledger, &Plan::root(size)).await?;
    Ok(made.first().copied().unwrap_or_else(empty_root))
}

/// The proof that the log of an earlier size goes on as that of a later one.
pub async fn consistency(
    ledger: &dyn Ledger,
    earlier: u64,
    later: u64,
) -> Result<Vec<Hash>, ProofError> {
    let rows = ledger.log_size().await?;
    if rows < later {
        return Err(ProofError::Shorter { size: later, rows });
    }
    make(ledger, &Plan::consistency(earlier, later)).await
}

/// The rows of a request that a checkpoint is over, with the proofs that they are in the log.
///
/// # Errors
/// Where the tree over them is damaged, or there is none.
pub async fn prove_rows(
    ledger: &dyn Ledger,
    request: (RequestId, &Reference),
    checkpoint: (&str, u64),
) -> Result<Bundle, ProofError> {
    let ((id, reference), (note, size)) = (request, checkpoint);
    let mut rows = Vec::new();
    loop {
        let query = LogQuery {
            request: Some(id),
            events: &[],
            after: rows.last().map_or(0, |row: &ProvedRow| row.seq),
            limit: PAGE,
        };
        let page = ledger.stored_rows(&query).await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            let is_after = row.seq > rows.last().map_or(0, |last| last.seq);
            if !is_after || row.unreadable.is_some() {
                return Err(ProofError::Damaged);
            }
            let number = u64::try_from(row.seq - 1).map_err(|_| ProofError::Damaged)?;
            if number >= size {
                return bundle(reference, note, rows);
            }
            let proof = make(ledger, &Plan::inclusion(number, size)).await?;
            rows.push(ProvedRow {
                seq: row.seq,
                leaf: row.leaf,
                personal: row.personal,
                proof: proof.into_iter().map(ProofHash).collect(),
            });
        }
    }
    bundle(reference, note, rows)
}

/// Looks at the whole log: each row, the tree over them, and the checkpoints that it has kept, as of
/// `now`; and holds it against others. Of those that it has kept, one that no key of these has signed is
/// told as such, and says nothing of the log. Without a key, they are passed over.
///
/// # Errors
/// Where the store cannot be read, and is not damaged.
pub async fn examine(
    ledger: &dyn Ledger,
    known: &[Verifier],
    mut claims: Vec<Claim>,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let ahead = cursors_ahead(ledger, now).await?.into_iter();
    let mut problems: Vec<_> = ahead.map(Problem::CursorAhead).collect();
    let mut unjudged = Vec::new();
    if !known.is_empty() {
        for kept in ledger.checkpoints().await? {
            let name = format!("of {} that it has kept itself", kept.made_at);
            if kept.made_at.duration_since(now) > CLOCKS_DIFFER {
                problems.push(Problem::FromTheFuture { name: name.clone() });
            }
            match Checkpoint::open(&kept.note, known) {
                Ok(checkpoint) if checkpoint.size == kept.size => {
                    claims.push(Claim { name, checkpoint });
                }
                Ok(_) => {
                    let why = "it is of another size".to_owned();
                    problems.push(Problem::Unbelieved { name, why });
                }
                Err(
                    why @ (NotACheckpoint::Note(NoteError::Unsigned(_))
                    | NotACheckpoint::OtherOrigin(_)),
                ) => unjudged.push(Unjudged { name, why }),
                Err(why) => {
                    let why = why.to_string();
                    problems.push(Problem::Unbelieved { name, why });
                }
            }
        }
    }
    let mut examiner = Examiner::new(claims).at(now);
    let mut after = 0;
    let read = follow(ledger, &mut examiner, &mut after).await;
    let damage = ledger.damage().await;
    match (read, damage) {
        (Ok(()), damage) => problems.extend(damage?.into_iter().map(Problem::Damage)),
        // What is damaged says more than that it could not be read.
        (Err(error), Ok(damage)) if !damage.is_empty() => {
            problems.extend(damage.into_iter().map(Problem::Damage));
            problems.push(Problem::Unread(after, with_causes(&error)));
        }
        (Err(error), _) => return Err(error),
    }
    let mut report = examiner.finish();
    report.problems.extend(problems);
    report.unjudged = unjudged;
    Ok(report)
}

/// The cursors that are ahead of the newest row or, where they are a time, of `now`: Clavis puts none
/// there, and whoever it is passes over what comes next.
///
/// # Errors
/// Where the store cannot be read.
pub async fn cursors_ahead(ledger: &dyn Ledger, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let cursors = ledger.cursors().await?;
    let newest = ledger.log_size().await?;
    let latest = now.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
    let is_ahead = |(name, at): &(String, i64)| {
        if name.starts_with(DESK) {
            *at > latest.as_millisecond()
        } else {
            u64::try_from(*at).is_ok_and(|at| at > newest)
        }
    };
    let ahead = cursors.into_iter().filter(is_ahead);
    Ok(ahead.map(|(name, _)| name).collect())
}

/// Shows the examiner every row and every hash; `after` is the last row of those that it was shown.
async fn follow(
    ledger: &dyn Ledger,
    examiner: &mut Examiner,
    after: &mut i64,
) -> Result<(), StoreError> {
    let mut rows = page(ledger, i64::MIN).await?;
    while let Some(last) = rows.last().map(|row| row.seq) {
        for row in &rows {
            while let Some(place) = examiner.wants(row.seq) {
                if !give(ledger, examiner, place).await? {
                    break;
                }
            }
            examiner.row(row);
        }
        *after = last;
        rows = page(ledger, last).await?;
    }
    loop {
        let place = examiner.given();
        if !give(ledger, examiner, place).await? {
            return Ok(());
        }
    }
}

impl Broker {
    /// The log, for those who prove it.
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.parts.store
    }
}

/// Reads the hashes of a plan, and makes of them what it makes.
pub(super) async fn make(ledger: &dyn Ledger, plan: &Plan) -> Result<Vec<Hash>, ProofError> {
    let places: Vec<_> = plan.nodes().map(Node::place).collect();
    let read = ledger.hashes(&places).await?;
    let read: Option<Vec<_>> = read.into_iter().collect();
    read.and_then(|read| plan.make(&read))
        .ok_or(ProofError::Damaged)
}

fn bundle(request: &Reference, note: &str, rows: Vec<ProvedRow>) -> Result<Bundle, ProofError> {
    if rows.is_empty() {
        return Err(ProofError::NoRows(request.clone()));
    }
    Ok(Bundle::Rows {
        request: request.clone(),
        checkpoint: note.to_owned(),
        rows,
    })
}

/// The next rows of the log, from whichever place on.
pub(super) async fn page(ledger: &dyn Ledger, after: i64) -> Result<Vec<StoredRow>, StoreError> {
    let query = LogQuery {
        request: None,
        events: &[],
        after,
        limit: PAGE,
    };
    let rows = ledger.stored_rows(&query).await?;
    let places = iter::once(after).chain(rows.iter().map(|row| row.seq));
    if places.is_sorted_by(|one, next| one < next) {
        Ok(rows)
    } else {
        Err(out_of_order())
    }
}

/// Whoever reads on from the last of such rows would never come to an end.
fn out_of_order() -> StoreError {
    StoreError {
        what: "reading the log".to_owned(),
        source: Some("the database is damaged: an index of it is out of order".into()),
    }
}

/// Gives more hashes, from a place on; false where there are none.
async fn give(
    ledger: &dyn Ledger,
    examiner: &mut Examiner,
    place: u64,
) -> Result<bool, StoreError> {
    let hashes = ledger.hashes_from(place, PAGE).await?;
    let any = !hashes.is_empty();
    for (place, hash) in hashes {
        if place < examiner.given() {
            return Err(out_of_order());
        }
        examiner.give(place, hash);
    }
    Ok(any)
}

impl From<ProofError> for Unavailable {
    fn from(error: ProofError) -> Self {
        Self::new("the log", error)
    }
}
