//! Key links: asked for, approved, and taken out of the mails.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use super::sources::Source;
use crate::client::Browser;
use crate::harness::{Daemon, ask, decide, sign_in, split, until};

/// Requests that a person makes in a row.
const IN_A_ROW: usize = 35;

/// A key link whose button has not been pressed.
pub(super) struct Link {
    /// Its path.
    pub(super) path: String,
    /// The form of its page, as a browser sends it.
    pub(super) form: String,
    /// The key that it leads to.
    pub(super) key: String,
    /// The reference of its request.
    pub(super) reference: String,
}

/// People ask for so many drives, their manager approves, and the key links come.
pub(super) fn links(source: &Source, daemon: &Daemon, count: usize) -> Vec<Link> {
    let drives = source.drives.get(..count).expect("enough drives");
    let mut references = Vec::new();
    for drives in drives.chunks(IN_A_ROW) {
        let somebody = sign_in(daemon, &source.clavis.mails, &source.requester());
        for drive in drives {
            let reference = ask(&somebody, &drive.device, "It wants a key since the update.");
            references.push(reference);
        }
    }
    let mut post = Post {
        folder: source.clavis.path().join("mails"),
        links: HashMap::new(),
    };
    for drive in drives {
        let review = post.wait("/review/", &drive.device);
        let page = decide(&format!("{}{review}", daemon.url), "approve");
        assert_eq!(page.status, 200, "{}", page.html);
    }
    let browser = Browser::new(&daemon.url);
    let links = drives.iter().zip(references).map(|(drive, reference)| {
        let path = post.wait("/key/", &drive.device);
        let page = browser.open(&path).expect("the page of the link");
        assert_eq!(page.status, 200, "{}", page.html);
        let fields = page.hidden_fields().into_iter();
        let form: Vec<_> = fields
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Link {
            path,
            form: form.join("&"),
            key: drive.key.clone(),
            reference,
        }
    });
    links.collect()
}

/// The links in the mails of a folder. Each mail is read once, and gone then: there are hundreds.
struct Post {
    folder: PathBuf,
    /// Their paths, by how these begin and by the device that the mail is about.
    links: HashMap<(&'static str, String), String>,
}

impl Post {
    fn wait(&mut self, path: &'static str, device: &str) -> String {
        let wanted = (path, device.to_owned());
        until(&format!("the link {path} for {device}"), || {
            let found = self.links.remove(&wanted);
            if found.is_none() {
                self.collect();
            }
            found
        })
    }

    fn collect(&mut self) {
        for entry in fs::read_dir(&self.folder).expect("the mails") {
            let path = entry.expect("a mail").path();
            if path.extension().is_none_or(|extension| extension != "eml") {
                continue;
            }
            let mail = fs::read(&path).expect("a mail");
            fs::remove_file(&path).expect("a mail");
            self.links.extend(link_of(&mail));
        }
    }
}

/// The link in a mail, and the device in brackets at the end of its subject.
fn link_of(mail: &[u8]) -> Option<((&'static str, String), String)> {
    let mail = mailparse::parse_mail(mail).ok()?;
    let subject = mail
        .headers
        .iter()
        .find(|head| head.get_key() == "Subject")?;
    let subject = subject.get_value();
    let device = subject.split('(').nth(1)?.split(')').next()?;
    let text = mail
        .parts()
        .find(|part| part.ctype.mimetype == "text/plain")?;
    let text = text.get_body().ok()?;
    ["/review/", "/key/"].into_iter().find_map(|path| {
        let mut words = text.split_whitespace();
        let link = words.find(|word| word.starts_with("http") && word.contains(path))?;
        let link = link.replacen("https:", "http:", 1);
        let (_, whole) = split(&link);
        Some(((path, device.to_owned()), whole.to_owned()))
    })
}
