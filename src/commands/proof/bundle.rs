//! `clavis audit checkpoint`, `prove`, `consistency` and `check`: what is handed to others.

use std::path::Path;
use std::process::ExitCode;

use clavis_broker::causes::with_causes;
use clavis_broker::ports::Ledger;
use clavis_broker::proof::bundle::{Bundle, BundleError, ProofHash, Proved};
use clavis_broker::proof::checkpoint::NotACheckpoint;
use clavis_broker::proof::note::NoteError;
use clavis_broker::service;
use clavis_broker::tokens::Reference;

use super::{Error, UNJUDGED, known, read, read_checkpoint};
use crate::commands::audit::line;
use crate::output::say;
use crate::{Outcome, assemble, commands, output};

/// Makes a checkpoint, and prints it.
pub(super) async fn checkpoint(config: &Path, keys: &[String]) -> Outcome {
    let earlier = known(keys, None)?;
    let broker = commands::broker(config)?;
    let kept = broker.make_checkpoint_after(&earlier).await?;
    output::text(&kept.note)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the rows of a request, each with its proof.
pub(super) async fn prove(config: &Path, reference: &str) -> Outcome {
    let reference: Reference = reference.parse()?;
    let broker = commands::broker(config)?;
    let found = broker.store().request_by_reference(&reference).await?;
    let found = found.ok_or_else(|| commands::no_request(&reference))?;
    let kept = broker.make_checkpoint().await?;
    let bundle = service::prove_rows(
        broker.ledger(),
        (found.request.id, &reference),
        (&kept.note, kept.size),
    );
    say!("{}", serde_json::to_string_pretty(&bundle.await?)?);
    Ok(ExitCode::SUCCESS)
}

/// Prints the proof between two checkpoints, and says whether it holds.
pub(super) async fn consistency(config: &Path, old: &Path, new: &Path, keys: &[String]) -> Outcome {
    let settings = assemble::load(config)?;
    let known = known(keys, Some(&settings))?;
    let (earlier, earlier_note) = read_checkpoint(old, &known)?;
    let (later, later_note) = read_checkpoint(new, &known)?;
    if earlier.size > later.size {
        let (old, new) = (old.display(), new.display());
        return Err(format!("{old} is of more rows than {new}: name the earlier one first").into());
    }
    let store = assemble::store_to_read(&settings)?;
    let ledger: &dyn Ledger = &store;
    let proof = service::consistency(ledger, earlier.size, later.size).await?;
    let bundle = Bundle::Consistency {
        earlier: earlier_note,
        later: later_note,
        proof: proof.into_iter().map(ProofHash).collect(),
    };
    bundle.check(&known)?;
    say!("{}", serde_json::to_string_pretty(&bundle)?);
    commands::remark(&format!(
        "The log of {} rows goes on as that of {} rows.",
        earlier.size, later.size
    ));
    Ok(ExitCode::SUCCESS)
}

/// Checks what one of the above has printed, and prints what it proves. Ends with 1 where it proves
/// nothing, and with 2 where that could not be judged.
pub(super) fn check(file: &Path, keys: &[String]) -> Outcome {
    let unjudged = |error: Error| {
        commands::complain(&with_causes(&*error));
        Ok(ExitCode::from(UNJUDGED))
    };
    let (known, bundle) = match known(keys, None).and_then(|known| Ok((known, parsed(file)?))) {
        Ok(read) => read,
        Err(error) => return unjudged(error),
    };
    let shown = file.display();
    match bundle.check(&known) {
        Ok(proved) => {
            tell(&proved);
            Ok(ExitCode::SUCCESS)
        }
        Err(BundleError::Checkpoint(
            why @ (NotACheckpoint::Note(NoteError::Unsigned(_)) | NotACheckpoint::OtherOrigin(_)),
        )) => unjudged(Error::from(format!(
            "{shown} was not judged, as its checkpoint cannot be believed: {why}. Ask whoever runs that \
             log for the line of its key, and give that with `--key`"
        ))),
        Err(error) => Err(format!(
            "{shown} proves nothing: {}. Ask for it again, and whoever runs the log what became of it",
            with_causes(&error)
        )
        .into()),
    }
}

/// The bundle in a file.
fn parsed(file: &Path) -> Result<Bundle, Error> {
    let shown = file.display();
    let otherwise =
        "name the file that `clavis audit prove` or `clavis audit consistency` has printed";
    let text = read(file, otherwise)?;
    let bundle = serde_json::from_str(&text);
    bundle.map_err(|error| {
        Error::from(if error.is_eof() {
            format!("{shown} is empty or cut off, or was not saved whole: ask for it again")
        } else {
            format!("{shown} is not what `prove` or `consistency` prints ({error}): {otherwise}")
        })
    })
}

fn tell(proved: &Proved) {
    match proved {
        Proved::Rows {
            request,
            checkpoint,
            rows,
            left_out,
        } => {
            for row in rows {
                say!("{}", line(row));
            }
            say!(
                "\nThese {} rows of the request {request} are in the log {} of {} rows. Whether there are others, this does not say.",
                rows.len(),
                checkpoint.origin,
                checkpoint.size
            );
            if *left_out > 0 {
                say!(
                    "{left_out} fields are left out; nothing here proves that the log erased them."
                );
            }
        }
        Proved::Consistency { earlier, later } => say!(
            "The log {} of {} rows goes on as that of {} rows: nothing in the first was changed.",
            later.origin,
            earlier.size,
            later.size
        ),
    }
}
