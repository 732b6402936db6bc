//! `clavis audit` where it is about proofs: what is signed of the log, whether the log still is what
//! was signed, and what others can check of it without the log.

mod bundle;
mod erase;
mod key;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use clavis_broker::proof::checkpoint::{Checkpoint, NotACheckpoint};
use clavis_broker::proof::note::{NotAKey, NoteError, Verifier};
use clavis_config::read_at_most;

use crate::assemble::Settings;
use crate::{Config, Outcome, output};

/// The commands of `clavis audit` that are about proofs.
#[derive(clap::Subcommand)]
pub(crate) enum Proof {
    /// Make the key that checkpoints of the log are signed with, and print its public half
    NewKey {
        /// The file to write the key to; there must be none yet
        file: PathBuf,
        /// What the log is called in its checkpoints, like keys.example.com/log
        #[arg(long)]
        name: String,
    },
    /// Sign what the log is now, bring it everywhere that checkpoints go, and print it
    Checkpoint {
        /// Believe what this key has signed before the configured one; may be given several times
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
        #[command(flatten)]
        config: Config,
    },
    /// Read the whole log, and say whether anything in it was changed
    ///
    /// It is held against the checkpoints that it has kept, the largest one in `checkpoint_folder`, and
    /// those that are given. Ends with 0 where the log is what it was, with 1 where it is not, and with 2
    /// where that could not be judged.
    Verify {
        /// Hold the log against this checkpoint as well; may be given several times
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Believe what this key has signed, beside the configured one; may be given several times
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
        #[command(flatten)]
        config: Config,
    },
    /// Print the rows of a request with the proof that they are in the log
    Prove {
        /// The request's reference, like K7Q-4MX2
        reference: String,
        #[command(flatten)]
        config: Config,
    },
    /// Print the proof that the log of one checkpoint goes on as that of another
    Consistency {
        /// The file of the earlier checkpoint
        old: PathBuf,
        /// The file of the later one
        new: PathBuf,
        /// Believe what this key has signed, beside the configured one; may be given several times
        #[arg(long, value_name = "KEY")]
        key: Vec<String>,
        #[command(flatten)]
        config: Config,
    },
    /// Check what `prove` or `consistency` has printed; needs no configuration and no log
    ///
    /// Ends with 0 where it is proved, with 1 where it is not, and with 2 where that could not be judged.
    Check {
        /// The file
        bundle: PathBuf,
        /// The log's public key, as `new-key` and `clavis check` print it; may be given several times
        #[arg(long, value_name = "KEY", required = true)]
        key: Vec<String>,
    },
    /// Erase what names a person from the log and from closed requests; proofs hold afterwards
    Erase {
        /// A mail address or an ID that they have or had in the directory
        person: String,
        #[command(flatten)]
        config: Config,
    },
}

/// Carries one out.
pub(crate) async fn run(command: Proof) -> Outcome {
    match command {
        Proof::NewKey { file, name } => key::make(&file, &name),
        Proof::Checkpoint { key, config } => bundle::checkpoint(&config.config, &key).await,
        Proof::Verify {
            checkpoint,
            key,
            config,
        } => verify::run(&config.config, &checkpoint, &key).await,
        Proof::Prove { reference, config } => bundle::prove(&config.config, &reference).await,
        Proof::Consistency {
            old,
            new,
            key,
            config,
        } => bundle::consistency(&config.config, &old, &new, &key).await,
        Proof::Check { bundle, key } => bundle::check(&bundle, &key),
        Proof::Erase { person, config } => erase::run(&config.config, &person).await,
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What `verify` and `check` end with where they could not judge.
const UNJUDGED: u8 = output::UNSAID;

/// The keys that are believed: those that are given, and the one that the configuration names.
fn known(keys: &[String], settings: Option<&Settings>) -> Result<Vec<Verifier>, Error> {
    let own = settings.and_then(|settings| settings.audit.signer.as_ref());
    let mut known: Vec<_> = own
        .map(|signer| signer.verifier().clone())
        .into_iter()
        .collect();
    for key in keys {
        known.push(Verifier::parse(key.trim()).map_err(not_public)?);
    }
    Ok(known)
}

/// Why what was given as a key is none. It may be a private one, so nothing of it is said.
fn not_public(why: NotAKey) -> String {
    match why {
        NotAKey::Private => "--key was given the private key of a log, and wants its public half: the line \
                             that `clavis check` and `clavis audit new-key` print. Where others can have \
                             read what was typed here, make another key with `clavis audit new-key`"
            .to_owned(),
        why => format!(
            "--key was given no public key of a log ({why}): give it the whole line that `clavis check` \
             and `clavis audit new-key` print"
        ),
    }
}

/// What to do about a checkpoint that cannot be believed.
fn remedy(why: &NotACheckpoint) -> &'static str {
    match why {
        NotACheckpoint::Note(NoteError::Unsigned(_)) | NotACheckpoint::OtherOrigin(_) => {
            "give the line of the key that has signed it with `--key`, as that of the key before where it \
             was replaced"
        }
        NotACheckpoint::Note(NoteError::Forged(_)) => "ask for it again",
        NotACheckpoint::Note(NoteError::Malformed) | NotACheckpoint::Form => {
            "see that it is a checkpoint, and whole"
        }
    }
}

/// The longest file that is read, in bytes: a bundle of some ten thousand rows.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The text of a file.
///
/// # Errors
/// Where it cannot be read, with what to do: this, where another file is wanted.
fn read(file: &Path, otherwise: &str) -> Result<String, Error> {
    let read = read_at_most(file, LONGEST).and_then(|bytes| {
        let text = String::from_utf8(bytes);
        text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text"))
    });
    read.map_err(|error| unread(file, &error, otherwise).into())
}

/// Why a file cannot be read, and what to do: this, where another is wanted.
fn unread(file: &Path, error: &io::Error, otherwise: &str) -> String {
    let shown = file.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file {shown}: {otherwise}"),
        io::ErrorKind::PermissionDenied => format!(
            "this account may not read {shown}: run the command with sudo, or as an account that may"
        ),
        _ => format!("{shown} cannot be read ({error}): {otherwise}"),
    }
}

/// A checkpoint from a file, and its text.
///
/// # Errors
/// Why it cannot be believed, and what to do.
fn read_checkpoint(file: &Path, known: &[Verifier]) -> Result<(Checkpoint, String), Error> {
    let note = read(file, "name the file of a checkpoint")?;
    let opened = Checkpoint::open(&note, known);
    let opened = opened.map_err(|why| {
        let shown = file.display();
        format!("{shown} cannot be believed: {why}: {}", remedy(&why))
    })?;
    Ok((opened, note))
}
