//! `clavis revoke`: stops a request.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::tokens::Reference;

use crate::Outcome;
use crate::output::say;

/// Stops the request, in the name of whoever runs the command.
pub(crate) async fn run(config: &Path, reference: &str) -> Outcome {
    let reference: Reference = reference.parse()?;
    let broker = super::broker(config)?;
    match broker.revoke(&reference, &super::operator()).await? {
        Some(request) => {
            say!(
                "{} is stopped. The running daemon mails everybody concerned.",
                request.reference
            );
            Ok(ExitCode::SUCCESS)
        }
        None => Err(super::no_request(&reference).into()),
    }
}
