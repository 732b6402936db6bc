//! When the files of a certificate are to be read anew: once they have changed and are at rest, so
//! that a pair of which one half is written already is not taken for a broken one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use clavis_config::settings::CertificateFiles;

/// What tells a file from an earlier one of the same name, without reading it: device, inode, length,
/// and when it was changed last. Nothing where it is not there.
type Print = Option<(u64, u64, u64, i64, i64)>;

/// The prints of both files.
pub(super) type Prints = [Print; 2];

/// The prints of the files as they are now.
pub(super) fn print(files: &CertificateFiles) -> Prints {
    [&files.certificate, &files.private_key].map(|path| of(path))
}

fn of(path: &Path) -> Print {
    let about = fs::metadata(path).ok()?;
    Some((
        about.dev(),
        about.ino(),
        about.len(),
        about.ctime(),
        about.ctime_nsec(),
    ))
}

/// What was seen of the files.
pub(super) struct Looks {
    /// Those that are in use.
    read: Prints,
    /// Those that were seen last.
    seen: Prints,
    /// Those that were refused last, and why.
    refused: Option<(Prints, String)>,
}

impl Looks {
    /// After files with these prints were read.
    pub(super) fn new(read: Prints) -> Self {
        Self {
            read,
            seen: read,
            refused: None,
        }
    }

    /// Whether files that look like this now are to be read; says so at each look, until they
    /// [were used](Self::were_used).
    pub(super) fn are_to_be_read(&mut self, now: Prints) -> bool {
        let is_at_rest = self.seen == now;
        self.seen = now;
        is_at_rest && self.read != now
    }

    /// The files that were seen last are in use.
    pub(super) fn were_used(&mut self) {
        self.read = self.seen;
        self.refused = None;
    }

    /// The files that were seen last cannot be used, for this reason; gives whether that is new. What
    /// is wrong need not be in the files, so they are read again at the next look.
    pub(super) fn were_refused(&mut self, why: String) -> bool {
        let refused = Some((self.seen, why));
        let is_new = self.refused != refused;
        self.refused = refused;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_once_they_are_at_rest_and_until_they_are_used() {
        let print = |n| Some((1, n, 100, 5, 5));
        let mut looks = Looks::new([print(1), print(1)]);
        assert!(!looks.are_to_be_read([print(1), print(1)]));
        assert!(!looks.are_to_be_read([print(2), print(1)]), "just changed");
        assert!(
            !looks.are_to_be_read([print(2), print(2)]),
            "still changing"
        );
        assert!(looks.are_to_be_read([print(2), print(2)]));
        assert!(looks.were_refused("unreadable".to_owned()));
        assert!(looks.are_to_be_read([print(2), print(2)]), "not used yet");
        assert!(!looks.were_refused("unreadable".to_owned()), "said already");
        assert!(looks.were_refused("ended".to_owned()));
        assert!(looks.are_to_be_read([print(2), print(2)]));
        looks.were_used();
        assert!(!looks.are_to_be_read([print(2), print(2)]));
        assert!(!looks.are_to_be_read([None, print(2)]));
        assert!(looks.are_to_be_read([None, print(2)]), "it is gone");
        assert!(!looks.are_to_be_read([print(2), print(2)]));
        assert!(
            !looks.are_to_be_read([print(2), print(2)]),
            "back as it was"
        );
    }
}
