//! `clavis audit new-key`: the key that checkpoints are signed with.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use clavis_broker::proof::note::Signer;

use crate::Outcome;
use crate::output::say;
use crate::system::SystemRandom;

/// Writes a new key to a file that only this account can read, and prints its public half.
pub(super) fn make(file: &Path, name: &str) -> Outcome {
    let key = Signer::generate(name, &SystemRandom)?;
    let signer = Signer::parse(&key)?;
    let shown = file.display();
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(file);
    let written = made.and_then(|mut made| {
        made.write_all(key.as_bytes())?;
        made.write_all(b"\n")?;
        made.sync_all()
    });
    written.map_err(|error| format!("{shown} cannot be made: {}", why_not(&error)))?;
    say!("{}", signer.verifier());
    super::super::remark(&format!(
        "The key is in {shown}. Name it in `signing_key_file` of [audit], where the daemon can read it, \
         and give the line above to whoever is to check checkpoints."
    ));
    Ok(ExitCode::SUCCESS)
}

fn why_not(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            "it is there already, and a key is never written over: name another file".to_owned()
        }
        io::ErrorKind::NotFound => "its folder is not there: make it first".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "this account may not write there: run the command with sudo, or name another file"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
