//! `clavis outbox`: what was given up of it.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::ports::{CheckpointTo, Job, JobId};

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
        let what = match &job.job {
            Job::Letter(sending) => format!("{:?} to {}", sending.letter, sending.to.mail),
            Job::Rotate { request } => format!("new keys after request {request}"),
            Job::SignInCode { mail, .. } => format!("sign-in code to {mail}"),
            Job::StandIn { to, .. } => format!("word of a stand-in to {}", to.mail),
            Job::Alarm { to, .. } => format!("alarm to {to}"),
            Job::LookAtTicket { ticket } => format!("look at ticket {ticket}"),
            Job::TellTicket { ticket, .. } => format!("note for ticket {ticket}"),
            Job::Hook { alarm, .. } => format!("{} to the webhook", alarm.name()),
            Job::Message { to, news } => format!("{} to the webhook {to}", news.event),
            Job::Notice { to, .. } => format!("notice of a review to {to}"),
            Job::Checkpoint { kept, to } => match to {
                CheckpointTo::Mail(to) => format!("checkpoint of {} rows to {to}", kept.size),
                CheckpointTo::Sink(name) => {
                    format!("checkpoint of {} rows to the {name}", kept.size)
                }
            },
        };
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
