//! `clavis sessions`: signing people out.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::people::MailAddress;

use crate::Outcome;
use crate::output::say;

/// Signs a person out of every browser, in the name of whoever runs the command.
pub(crate) async fn end(config: &Path, mail: &str) -> Outcome {
    let mail = MailAddress::parse(mail).map_err(|_| format!("{mail} is not a mail address"))?;
    let broker = super::broker(config)?;
    match broker.end_sessions_of(&mail, &super::operator()).await? {
        Some(person) => {
            say!(
                "{} <{}> is signed out everywhere.",
                person.name,
                person.mail
            );
            Ok(ExitCode::SUCCESS)
        }
        None => Err(format!("the directory knows nobody by the address {mail}").into()),
    }
}
