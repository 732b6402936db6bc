//! What the process is kept to: from its first moment on, and once it is known what it needs.
//!
//! What confines a thread is inherited by those that it makes, and by no others. So everything here
//! happens while there is one thread: before the runtime is built and the stores are opened.

mod needs;
mod report;
mod system;

use std::io;

use clavis_config::settings::{Hardening, HardeningMode, Measure};
use clavis_process::{Files, NotLocked, Ports, Programs, Unconfined};

use crate::assemble::Settings;
use needs::together;
use report::{Outcome, Report};

/// What holds for every command: no other process of this user reads its memory, and no core dump
/// is written of it.
pub(crate) struct Unread {
    memory: io::Result<()>,
    core_dumps: io::Result<()>,
}

/// What holds for the daemon before it reads anything.
pub(crate) struct Begun {
    unread: Unread,
    privileges: io::Result<()>,
    locked: Result<(), NotLocked>,
}

impl Unread {
    /// Asks for it.
    pub(crate) fn begin() -> Self {
        Self {
            memory: clavis_process::forbid_reading(),
            core_dumps: clavis_process::forbid_core_dumps(),
        }
    }
}

impl Begun {
    /// Asks for it.
    pub(crate) fn begin(unread: Unread) -> Self {
        Self {
            unread,
            privileges: clavis_process::forbid_new_privileges(),
            locked: clavis_process::lock_memory(),
        }
    }

    /// Confines the process to what the organisations of these settings need, and says in the log
    /// what came of it.
    ///
    /// # Errors
    /// What could not be done and is required, with what to do.
    pub(crate) fn confine<'s>(
        self,
        all: impl IntoIterator<Item = &'s Settings>,
    ) -> Result<(), report::Unhardened> {
        let all: Vec<&Settings> = all.into_iter().collect();
        // They agree on it, or else they are not served together.
        let wanted = all.first().map(|it| it.hardening.clone());
        let wanted = wanted.unwrap_or_default();
        let report = self.carry_out(&wanted, &all);
        report.log(&wanted);
        match wanted.mode {
            HardeningMode::Require => report.demand(),
            HardeningMode::Try | HardeningMode::Off => Ok(()),
        }
    }

    fn carry_out(self, wanted: &Hardening, all: &[&Settings]) -> Report {
        let is_wanted =
            |measure| wanted.mode != HardeningMode::Off && !wanted.without.contains(&measure);
        let needs = together(all);
        let starts_programs = !needs.execute.is_empty();
        let locked_memory = if is_wanted(Measure::LockedMemory) {
            Outcome::of_locking(self.locked)
        } else {
            let _ = clavis_process::unlock_memory();
            Outcome::LeftOut
        };
        // What a program reaches is not to be guessed: it would find out in a redemption.
        let reach = |measure, confine: &dyn Fn() -> Result<(), Unconfined>| match () {
            () if !is_wanted(measure) => Outcome::LeftOut,
            () if needs.untold => Outcome::Untold,
            () => Outcome::of(confine()),
        };
        let ports = reach(Measure::Ports, &|| {
            clavis_process::confine_ports(&Ports {
                connect: needs.connect.clone(),
                listen: needs.listen.clone(),
                abstract_sockets: system::is_notified_by_abstract_socket(),
            })
        });
        // After the ports, which are asked for with a look into `/proc`.
        let files = reach(Measure::Files, &|| {
            clavis_process::confine_files(&Files {
                read: needs.read.clone(),
                write: needs.write.clone(),
                execute: needs.execute.clone(),
            })
        });
        // Last, since it forbids the calls by which the others are asked for.
        let programs = if starts_programs {
            Programs::Some
        } else {
            Programs::None
        };
        let system_calls = if is_wanted(Measure::SystemCalls) {
            Outcome::of(clavis_process::confine_calls(programs))
        } else {
            Outcome::LeftOut
        };
        Report {
            memory: Outcome::of_call(self.unread.memory),
            core_dumps: Outcome::of_call(self.unread.core_dumps),
            privileges: Outcome::of_call(self.privileges),
            locked_memory,
            files,
            ports,
            system_calls,
        }
    }
}
