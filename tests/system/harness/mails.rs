//! The mails that arrived, as the folder or the mail server keeps them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use mailparse::MailHeaderMap;

use super::until;

/// A folder of `.eml` files.
pub(crate) struct Mails {
    folder: PathBuf,
    /// Files that were there before: other stories write to the same server.
    before: HashSet<PathBuf>,
}

/// A mail that arrived.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// The whole mail as it came.
    pub(crate) raw: String,
}

impl Mails {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, before: HashSet::new() }
    }

    /// The mails of a server that others use as well.
    pub(crate) fn of_server(folder: PathBuf) -> Self {
        let before = files(&folder).into_iter().collect();
        Self { folder, before }
    }

    /// All mails so far, in the order of their files' names.
    pub(crate) fn all(&self) -> Vec<Letter> {
        let mut files = files(&self.folder);
        files.retain(|file| !self.before.contains(file));
        files.sort();
        files.iter().filter_map(|file| read(file)).collect()
    }

    /// Mails to this address whose subject begins like this and holds `about` (a reference).
    pub(crate) fn find(&self, to: &str, subject: &str, about: &str) -> Vec<Letter> {
        let wanted = |letter: &Letter| {
            letter.to.contains(to) && letter.subject.starts_with(subject) && letter.subject.contains(about)
        };
        self.all().into_iter().filter(wanted).collect()
    }

    /// Waits for the first such mail.
    pub(crate) fn wait(&self, to: &str, subject: &str, about: &str) -> Letter {
        until(&format!("the mail {subject:?} to {to}"), || self.find(to, subject, about).into_iter().next())
    }
}

impl Letter {
    /// The first address in the text that holds `/review/` or `/key/`, or the like.
    pub(crate) fn link(&self, path: &str) -> String {
        let found = self.text.split_whitespace().find(|word| word.starts_with("http") && word.contains(path));
        found.unwrap_or_else(|| panic!("no {path} in {}", self.subject)).to_owned()
    }

    /// The sign-in code: two groups of five.
    pub(crate) fn code(&self) -> String {
        let is_code = |word: &&str| {
            let groups: Vec<_> = word.split('-').collect();
            groups.len() == 2
                && groups.iter().all(|group| {
                    group.len() == 5 && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                })
        };
        self.text.split_whitespace().find(is_code).expect("a code").to_owned()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
}

fn read(file: &Path) -> Option<Letter> {
    let bytes = fs::read(file).ok()?;
    let mail = mailparse::parse_mail(&bytes).ok()?;
    let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
    let part = |kind: &str| {
        let part = mail.parts().find(|part| part.ctype.mimetype == kind);
        part.and_then(|part| part.get_body().ok()).unwrap_or_default()
    };
    Some(Letter {
        to: header("To"),
        subject: header("Subject"),
        message_id: header("Message-ID"),
        text: part("text/plain"),
        html: part("text/html"),
        raw: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
