//! `kind = "command"` in `[[escrow]]`.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clavis_broker::devices::BackendName;
use clavis_broker::ports::EscrowBackend;
use clavis_config::document::Section;
use clavis_config::escrow::{EscrowKind, Planned, Surroundings};
use clavis_config::needs::Needs;
use clavis_config::problems::{Problems, Wrong};
use clavis_config::values::{duration, number, port, text, truth, whole_path};
use jiff::SignedDuration;
use toml::de::DeValue;

use super::CommandEscrow;
use crate::Supplies;
use crate::escrow::{EscrowPlan, Plan};

/// The kind.
pub(in crate::escrow) const KIND: EscrowKind<Plan> = EscrowKind {
    name: "command",
    read,
};

/// A program that knows recovery keys, and how it is run.
#[derive(Debug, Clone)]
pub struct CommandSettings {
    /// The program's file.
    pub program: PathBuf,
    /// What it is started with, each as it is.
    pub arguments: Vec<String>,
    /// What it finds in its environment beside a path and a language.
    pub environment: Variables,
    /// How long one call may take.
    pub timeout: SignedDuration,
    /// How many may run at the same time.
    pub concurrency: usize,
    /// The name of a device that is known to have a key, by which the self check tells 'nothing
    /// escrowed' from 'nothing seen'.
    pub known_device: Option<String>,
    /// Whether its `shared_id` makes a device one with that of another backend. Whoever can have
    /// it say one can have keys of another's device come along with their own.
    pub trust_shared_ids: bool,
    /// What it reaches beside what belongs to every program; nobody knows where not set.
    pub reach: Option<Reach>,
}

/// What a program reaches.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Files and folders that it reads.
    pub read: Vec<PathBuf>,
    /// Folders in which it makes, changes and removes files.
    pub write: Vec<PathBuf>,
    /// TCP ports that it connects to.
    pub connect: Vec<u16>,
}

/// Variables of an environment. Their values do not show in `Debug` output: nobody can promise
/// that none is a secret.
#[derive(Clone, Default)]
pub struct Variables(pub Vec<(String, String)>);

impl Variables {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

impl EscrowPlan for CommandSettings {
    fn backend(
        &self,
        name: &BackendName,
        supplies: &Supplies,
    ) -> Result<Arc<dyn EscrowBackend>, Problems> {
        let clock = Arc::clone(&supplies.clock);
        let backend = CommandEscrow::new(name.clone(), self.clone(), clock);
        Ok(Arc::new(backend))
    }

    fn needs(&self) -> Needs {
        let reach = self.reach.clone().unwrap_or_default();
        let needs = Needs {
            read: reach.read.into_iter().collect(),
            write: reach.write.into_iter().collect(),
            execute: [self.program.clone()].into(),
            untold: self.reach.is_none(),
            ..Needs::default()
        };
        needs.connecting(reach.connect)
    }
}

fn read(section: &Section<'_>, _: &Surroundings<'_>) -> Planned<Plan> {
    let program = section.required("program", program);
    let arguments = section.list("arguments", text);
    let environment = section.list("environment", variable);
    for (at, (name, _)) in environment.iter().enumerate() {
        if environment[..at].iter().any(|(earlier, _)| earlier == name) {
            section.problem(
                "environment",
                format!("`environment` has {name} twice"),
                "Keep one of them.",
            );
        }
    }
    let seconds = SignedDuration::from_secs;
    let timeout = section.optional("timeout", duration(seconds(1)..=seconds(15)));
    let concurrency = section.optional("concurrency", number(1..=64));
    let known_device = section.optional("known_device", text);
    let trust_shared_ids = section.optional("trust_shared_ids", truth);
    let reach = Reach {
        read: section.list("may_read", whole_path),
        write: section.list("may_write", whole_path),
        connect: section.list("may_connect_to", port),
    };
    let told = ["may_read", "may_write", "may_connect_to"];
    let is_told = told.into_iter().any(|key| section.has(key));
    Planned::alone(program.map(|program| {
        Arc::new(CommandSettings {
            program,
            arguments,
            environment: Variables(environment),
            timeout: timeout.unwrap_or(seconds(10)),
            concurrency: concurrency.map_or(4, |most| most as usize),
            known_device,
            trust_shared_ids: trust_shared_ids.unwrap_or(false),
            reach: is_told.then_some(reach),
        }) as Plan
    }))
}

/// A program that nobody but its owner can exchange, as far as modes tell.
fn program(value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(text(value)?);
    if !path.is_absolute() {
        return Err(Wrong::new(
            "is not a whole path",
            "Write it from the root, such as \"/usr/local/lib/clavis/escrow\"; options go into \
             `arguments`.",
        ));
    }
    let about = look_at(&path)?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(Wrong::new(
            format!("names {}, which is no program", path.display()),
            format!(
                "Name an executable file; `chmod 755 {}` makes one of a script.",
                path.display()
            ),
        ));
    }
    if let Some(open) = open_to_everybody(&path).map_err(|error| unseen(&path, &error))? {
        return Err(Wrong::new(
            format!(
                "names {}, and everybody on this machine may change {}",
                path.display(),
                open.display()
            ),
            format!(
                "Run `chmod o-w {}`, and look at what the program is now.",
                open.display()
            ),
        ));
    }
    Ok(path)
}

fn look_at(path: &Path) -> Result<Metadata, Wrong> {
    fs::metadata(path).map_err(|error| unseen(path, &error))
}

fn unseen(path: &Path, error: &io::Error) -> Wrong {
    Wrong::new(
        format!(
            "names {}, which cannot be looked at: {error}",
            path.display()
        ),
        "Name the file that is meant, and let the user that Clavis runs as reach it.",
    )
}

/// What of a program's file and the folders above it, links followed and not, everybody may
/// change. In a folder with the sticky bit, nobody can exchange what is another's.
pub(super) fn open_to_everybody(program: &Path) -> io::Result<Option<PathBuf>> {
    let real = program.canonicalize()?;
    for path in program.ancestors().chain(real.ancestors()) {
        let about = fs::metadata(path)?;
        let mode = about.permissions().mode();
        let is_kept = about.is_dir() && mode & 0o1000 != 0;
        if mode & 0o002 != 0 && !is_kept {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// `NAME=value`.
fn variable(value: &DeValue<'_>) -> Result<(String, String), Wrong> {
    let text = text(value)?;
    let variable = text.split_once('=').filter(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    let (name, value) = variable.ok_or_else(|| {
        Wrong::new(
            "has an entry that is no variable",
            "Write each as \"NAME=value\", with a name of letters, digits and underscores.",
        )
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::symlink;

    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).expect("a value").into_inner()
    }

    fn judged(path: &Path) -> Result<PathBuf, String> {
        program(&value(&format!("\"{}\"", path.display()))).map_err(|wrong| wrong.what)
    }

    fn set_mode(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_is_a_whole_path_to_an_executable_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("escrow");
        assert!(judged(&path).unwrap_err().contains("cannot be looked at"));
        write(&path, "#!/bin/sh\n").unwrap();
        set_mode(&path, 0o644);
        assert!(judged(&path).unwrap_err().contains("is no program"));
        set_mode(&path, 0o755);
        assert_eq!(judged(&path).unwrap(), path);
        assert!(judged(folder.path()).unwrap_err().contains("is no program"));
        let relative = judged(Path::new("bin/escrow")).unwrap_err();
        assert_eq!(relative, "is not a whole path");
    }

    #[test]
    fn what_everybody_may_exchange_is_refused_also_further_up_and_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        create_dir(&below).unwrap();
        let path = below.join("escrow");
        write(&path, "#!/bin/sh\n").unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        for (mode, folder_mode, is_sound) in [
            (0o755, 0o755, true),
            (0o755, 0o1777, true),
            (0o757, 0o755, false),
            (0o755, 0o777, false),
        ] {
            set_mode(&path, mode);
            set_mode(&below, folder_mode);
            for path in [&path, &link] {
                let judged = judged(path);
                assert_eq!(judged.is_ok(), is_sound, "{mode:o} in {folder_mode:o}");
                assert!(is_sound || judged.unwrap_err().contains("everybody"));
            }
        }
    }

    #[test]
    fn variables_are_named_and_their_values_do_not_show() {
        let read = variable(&value("\"DB=/srv/a=b.db\"")).unwrap();
        assert_eq!(read, ("DB".to_owned(), "/srv/a=b.db".to_owned()));
        for wrong in ["\"DB\"", "\"=x\"", "\"1DB=x\"", "\"D B=x\"", "7"] {
            variable(&value(wrong)).unwrap_err();
        }
        assert_eq!(format!("{:?}", Variables(vec![read])), "[\"DB\"]");
    }
}
