//! `clavis audit` where it is about proofs: what is signed of the log, whether the log still is what
//! was signed, and what others can check of it without the log.

mod bundle;
mod erase;
mod key;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use clavis_broker::proof::checkpoint::Checkpoint;
use clavis_broker::proof::note::Verifier;
use clavis_config::read_at_most;

use crate::assemble::Settings;
use crate::{Config, Outcome};

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

/// The keys that are believed: those that are given, and the one that the configuration names.
fn known(keys: &[String], settings: Option<&Settings>) -> Result<Vec<Verifier>, Error> {
    let own = settings.and_then(|settings| settings.audit.signer.as_ref());
    let mut known: Vec<_> = own
        .map(|signer| signer.verifier().clone())
        .into_iter()
        .collect();
    for key in keys {
        let parsed = Verifier::parse(key.trim());
        known.push(parsed.map_err(|why| format!("{key} is no public key of a log: {why}"))?);
    }
    Ok(known)
}

/// The longest file that is read, in bytes: a bundle of some ten thousand rows.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The text of a file.
fn read(file: &Path) -> Result<String, Error> {
    let read = read_at_most(file, LONGEST).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    });
    read.map_err(|error| format!("{} cannot be read: {error}", file.display()).into())
}

/// A checkpoint from a file, and its text; or why it cannot be believed.
fn read_checkpoint(file: &Path, known: &[Verifier]) -> Result<(Checkpoint, String), Error> {
    let note = read(file)?;
    Ok((Checkpoint::open(&note, known)?, note))
}
