//! The configuration of Clavis: from TOML to settings that are sound as a whole.
//!
//! [`load`] reads a file, [`load_all`] several that one daemon is to serve, [`parse`] a file's text.
//! [`document`] and [`values`] are the reader beneath, by which the TOML files of demonstrations are
//! read as well.

pub mod document;
pub mod escrow;
pub mod needs;
pub mod problems;
pub mod settings;
pub mod values;

mod read;
mod regular;
mod secrets;
mod section;
mod spelling;
mod together;

use std::path::Path;

use crate::escrow::EscrowKind;
use crate::problems::Problems;
use crate::settings::Settings;

pub use crate::regular::{open as open_regular, read_at_most};
pub use crate::secrets::{OnDisk, SecretFiles};
pub use crate::together::{kept_apart, load_all};

/// Reads a configuration file and the secret files that it names. `kinds` are the kinds of escrow
/// backends that there are.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load<P>(path: &Path, kinds: &[EscrowKind<P>]) -> Result<Settings<P>, Problems> {
    document::read_file(path, |root| {
        read::settings(root, &origin(path, &OnDisk), kinds)
    })
}

/// Reads the text of a configuration. `file` is its name in problems, and paths in it start from
/// the folder of that file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse<P>(
    text: &str,
    file: &Path,
    secrets: &dyn SecretFiles,
    kinds: &[EscrowKind<P>],
) -> Result<Settings<P>, Problems> {
    document::read(text, file, |root| {
        read::settings(root, &origin(file, secrets), kinds)
    })
}

fn origin<'o>(file: &'o Path, secrets: &'o dyn SecretFiles) -> read::Origin<'o> {
    let folder = file.parent().unwrap_or(Path::new(""));
    read::Origin { folder, secrets }
}
