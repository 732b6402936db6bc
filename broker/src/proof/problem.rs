//! What can be wrong with a log, in words for whoever has to look into it.

use std::fmt;

use super::leaf::LeafError;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A row is not what it was.
    Changed(i64),
    /// What is stored of a row does not hold together.
    Broken(i64, LeafError),
    /// A column of a row does not hold what such a column does.
    Unreadable(i64, &'static str),
    /// What the log is kept in does not hold together.
    Damage(String),
    /// Nothing after this row could be read, and why.
    Unread(i64, String),
    /// A column of a row is not what its leaf says.
    Column(i64, &'static str),
    /// Rows are missing, from one to another.
    Missing(i64, i64),
    /// Rows were put in, from one to another.
    Inserted(i64, i64),
    /// A row holds what was written as another.
    OutOfOrder(i64, i64),
    /// A hash of the tree is not that of what lies under it: its level and number, and the rows.
    WrongHash(u32, u64),
    /// A hash of the tree is missing.
    MissingHash(u32, u64),
    /// Fields of rows, the first of them of this one, were erased, and no row accounts for it.
    Erasure(i64),
    /// The erasure that this row records was of other fields than those that are erased.
    OtherErasure(i64),
    /// A row records an erasure that an earlier one, the second, has recorded.
    ErasedTwice(i64, i64),
    /// The erasure that the first row records has taken fields of the second, which comes after it.
    ErasedAhead(i64, i64),
    /// The erasure that the row records says that it was for age, and some of what it took was younger
    /// than anything that is erased for that.
    ErasedYoung(i64),
    /// When a row was written lies in the future.
    RowFromTheFuture(i64),
    /// A row was written minutes before the one that it comes after.
    BackInTime(i64),
    /// A checkpoint cannot be believed.
    Unbelieved {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
    /// How far somebody has come who goes through the log, or up to when they have asked, is not
    /// there yet.
    CursorAhead(String),
    /// When a checkpoint was made lies in the future.
    FromTheFuture {
        /// Its name.
        name: String,
    },
    /// The log is not the one that a checkpoint is of.
    NotTheCheckpoint {
        /// Its name.
        name: String,
        /// How many rows it is of.
        size: u64,
        /// How many rows the largest one below it is of that fits; 0 where there is none.
        after: u64,
    },
    /// The log has fewer rows than a checkpoint is of.
    Shorter {
        /// Its name.
        name: String,
        /// How many rows it is of.
        size: u64,
        /// How many there are.
        rows: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(row) => write!(f, "row {row} was changed"),
            Self::Broken(row, why) => write!(f, "row {row} was changed: {why}"),
            Self::Unreadable(row, column) => {
                write!(
                    f,
                    "row {row} cannot be read: its column `{column}` holds something else than what \
                     Clavis writes there"
                )
            }
            Self::Damage(what) => write!(f, "the database is damaged: {what}"),
            Self::Unread(after, why) => {
                write!(f, "the log cannot be read after row {after}: {why}")
            }
            Self::Column(row, column) => {
                write!(
                    f,
                    "row {row} was changed: its column `{column}` is not what its leaf says"
                )
            }
            Self::Missing(from, to) if from == to => write!(f, "row {from} is missing"),
            Self::Missing(from, to) => write!(f, "rows {from} to {to} are missing"),
            Self::Inserted(from, to) if from == to => write!(f, "row {from} was inserted"),
            Self::Inserted(from, to) => write!(f, "rows {from} to {to} were inserted"),
            Self::OutOfOrder(row, was) => {
                write!(
                    f,
                    "row {row} is out of order: it holds what was written as row {was}"
                )
            }
            Self::WrongHash(level, index) => {
                write!(f, "the hash over {} was changed", Span(*level, *index))
            }
            Self::MissingHash(level, index) => {
                write!(f, "the hash over {} is missing", Span(*level, *index))
            }
            Self::Erasure(row) => write!(
                f,
                "row {row} has lost personal fields, and no row `audit.erased` accounts for it"
            ),
            Self::OtherErasure(row) => write!(
                f,
                "row {row} records an erasure of other fields than those that are erased"
            ),
            Self::ErasedTwice(row, first) => write!(
                f,
                "row {row} records an erasure that row {first} has recorded already"
            ),
            Self::ErasedAhead(row, later) => write!(
                f,
                "row {row} records an erasure of fields of row {later}, which was written after it"
            ),
            Self::ErasedYoung(row) => write!(
                f,
                "row {row} records that fields were erased for their age, and some were younger than \
                 30 days"
            ),
            Self::RowFromTheFuture(row) => write!(
                f,
                "row {row} is from the future: somebody has written it past Clavis, or the clock was \
                 ahead when it was written"
            ),
            Self::BackInTime(row) => write!(
                f,
                "row {row} is some minutes older than the row before it: somebody has written one of \
                 the two past Clavis, or the clock was put back"
            ),
            Self::Unbelieved { name, why } => {
                write!(f, "the checkpoint {name} cannot be believed: {why}")
            }
            Self::CursorAhead(name) => write!(
                f,
                "the cursor `{name}` is ahead of the log, or of the time: its column `position` was \
                 changed, and rows may have been passed over"
            ),
            Self::FromTheFuture { name } => write!(
                f,
                "the checkpoint {name} is from the future: its column `made_at` was changed, or the \
                 clock was ahead when it was made"
            ),
            Self::NotTheCheckpoint { name, size, after } => write!(
                f,
                "the log up to row {size} is not that of the checkpoint {name}: something between \
                 row {} and row {size} was changed",
                after + 1
            ),
            Self::Shorter { name, size, rows } => write!(
                f,
                "the log has {rows} rows, and the checkpoint {name} is of {size}: the rows after it \
                 were taken away, or the database is an older one that was restored"
            ),
        }
    }
}

/// The rows under a hash.
struct Span(u32, u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(level, index) = self;
        let (first, last) = ((index << level) + 1, (index + 1) << level);
        if first == last {
            write!(f, "row {first}")
        } else {
            write!(f, "rows {first} to {last}")
        }
    }
}
