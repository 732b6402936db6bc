//! How many connections the system allows this process: each takes a file handle.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Handles for everything but connections from browsers: the store, the log, connections to
/// directories, backends and mail servers.
const FOR_THE_REST: usize = 256;

/// How many files this process may have open.
#[derive(Clone, Copy)]
pub(crate) struct OpenFiles(Option<u64>);

impl OpenFiles {
    /// Raises the soft limit to the hard one (getrlimit(2)). A process that is confined may not.
    pub(crate) fn raise() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        Self(match setrlimit(Resource::Nofile, raised) {
            Ok(()) => raised.current,
            Err(_) => limit.current,
        })
    }

    /// How many of so many connections there is room for; the log says where it is not for all.
    pub(crate) fn room_for(self, wanted: usize) -> usize {
        let fitting = fitting(wanted, self.0);
        if fitting < wanted {
            tracing::warn!(
                connections = fitting,
                wanted,
                remedy = "raise LimitNOFILE= of the unit, or lower `connections` in [server]",
                "the limit of open files allows fewer connections than were asked for"
            );
        }
        fitting
    }
}

/// So many of them fit into this limit; there is always room for a few.
fn fitting(wanted: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
        return wanted;
    };
    wanted.min(limit.saturating_sub(FOR_THE_REST).max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_promised() {
        assert_eq!(fitting(10_000, None), 10_000);
        assert_eq!(fitting(10_000, Some(524_288)), 10_000);
        assert_eq!(fitting(10_000, Some(1024)), 768);
        assert_eq!(fitting(10_000, Some(10)), 16);
        assert_eq!(fitting(100, Some(1024)), 100);
    }
}
