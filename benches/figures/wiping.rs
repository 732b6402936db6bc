//! What it costs that memory is wiped: redemptions a second by this binary and by one that leaves its
//! memory as it is, in turn. The keys lie in a file, so that nobody else's time is in the figures.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::journeys::{Post, write_company};
use crate::client::{Browser, Page};
use crate::harness::{Daemon, Installation, Kind, sign_in};

/// One address signs in only so often.
const PEOPLE: usize = 16;
const ROUNDS: usize = 7;
const REDEMPTIONS: usize = 320;
const CLIENTS: usize = 8;

pub(crate) fn measure() {
    let Some(stock) = std::env::var_os("CLAVIS_STOCK_BINARY").map(PathBuf::from) else {
        println!(
            "wiping: not measured; build with --features stock-memory and set CLAVIS_STOCK_BINARY to that binary"
        );
        return;
    };
    let wiping = Path::new(env!("CARGO_BIN_EXE_clavis"));
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.push(round(wiping));
        without.push(round(&stock));
    }
    let (with, without) = (Figures::of(with), Figures::of(without));
    println!("redemptions, memory wiped: {with}");
    println!("redemptions, memory as it is: {without}");
    println!(
        "memory wiped / as it is: {:.2} of the redemptions a second, {:.2} times the processor time",
        with.a_second / without.a_second,
        with.milliseconds / without.milliseconds,
    );
}

/// The medians of some rounds.
struct Figures {
    a_second: f64,
    milliseconds: f64,
}

impl Figures {
    fn of(rounds: Vec<(f64, f64)>) -> Self {
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (a_second, milliseconds) = rounds.into_iter().unzip();
        Self {
            a_second: median(a_second),
            milliseconds: median(milliseconds),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} a second at {CLIENTS} clients, {:.2} ms of processor time each (medians of {ROUNDS} rounds of {REDEMPTIONS})",
            self.a_second, self.milliseconds
        )
    }
}

/// Redemptions a second, and the daemon's processor time for one in milliseconds.
fn round(binary: &Path) -> (f64, f64) {
    let clavis = Installation::new(&Kind::Files);
    write_company(clavis.path());
    let daemon = Daemon::start_binary(binary, &clavis.config());
    let landings = Mutex::new(landings(&clavis, &daemon));
    let cpu = daemon.cpu_seconds();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let next = landings.lock().unwrap().pop();
                    let Some((browser, landing)) = next else {
                        return;
                    };
                    let page = browser.submit(&landing, &[]).unwrap();
                    assert!(page.html.contains("class=\"digits\""), "{}", page.html);
                }
            });
        }
    });
    let count = f64::from(u32::try_from(REDEMPTIONS).unwrap());
    let seconds = begun.elapsed().as_secs_f64();
    let milliseconds = (daemon.cpu_seconds() - cpu) * 1000.0 / count;
    (count / seconds, milliseconds)
}

/// Pages of key links whose buttons are still to be pressed, each in a browser of its own.
fn landings(clavis: &Installation, daemon: &Daemon) -> Vec<(Browser, Page)> {
    let browsers: Vec<Browser> = (0..PEOPLE)
        .map(|n| sign_in(daemon, &clavis.mails, &format!("p{n}@example.com")))
        .collect();
    let post = Post::default();
    let devices = REDEMPTIONS.div_ceil(PEOPLE);
    let mails: Vec<_> = (0..devices).map(|device| post.mailbox(device)).collect();
    let folder = clavis.path().join("mails");
    let mut landings = Vec::with_capacity(REDEMPTIONS);
    let stop = Mutex::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| post.deliver_while(&folder, || !*stop.lock().unwrap()));
        for n in 0..REDEMPTIONS {
            // One person has one open request for a device.
            let (asking, device) = (&browsers[n % PEOPLE], n / PEOPLE);
            let (name, mails) = (format!("PC-{device}"), &mails[device]);
            let form = asking.open("/requests/new").unwrap();
            let fields = [
                ("asset", name.as_str()),
                ("reason", "locked"),
                ("key_id", ""),
            ];
            let page = asking.submit(&form, &fields).unwrap();
            assert_eq!(page.status, 200, "{}", page.html);
            let review = mails.recv_timeout(Duration::from_mins(1)).unwrap();
            let approver = Browser::new(&daemon.url);
            let page = approver.open(&review).unwrap();
            let fields = [("choice", "approve"), ("comment", "")];
            let page = approver.submit(&page, &fields).unwrap();
            assert_eq!(page.status, 200, "{}", page.html);
            let link = mails.recv_timeout(Duration::from_mins(1)).unwrap();
            let browser = Browser::new(&daemon.url);
            let landing = browser.open(&link).unwrap();
            landings.push((browser, landing));
        }
        *stop.lock().unwrap() = true;
    });
    landings
}
