//! What came of it: one line of the log, and why a daemon does not start that requires all of it.

use std::fmt;
use std::io;

use clavis_broker::causes::with_causes;
use clavis_config::settings::{Hardening, HardeningMode};
use clavis_process::{NotLocked, Unconfined};

/// What came of each measure.
pub(super) struct Report {
    pub(super) memory: Outcome,
    pub(super) core_dumps: Outcome,
    pub(super) privileges: Outcome,
    pub(super) locked_memory: Outcome,
    pub(super) files: Outcome,
    pub(super) ports: Outcome,
    pub(super) system_calls: Outcome,
}

/// What came of one measure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It holds.
    Done,
    /// The settings leave it out.
    LeftOut,
    /// Nobody has said what a program of an escrow backend reaches.
    Untold,
    /// The kernel cannot.
    NotOffered,
    /// The kernel would not, and why.
    Refused(String),
}

/// The daemon does not start: these measures are required and do not hold.
#[derive(Debug, thiserror::Error)]
#[error("`mode = \"require\"` in [hardening], and this is not done:\n{}", .0.join("\n"))]
pub(crate) struct Unhardened(Vec<String>);

impl Outcome {
    pub(super) fn of(outcome: Result<(), Unconfined>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(Unconfined::NotOffered) => Self::NotOffered,
            Err(error) => Self::Refused(with_causes(&error)),
        }
    }

    pub(super) fn of_call(outcome: io::Result<()>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(error) => Self::Refused(error.to_string()),
        }
    }

    pub(super) fn of_locking(outcome: Result<(), NotLocked>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(error) => Self::Refused(error.to_string()),
        }
    }

    fn is_missing(&self) -> bool {
        !matches!(self, Self::Done | Self::LeftOut)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::LeftOut => f.write_str("left out"),
            Self::Untold => f.write_str("not told what a program reaches"),
            Self::NotOffered => f.write_str("not offered"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

impl Report {
    /// Says all of it in one line.
    pub(super) fn log(&self, wanted: &Hardening) {
        macro_rules! say {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    hardening.unreadable_memory = %self.memory,
                    hardening.no_core_dumps = %self.core_dumps,
                    hardening.no_new_privileges = %self.privileges,
                    hardening.locked_memory = %self.locked_memory,
                    hardening.files = %self.files,
                    hardening.ports = %self.ports,
                    hardening.system_calls = %self.system_calls,
                    $text
                )
            };
        }
        if wanted.mode == HardeningMode::Off {
            say!(warn, "the process is not hardened: [hardening] says so");
        } else if self.missing().next().is_some() {
            say!(
                warn,
                "the process is not hardened in every way: see Hardening in the handbook"
            );
        } else {
            say!(info, "the process is hardened");
        }
    }

    /// # Errors
    /// What is missing, with what to do.
    pub(super) fn demand(&self) -> Result<(), Unhardened> {
        let missing: Vec<_> = self.missing().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Unhardened(missing))
        }
    }

    /// What does not hold and is not left out, each with what to do.
    fn missing(&self) -> impl Iterator<Item = String> {
        const PROGRAM: &str = "Say in its [[escrow]] section what the program reaches: `may_read`, \
                               `may_write`, `may_connect_to`.";
        let remedy_of = |outcome: &Outcome, remedy: &'static str| match outcome {
            Outcome::Untold => PROGRAM,
            _ => remedy,
        };
        let always = "Run it on Linux itself, where this is never refused.";
        let all = [
            ("memory that others cannot read", &self.memory, always),
            ("no core dumps", &self.core_dumps, always),
            ("no new privileges", &self.privileges, always),
            (
                "memory kept out of swap",
                &self.locked_memory,
                "Give it the limit: `LimitMEMLOCK=infinity` in its unit. Or do without: add \
                 \"locked_memory\" to `without`, where this machine has no swap or an encrypted one.",
            ),
            (
                "no files but those that are needed",
                &self.files,
                "Use a kernel with Landlock (Linux 5.13 or later, with `landlock` in its list of \
                 `lsm=`), or add \"files\" to `without`.",
            ),
            (
                "no TCP ports but those that are needed",
                &self.ports,
                "Use a kernel with Landlock for ports (Linux 6.7 or later), or add \"ports\" to \
                 `without`.",
            ),
            (
                "no system calls but those that are needed",
                &self.system_calls,
                "Use a kernel with seccomp filters, or add \"system_calls\" to `without`.",
            ),
        ];
        let missing = all
            .into_iter()
            .filter(|(_, outcome, _)| outcome.is_missing());
        let lines = missing.map(move |(what, outcome, remedy)| {
            format!("  {what}: {outcome}\n    {}", remedy_of(outcome, remedy))
        });
        lines.collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(files: Outcome, ports: Outcome) -> Report {
        Report {
            memory: Outcome::Done,
            core_dumps: Outcome::Done,
            privileges: Outcome::Done,
            locked_memory: Outcome::LeftOut,
            files,
            ports,
            system_calls: Outcome::Done,
        }
    }

    #[test]
    fn what_is_left_out_is_not_missing() {
        report(Outcome::Done, Outcome::LeftOut).demand().unwrap();
    }

    #[test]
    fn all_that_is_missing_is_told_with_what_to_do() {
        let told = report(Outcome::Untold, Outcome::NotOffered).demand();
        let told = told.unwrap_err().to_string();
        for part in [
            "no files but those that are needed: not told what a program reaches",
            "`may_read`",
            "no TCP ports but those that are needed: not offered",
            "Linux 6.7",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("swap"), "{told}");
    }
}
