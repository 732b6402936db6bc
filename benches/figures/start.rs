//! How soon the daemon answers, and how much memory it holds when idle.

use std::time::{Duration, Instant};

use crate::client::Browser;
use crate::harness::{Installation, Kind, until};
use crate::spread;

const STARTS: usize = 20;

pub(crate) fn measure() {
    let clavis = Installation::new(&Kind::Files);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let daemon = clavis.start();
        let ready = Browser::new(&daemon.url)
            .open("/readyz")
            .expect("an answer");
        assert_eq!(ready.status, 200);
        times.push(begun.elapsed());
    }
    println!("ready after start: {}", spread(times));

    let daemon = clavis.start();
    let browser = Browser::new(&daemon.url);
    for path in ["/sign-in", "/help", "/readyz"] {
        browser.open(path).expect("a page");
    }
    let begun = Instant::now();
    until("two idle seconds", || {
        (begun.elapsed() > Duration::from_secs(2)).then_some(())
    });
    println!(
        "resident when idle: {:.1} MB",
        daemon.resident_kib() / 1024.0
    );
}
