//! `clavis audit erase`: a person is forgotten.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::service::feed_cursor;

use crate::output::say;
use crate::{Outcome, assemble, commands};

/// Erases the person, in the name of whoever runs the command.
pub(super) async fn run(config: &Path, person: &str) -> Outcome {
    let broker = commands::broker(config)?;
    for sink in assemble::sinks(&assemble::load(config)?) {
        let newest = broker.store().newest().await?;
        let sent = broker.store().cursor(&feed_cursor(sink.name())).await?;
        if sent < newest {
            commands::remark(&format!(
                "The feed {} has rows to send still, {}: it gets them without what is erased.",
                sink.name(),
                newest - sent
            ));
        }
    }
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
    if forgotten.left_out.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = forgotten.left_out.iter().map(i64::to_string).collect();
    say!(
        "NOT erased, as they do not hold together: the rows {} of the log. Run `clavis audit verify`.",
        rows.join(", ")
    );
    Ok(ExitCode::FAILURE)
}
