//! What the process can reach: files and TCP ports that are named, and no others (landlock(7)).
//!
//! The kernel ties these rules to the thread that asks for them and to those that it makes, and
//! programs that they start. So both functions want to be called before there is a second thread,
//! and refuse later. They count threads in `/proc`, which the files then may not be read from:
//! ports come first.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, PathFdError, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope, make_bitflags,
};

use crate::Unconfined;

/// Files and folders; a folder stands for all that is in it, now and later. One that is not there
/// is passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// To be read.
    pub read: BTreeSet<PathBuf>,
    /// To be read, changed, made and removed.
    pub write: BTreeSet<PathBuf>,
    /// To be read and started as programs.
    pub execute: BTreeSet<PathBuf>,
}

/// TCP ports, on whatever machine they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// To be connected to.
    pub connect: BTreeSet<u16>,
    /// To be bound to, for listening; 0 is any port that the kernel chooses.
    pub listen: BTreeSet<u16>,
    /// Whether abstract Unix sockets of other processes may be connected to.
    pub abstract_sockets: bool,
}

/// Reading, and listing folders.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// And all that becomes of regular files, folders and links in them.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir
        | Refer
});

const EXECUTE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});

/// Refuses every opening, change and start of a file that is not named, and signals to processes
/// that are not confined with this one. What is open already stays so, and what a file is called,
/// how long it is and whose can still be asked.
///
/// Rights that only newer kernels tell apart (truncating, since Linux 6.2; device controls, 6.10;
/// signals, 6.12) are refused where the kernel can.
pub fn confine_files(files: &Files) -> Result<(), Unconfined> {
    alone()?;
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|ruleset| ruleset.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(Unconfined::refused)?;
    let wanted = [
        (&files.read, READ),
        (&files.write, WRITE),
        (&files.execute, EXECUTE),
    ];
    let rules = wanted
        .into_iter()
        .flat_map(|(paths, access)| paths.iter().filter_map(move |path| rule(path, access)));
    let confined = ruleset
        .add_rules(rules)
        .map_err(Unconfined::refused)?
        .restrict_self()
        .map_err(Unconfined::refused)?;
    match confined.ruleset {
        RulesetStatus::NotEnforced => Err(Unconfined::NotOffered),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

/// Refuses connecting to, and binding to, TCP ports that are not named. Since Linux 6.7. Abstract
/// Unix sockets are refused where the kernel can (6.12).
///
/// The kernel looks at connect(2) and bind(2) of TCP alone: other protocols and calls that come to
/// the same ports are for [`confine_calls`](crate::confine_calls) to refuse, and listen(2) without
/// bind(2), on a port that the kernel chooses, is refused by nothing.
pub fn confine_ports(ports: &Ports) -> Result<(), Unconfined> {
    alone()?;
    let tcp = AccessNet::BindTcp | AccessNet::ConnectTcp;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(tcp)
        .map_err(|_| Unconfined::NotOffered)?
        .set_compatibility(CompatLevel::BestEffort);
    if !ports.abstract_sockets {
        ruleset = ruleset
            .scope(Scope::AbstractUnixSocket)
            .map_err(Unconfined::refused)?;
    }
    let connect = ports
        .connect
        .iter()
        .map(|port| (*port, AccessNet::ConnectTcp));
    let listen = ports.listen.iter().map(|port| (*port, AccessNet::BindTcp));
    let rules = connect
        .chain(listen)
        .map(|(port, access)| Ok::<_, RulesetError>(NetPort::new(port, access)));
    ruleset
        .create()
        .and_then(|ruleset| ruleset.add_rules(rules))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(Unconfined::refused)?;
    Ok(())
}

/// A file has no use for the rights of a folder, and the kernel refuses a rule that names them.
fn rule(path: &Path, access: BitFlags<AccessFs>) -> Option<Result<PathBeneath<PathFd>, RuleError>> {
    match PathFd::new(path) {
        Ok(opened) => {
            let is_folder = fs::metadata(path).is_ok_and(|about| about.is_dir());
            let of_files = AccessFs::from_file(ABI::V5);
            let access = if is_folder { access } else { access & of_files };
            Some(Ok(PathBeneath::new(opened, access)))
        }
        Err(PathFdError::OpenCall { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            None
        }
        Err(error) => Some(Err(RuleError::Path(error))),
    }
}

#[derive(Debug, thiserror::Error)]
enum RuleError {
    #[error(transparent)]
    Path(PathFdError),
    #[error(transparent)]
    Rules(#[from] RulesetError),
}

fn alone() -> Result<(), Unconfined> {
    let threads = fs::read_dir("/proc/self/task").map_err(Unconfined::refused)?;
    if threads.count() == 1 {
        Ok(())
    } else {
        Err(Unconfined::NotAlone)
    }
}
