//! What goes wrong with a program. Nothing of its answer is in here but what it says of itself.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use clavis_broker::ports::EscrowFault;

use super::program::MAX_ANSWER;

/// A program did not do what was agreed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It could not be run at all.
    #[error("the program cannot be started")]
    NotStarted(#[source] io::Error),
    /// Its pipes or its end could not be followed.
    #[error("the program cannot be followed")]
    NotFollowed(#[source] io::Error),
    /// It took too long.
    #[error("the program did not end within {limit:?} and was ended")]
    Late {
        /// How long it had.
        limit: Duration,
        /// What it wrote to its standard error.
        aside: Vec<String>,
    },
    /// It said more than it may.
    #[error("the program wrote more than {} KiB and was ended", MAX_ANSWER / 1024)]
    TooMuch,
    /// It ended by itself, and not well.
    #[error("the program failed ({status})")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error.
        aside: Vec<String>,
    },
    /// Its answer is not as agreed.
    #[error("the program's answer is not as agreed: {0}")]
    Misfit(Misfit),
    /// It answered that it cannot.
    #[error("the program says that {}", said(*.fault, .message.as_deref()))]
    Said {
        /// What kind of trouble it has.
        fault: Said,
        /// What it says about it; nothing where keys were asked for.
        message: Option<String>,
    },
}

/// The kinds of trouble that a program may say it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said(pub(super) EscrowFault);

/// A place in an answer that is not as agreed. The place is made of names that were agreed and of
/// numbers; nothing of the answer itself is in here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub(super) struct Misfit {
    /// Where: `devices[2].name`.
    pub(super) place: String,
    /// What is wrong there.
    pub(super) what: String,
}

impl Trouble {
    pub(super) fn late(limit: Duration) -> Self {
        let aside = Vec::new();
        Self::Late { limit, aside }
    }

    pub(super) fn failed(status: ExitStatus) -> Self {
        let aside = Vec::new();
        Self::Failed { status, aside }
    }

    /// The same, with what the program wrote to its standard error where that may tell why.
    pub(super) fn beside(mut self, lines: Vec<String>) -> Self {
        if let Self::Late { aside, .. } | Self::Failed { aside, .. } = &mut self {
            *aside = lines;
        }
        self
    }

    /// What the program wrote to its standard error, where that may tell why.
    pub(super) fn aside(&self) -> &[String] {
        match self {
            Self::Late { aside, .. } | Self::Failed { aside, .. } => aside,
            _ => &[],
        }
    }

    /// What it means to those who asked.
    pub(super) fn fault(&self) -> EscrowFault {
        match self {
            Self::NotStarted(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                EscrowFault::Denied
            }
            Self::NotStarted(_)
            | Self::NotFollowed(_)
            | Self::Late { .. }
            | Self::Failed { .. } => EscrowFault::Unavailable,
            Self::TooMuch | Self::Misfit(_) => EscrowFault::Nonsense,
            Self::Said { fault, .. } => fault.0,
        }
    }
}

impl From<Misfit> for Trouble {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl Said {
    /// The kind of trouble that goes by this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "unavailable" => Some(Self(EscrowFault::Unavailable)),
            "denied" => Some(Self(EscrowFault::Denied)),
            "nonsense" => Some(Self(EscrowFault::Nonsense)),
            _ => None,
        }
    }
}

fn said(fault: Said, message: Option<&str>) -> String {
    let kind = match fault.0 {
        EscrowFault::Unavailable => "it cannot reach what it asks",
        EscrowFault::Denied => "it is refused access",
        EscrowFault::Nonsense => "it does not understand what it was told",
    };
    match message {
        Some(message) => format!("{kind}: {message}"),
        None => kind.to_owned(),
    }
}
