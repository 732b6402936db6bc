//! Complete journeys a second: request, approval, key link, redemption, each step durable, mails
//! to a folder on the same disk.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::client::Browser;
use crate::harness::{Installation, Kind, sign_in};
use crate::spread;

const CLIENTS: usize = 32;
/// Several people a client, who ask in turn: one person asks for so many keys and then waits.
const PEOPLE: usize = 4 * CLIENTS;
/// So many sign in before the daemon starts anew: it limits those that come from one address.
const SIGN_INS: usize = 25;
const RUN: Duration = Duration::from_secs(10);

pub(crate) fn measure() {
    let clavis = Installation::new(&Kind::Files);
    write_company(clavis.path());
    let people: Vec<usize> = (0..PEOPLE).collect();
    let enter = |some: &[usize]| -> Vec<Browser> {
        let daemon = clavis.start();
        let mail = |n| format!("p{n}@example.com");
        let browsers = some.iter();
        browsers
            .map(|n| sign_in(&daemon, &clavis.mails, &mail(n)))
            .collect()
    };
    let browsers: Vec<Browser> = people.chunks(SIGN_INS).flat_map(enter).collect();
    let daemon = clavis.start();

    let cpu = daemon.cpu_seconds();
    let post = Post::default();
    let done = Arc::new(Mutex::new(Vec::new()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let stop = begun + RUN;
        let (post, folder) = (&post, clavis.path().join("mails"));
        let end = stop + Duration::from_secs(5);
        scope.spawn(move || post.deliver_while(&folder, || Instant::now() < end));
        for (n, people) in browsers.chunks(PEOPLE / CLIENTS).enumerate() {
            let (mails, done) = (post.mailbox(n), Arc::clone(&done));
            let manager = Browser::new(&daemon.url);
            scope.spawn(move || {
                for browser in people.iter().cycle() {
                    let begun = Instant::now();
                    if begun >= stop {
                        break;
                    }
                    journey(browser, &manager, n, &mails);
                    done.lock().unwrap().push(begun.elapsed());
                }
            });
        }
    });
    let times = done.lock().unwrap().clone();
    let seconds = RUN.as_secs_f64();
    let journeys = f64::from(u32::try_from(times.len()).unwrap());
    println!(
        "journeys: {:.0} a second at {CLIENTS} clients; each {}",
        journeys / seconds,
        spread(times)
    );
    println!(
        "the daemon's processor time for one: {:.2} ms",
        (daemon.cpu_seconds() - cpu) / journeys * 1000.0
    );
}

fn journey(browser: &Browser, manager: &Browser, n: usize, mails: &Receiver<String>) {
    let form = browser.open("/requests/new").unwrap();
    let page = browser
        .submit(
            &form,
            &[
                ("asset", &format!("PC-{n}")),
                ("reason", "locked"),
                ("key_id", ""),
            ],
        )
        .unwrap();
    assert_eq!(page.status, 200, "{}", page.html);
    let page = manager.open(&mails.recv().unwrap()).unwrap();
    let page = manager
        .submit(&page, &[("choice", "approve"), ("comment", "")])
        .unwrap();
    assert_eq!(page.status, 200, "{}", page.html);
    let page = browser.open(&mails.recv().unwrap()).unwrap();
    let page = browser.submit(&page, &[]).unwrap();
    assert!(
        page.status == 200 && page.html.contains("class=\"digits\""),
        "{}",
        page.html
    );
}

/// Hands the links in the mails of a folder to those who wait for them.
#[derive(Default)]
pub(super) struct Post(Mutex<HashMap<usize, Sender<String>>>);

impl Post {
    pub(super) fn mailbox(&self, n: usize) -> Receiver<String> {
        let (sender, receiver) = channel();
        self.0.lock().unwrap().insert(n, sender);
        receiver
    }

    /// Reads and removes mails as long as somebody may wait for one.
    pub(super) fn deliver_while(&self, folder: &Path, goes_on: impl Fn() -> bool) {
        while goes_on() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.extension().is_none_or(|extension| extension != "eml") {
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                fs::remove_file(&path).unwrap();
                if let Some((n, link)) = link_of(&bytes) {
                    // Nobody waits once the time is up.
                    let _ = self.0.lock().unwrap()[&n].send(link);
                }
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Whose link it is (by the device's number in the subject), and the link.
fn link_of(bytes: &[u8]) -> Option<(usize, String)> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]);
    let subject = head.lines().find(|line| line.starts_with("Subject: "))?;
    let wanted = ["Approval Needed", "Your Secure Key Link"]
        .iter()
        .any(|kind| subject.contains(kind));
    if !wanted {
        return None;
    }
    let n = subject
        .split("(PC-")
        .nth(1)?
        .split(')')
        .next()?
        .parse()
        .ok()?;
    let mail = mailparse::parse_mail(bytes).ok()?;
    let text = mail
        .parts()
        .find(|part| part.ctype.mimetype == "text/plain")?
        .get_body()
        .ok()?;
    let link = text
        .split_whitespace()
        .find(|word| word.contains("/review/") || word.contains("/key/"))?;
    Some((n, link.to_owned()))
}

/// People with a laptop each, and one manager for all.
pub(super) fn write_company(folder: &Path) {
    let mut people = "[[person]]\nid = \"boss\"\nname = \"Boss\"\nmail = \"boss@example.com\"\nlogins = [\"boss\"]\n".to_owned();
    people += "[[person]]\nid = \"simon\"\nname = \"Simon\"\nmail = \"simon.adler@example.com\"\nlogins = [\"simon\"]\n";
    let mut escrow = String::new();
    for n in 0..PEOPLE {
        write!(
            people,
            "[[person]]\nid = \"p{n}\"\nname = \"Person {n}\"\nmail = \"p{n}@example.com\"\nlogins = [\"p{n}\"]\nmanager = \"boss\"\n"
        )
        .unwrap();
    }
    for n in 0..CLIENTS {
        write!(
            escrow,
            "[[device]]\nid = \"d{n}\"\nname = \"PC-{n}\"\n\
             [[device.record]]\nkey_id = \"00000000-0000-4000-8000-{n:012X}\"\nvolume = \"00000000-0000-4000-9000-{n:012X}\"\n\
             kind = \"operating_system\"\nescrowed_at = \"2026-06-02T07:45:10Z\"\n\
             key = \"106458-145486-612051-391677-159665-076549-406472-493295\"\n"
        )
        .unwrap();
    }
    fs::write(folder.join("people.toml"), people).unwrap();
    fs::write(folder.join("escrow.toml"), escrow).unwrap();
}
