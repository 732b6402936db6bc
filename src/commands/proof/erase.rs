//! `clavis audit erase`: a person is forgotten.

use std::path::Path;
use std::process::ExitCode;

use crate::output::say;
use crate::{Outcome, commands};

/// Erases the person, in the name of whoever runs the command.
pub(super) async fn run(config: &Path, person: &str) -> Outcome {
    let broker = commands::broker(config)?;
    let forgotten = broker.erase_person(person, &commands::operator()).await?;
    say!(
        "Erased: {} fields of {} rows of the log, and what named them in {} closed requests; {} jobs of the outbox were dropped.",
        forgotten.fields,
        forgotten.rows,
        forgotten.requests,
        forgotten.jobs
    );
    if forgotten.leaves_traces {
        say!(
            "Somebody else was reading the database, so copies may lie in the files beside it until \
             the daemon has written some more, or has been stopped and started."
        );
    }
    say!("Backups and mails that were sent have them still.");
    Ok(ExitCode::SUCCESS)
}
