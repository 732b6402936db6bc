//! `clavis outbox`: what was given up of it.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::ports::JobId;
use clavis_web::job_in_words;

use crate::Outcome;
use crate::output::say;

/// How many are listed.
const LISTED: usize = 500;

/// Lists what was given up, and why.
pub(crate) async fn list(config: &Path) -> Outcome {
    let broker = super::broker(config)?;
    let dead = broker.store().dead(LISTED).await?;
    if dead.is_empty() {
        say!("Nothing was given up.");
    }
    for job in dead {
        let what = job_in_words(&job.job);
        say!(
            "{}  {what}\n    {} {}; the last: {}",
            job.id.0,
            job.attempts,
            if job.attempts == 1 { "try" } else { "tries" },
            job.error
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts one back into the outbox.
pub(crate) async fn retry(config: &Path, id: &str) -> Outcome {
    let id = id
        .parse()
        .map(JobId)
        .map_err(|_| format!("{id} is not a job's ID; `clavis outbox list` shows them"))?;
    if super::broker(config)?
        .revive(id, &super::operator())
        .await?
    {
        say!("It will be tried again by the running daemon.");
        Ok(ExitCode::SUCCESS)
    } else {
        Err(format!(
            "nothing with the ID {} was given up; `clavis outbox list` shows which were",
            id.0
        )
        .into())
    }
}
