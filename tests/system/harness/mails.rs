//! The mails that arrived, as the folder or the mail server keeps them.

use std::fs;
use std::path::{Path, PathBuf};

use mailparse::MailHeaderMap;

use super::{Cloud, until};

/// The mails of one installation.
pub(crate) struct Mails {
    source: Source,
    /// Of mails from this address alone: other stories write to the same server.
    from: Option<String>,
}

enum Source {
    /// A folder of `.eml` files.
    Folder(PathBuf),
    /// What was sent through Graph.
    Cloud(Cloud),
}

/// A mail that arrived.
#[derive(Clone)]
pub(crate) struct Letter {
    from: String,
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
        Self {
            source: Source::Folder(folder),
            from: None,
        }
    }

    /// The mails that were sent through this tenant.
    pub(crate) fn of_cloud(cloud: Cloud) -> Self {
        Self {
            source: Source::Cloud(cloud),
            from: None,
        }
    }

    /// The mails from this address, in the folder of a server that others use as well.
    pub(crate) fn of_server(folder: PathBuf, from: String) -> Self {
        Self {
            source: Source::Folder(folder),
            from: Some(from),
        }
    }

    /// All mails so far, in the order of their files' names, which is that of their sending.
    pub(crate) fn all(&self) -> Vec<Letter> {
        let mails = match &self.source {
            Source::Folder(folder) => self.files(folder),
            Source::Cloud(cloud) => {
                let record = cloud.record("mails");
                let sent = record.as_array().expect("a list").iter();
                sent.filter_map(|mail| Some(mail["mime"].as_str()?.as_bytes().to_vec()))
                    .collect()
            }
        };
        let letters = mails.iter().filter_map(|mail| read(mail));
        letters
            .filter(|letter| {
                self.from
                    .as_ref()
                    .is_none_or(|from| letter.from.contains(from))
            })
            .collect()
    }

    fn files(&self, folder: &Path) -> Vec<Vec<u8>> {
        let mut files = files(folder);
        // The server writes this file once the mail is whole.
        files.retain(|file| self.from.is_none() || file.with_extension("json").exists());
        files.sort();
        files
            .iter()
            .filter_map(|file| fs::read(file).ok())
            .collect()
    }

    /// Mails to this address whose subject begins like this and holds `about` (a reference).
    pub(crate) fn find(&self, to: &str, subject: &str, about: &str) -> Vec<Letter> {
        let wanted = |letter: &Letter| {
            letter.to.contains(to)
                && letter.subject.starts_with(subject)
                && letter.subject.contains(about)
        };
        self.all().into_iter().filter(wanted).collect()
    }

    /// Waits for the first such mail.
    pub(crate) fn wait(&self, to: &str, subject: &str, about: &str) -> Letter {
        until(&format!("the mail {subject:?} to {to}"), || {
            self.find(to, subject, about).into_iter().next()
        })
    }
}

impl Letter {
    /// The first address in the text that holds `/review/` or `/key/`, or the like.
    pub(crate) fn link(&self, path: &str) -> String {
        let found = self
            .text
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains(path));
        found
            .unwrap_or_else(|| panic!("no {path} in {}", self.subject))
            .to_owned()
    }

    /// The sign-in code: two groups of five.
    pub(crate) fn code(&self) -> String {
        let is_code = |word: &&str| {
            let groups: Vec<_> = word.split('-').collect();
            groups.len() == 2
                && groups.iter().all(|group| {
                    group.len() == 5
                        && group
                            .bytes()
                            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                })
        };
        self.text
            .split_whitespace()
            .find(is_code)
            .expect("a code")
            .to_owned()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect()
}

fn read(bytes: &[u8]) -> Option<Letter> {
    let mail = mailparse::parse_mail(bytes).ok()?;
    let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
    let part = |kind: &str| {
        let part = mail.parts().find(|part| part.ctype.mimetype == kind);
        part.and_then(|part| part.get_body().ok())
            .unwrap_or_default()
    };
    Some(Letter {
        from: header("From"),
        to: header("To"),
        subject: header("Subject"),
        message_id: header("Message-ID"),
        text: part("text/plain"),
        html: part("text/html"),
        raw: String::from_utf8_lossy(bytes).into_owned(),
    })
}
