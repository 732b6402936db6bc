//! What the outbox does, in words.

use clavis_broker::ports::{CheckpointTo, Job};

use crate::letters::title;

/// What a job of the outbox does, for operators: `Alarm to secops@example.com`.
pub fn job_in_words(job: &Job) -> String {
    match job {
        Job::Letter(sending) => {
            let to = &sending.to;
            format!("{} to {} ({})", title(sending.letter), to.name, to.mail)
        }
        Job::Rotate { .. } => "Order to make a new key".to_owned(),
        Job::SignInCode { mail, .. } => format!("Sign-in code to {mail}"),
        Job::StandIn { to, .. } => format!("Word of a stand-in to {} ({})", to.name, to.mail),
        Job::Alarm { to, .. } => format!("Alarm to {to}"),
        Job::LookAtTicket { ticket } => format!("Look at ticket {ticket}"),
        Job::TellTicket { ticket, .. } => format!("Note for ticket {ticket}"),
        Job::Message { to, news } => format!("{} to the webhook {to}", news.event),
        Job::Notice { to, .. } => format!("Notice of a review to {to}"),
        Job::Hook { alarm, .. } => format!("Alarm to the webhook: {}", alarm.name()),
        Job::Checkpoint { kept, to } => match to {
            CheckpointTo::Mail(to) => format!("Checkpoint of {} rows to {to}", kept.size),
            CheckpointTo::Sink(name) => format!("Checkpoint of {} rows to the {name}", kept.size),
        },
    }
}
