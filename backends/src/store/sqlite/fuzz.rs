//! Any value in any column: SQLite keeps whatever it is given, and others may have written the file.

use bolero::check;
use clavis_broker::identity::Way;
use clavis_broker::ports::{CheckpointTo, Job, KeptCheckpoint, LinkKind};
use clavis_broker::programs::{ProgramName, Scope};
use clavis_broker::testing::{altered, sample};
use clavis_broker::tokens::TokenHash;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::rows::{self, RowError};

const TOKEN: TokenHash = TokenHash([7; 32]);
const ID: &str = "00000000-0000-4000-8000-000000000007";
const PIECES: &[&str] = &[
    "\"", "{", "}", "[", "]", ",", ":", "null", "-1", "1e400", "\\u0000", "\\ud83d", "é", " ",
];

type Read = fn(&Row<'_>) -> Result<(), RowError>;

/// What reads a row, and a row that it can read.
fn kinds() -> Vec<(Read, Vec<Value>)> {
    let request = sample::request();
    let party = request.requester.clone();
    let job = Job::Checkpoint {
        kept: Box::new(KeptCheckpoint {
            size: 17,
            made_at: sample::monday(),
            note: "a note\n".to_owned(),
        }),
        to: CheckpointTo::Sink("folder".to_owned()),
    };
    let body = || vec![json(&request), json(&request.state), Value::Integer(3)];
    let (hash, at) = (
        || Value::Blob(TOKEN.0.to_vec()),
        || Value::Integer(1_764_000_000_000),
    );
    let number = Value::Integer;
    let mut link = body();
    link.extend([text(ID), json(&LinkKind::Key)]);
    vec![
        (|row| rows::stored_request(row).map(drop), body()),
        (|row| rows::link(row, &TOKEN).map(drop), link),
        (
            |row| rows::refused_ticket(row).map(drop),
            vec![text("facts"), text("\"no_asset\""), at()],
        ),
        (|row| rows::id_of_request(row).map(drop), vec![text(ID)]),
        (
            |row| rows::checkpoint(row).map(drop),
            vec![number(17), at(), text("a note\n")],
        ),
        (|row| rows::job(row).map(drop), vec![text(ID), json(&job)]),
        (
            |row| rows::claimed_job(row).map(drop),
            vec![text(ID), number(1), at(), json(&job)],
        ),
        (
            |row| rows::dead_job(row).map(drop),
            vec![text(ID), json(&job), number(3), text("away")],
        ),
        (
            |row| rows::failing_job(row).map(drop),
            vec![json(&job), number(3), text("away"), at()],
        ),
        (|row| rows::pick_up(row).map(drop), vec![hash(), number(2)]),
        (
            |row| rows::challenge(row, &TOKEN).map(drop),
            vec![
                text("anna@example.com"),
                at(),
                number(1),
                at(),
                hash(),
                json(&party),
            ],
        ),
        (
            |row| rows::provider_sign_in(row, &TOKEN).map(drop),
            vec![text("Entra ID"), text("/requests"), at()],
        ),
        (
            |row| rows::session(row, &TOKEN).map(drop),
            vec![
                json(&party),
                at(),
                at(),
                json(&Way::Mail),
                text("[\"desk\"]"),
            ],
        ),
        (
            |row| rows::program_token(row).map(drop),
            vec![
                hash(),
                text("desk"),
                json(&Scope::ALL),
                json(&party),
                at(),
                at(),
                at(),
            ],
        ),
        (
            |row| {
                let program = ProgramName::parse("desk").expect("a name");
                rows::answered(row, &program, &TOKEN).map(drop)
            },
            vec![hash(), text(ID), at()],
        ),
    ]
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn json(value: &impl Serialize) -> Value {
    Value::Text(serde_json::to_string(value).unwrap())
}

/// The values after a change, which the bytes tell: in which column, what kind of value stands there
/// now, and what it is.
fn changed(mut values: Vec<Value>, bytes: &[u8]) -> Vec<Value> {
    let [which, kind, rest @ ..] = bytes else {
        return values;
    };
    let which = usize::from(*which) % values.len();
    let mut eight = [0; 8];
    let length = rest.len().min(8);
    eight[..length].copy_from_slice(&rest[..length]);
    values[which] = match (kind % 6, &values[which]) {
        (0, _) => Value::Null,
        (1, _) => Value::Integer(i64::from_le_bytes(eight)),
        (2, _) => match f64::from_le_bytes(eight) {
            // SQLite makes NULL of what is no number.
            number if number.is_nan() => Value::Null,
            number => Value::Real(number),
        },
        (3, _) => Value::Blob(rest.to_vec()),
        (_, Value::Text(sound)) => Value::Text(altered(sound, rest, PIECES)),
        (_, _) => Value::Text(String::from_utf8_lossy(rest).into_owned()),
    };
    values
}

/// Reads a row of these values.
fn read<T>(
    connection: &Connection,
    values: Vec<Value>,
    read: impl FnOnce(&Row<'_>) -> Result<T, RowError>,
) -> Result<T, RowError> {
    let columns = ["?1", "?2", "?3", "?4", "?5", "?6", "?7"][..values.len()].join(", ");
    let mut statement = connection.prepare_cached(&format!("SELECT {columns}"))?;
    let mut rows = statement.query(params_from_iter(values))?;
    read(rows.next()?.expect("a row"))
}

#[test]
fn a_row_of_any_values_is_what_it_should_be_or_an_error() {
    let connection = Connection::open_in_memory().unwrap();
    let kinds = kinds();
    for (number, (reads, sound)) in kinds.iter().enumerate() {
        let whole = read(&connection, sound.clone(), reads);
        assert!(whole.is_ok(), "kind {number}: {whole:?}");
    }
    let connection = std::panic::AssertUnwindSafe(connection);
    check!().for_each(|bytes: &[u8]| {
        let (which, changes) = bytes.split_first().unwrap_or((&0, &[]));
        let (reads, sound) = &kinds[usize::from(*which) % kinds.len()];
        if let Err(error) = read(&connection, changed(sound.clone(), changes), reads) {
            assert!(!error.while_doing("reading").to_string().is_empty());
        }
    });
}

#[test]
fn a_row_of_the_log_is_read_whatever_its_columns_hold() {
    let connection = std::panic::AssertUnwindSafe(Connection::open_in_memory().unwrap());
    let sound = vec![
        Value::Integer(7),
        Value::Integer(1_764_000_000_000),
        text("link.opened"),
        text(ID),
        text("{}"),
        text("{}"),
    ];
    check!().for_each(|bytes: &[u8]| {
        let values = changed(sound.clone(), bytes);
        if !matches!(values[0], Value::Integer(_)) {
            return;
        }
        let is_text = |at: usize| matches!(values[at], Value::Text(_));
        let is_whole = matches!(values[1], Value::Integer(_))
            && is_text(2)
            && (is_text(3) || values[3] == Value::Null)
            && is_text(4)
            && is_text(5);
        let stored = read(&connection, values.clone(), rows::stored_row).unwrap();
        assert_eq!(stored.unreadable.is_none(), is_whole, "{values:?}");
        let [seq, at, _, _, leaf, personal] = <[Value; 6]>::try_from(values).unwrap();
        let row = read(&connection, vec![seq, at, leaf, personal], rows::log_row).unwrap();
        assert!(row.is_unreadable());
    });
}
