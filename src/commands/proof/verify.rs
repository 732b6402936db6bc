//! `clavis audit verify`: whether the log is what it was.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clavis_broker::audit::WhyErased;
use clavis_broker::ports::{Clock, Ledger};
use clavis_broker::proof::examine::{Claim, Problem, Report};
use clavis_broker::service::examine;

use super::{known, read_checkpoint};
use crate::output::say;
use crate::system::SystemClock;
use crate::{Outcome, assemble, commands};

/// Reads the whole log, and prints what is wrong with it. Fails where something is.
pub(super) async fn run(config: &Path, checkpoints: &[PathBuf], keys: &[String]) -> Outcome {
    let settings = assemble::load(config)?;
    let known = known(keys, Some(&settings))?;
    let store = assemble::store(&settings)?;
    let ledger: &dyn Ledger = &store;
    let (mut claims, mut unbelieved) = (Vec::new(), Vec::new());
    for file in checkpoints {
        let name = file.display().to_string();
        match read_checkpoint(file, &known) {
            Ok((checkpoint, _)) => claims.push(Claim { name, checkpoint }),
            Err(why) => unbelieved.push(Problem::Unbelieved {
                name,
                why: why.to_string(),
            }),
        }
    }
    let mut report = examine(ledger, &known, claims, SystemClock.now()).await?;
    report.problems.extend(unbelieved);
    tell(&report);
    if known.is_empty() {
        commands::remark(
            "No checkpoint was looked at, as no key is known: name one with --key, or in \
             `signing_key_file` of [audit].",
        );
    } else if checkpoints.is_empty() {
        commands::remark(
            "Whoever can change the log can take away what it has kept of its checkpoints: give \
             one from elsewhere with --checkpoint.",
        );
    }
    Ok(if report.problems.is_empty() {
        say!("The log is what it was.");
        ExitCode::SUCCESS
    } else {
        say!(
            "The log is not what it was. Keep the database as it is; the handbook says what to do \
             (\"When verify finds something\")."
        );
        ExitCode::FAILURE
    })
}

fn tell(report: &Report) {
    for problem in &report.problems {
        say!("WRONG    {}", commands::shown(&problem.to_string()));
    }
    if report.untold > 0 {
        say!("WRONG    and {} more", report.untold);
    }
    say!("rows                    {}", report.rows);
    say!("checkpoints that fit    {}", report.fitting);
    say!(
        "personal fields erased  {}, in {} rows",
        report.erased_fields,
        report.erased_rows
    );
    for erasure in &report.erasures {
        let why = match erasure.why {
            WhyErased::Person => "of a person",
            WhyErased::Age => "for their age",
        };
        say!(
            "erasure in row {}: {}, by {}, {why}, {} fields in {} rows",
            erasure.row,
            erasure.at,
            erasure.by,
            erasure.fields,
            erasure.rows
        );
    }
}
