//! The machine's clock was ahead by weeks, and is set back.

use std::fs;

use crate::client::Browser;
use crate::harness::{Daemon, Installation, Kind, key_link, split, until};

#[test]
fn what_a_clock_that_was_ahead_has_dated_is_over_and_the_daemon_goes_on() {
    let clavis = Installation::new(&Kind::Files);
    clavis.sign_the_log();
    let (daemon, clock) = Daemon::start_with_clock(&clavis.config());
    clock.advance(40 * 24);
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", "martin.vogt");
    let checkpoints = || fs::read_dir(clavis.path().join("checkpoints")).map_or(0, Iterator::count);
    until("a checkpoint", || (checkpoints() == 1).then_some(()));

    clock.set_right();
    // The link says that it ends in forty days.
    let (base, path) = split(&link);
    let page = Browser::new(base).open(path).expect("a page");
    assert_eq!(page.status, 410, "{}", page.html);
    assert_eq!(page.texts("<h1"), ["This key link has expired"]);
    until("the record of it", || {
        (clavis.count("expired") == 1).then_some(())
    });
    clavis.mails.wait("martin.vogt", "Link Expired", &reference);
    // It is looked for them every five seconds, and the last one is of a time to come.
    until("another checkpoint", || (checkpoints() == 2).then_some(()));
    daemon.wait_for_log("as a clock that was ahead has set its time");
    assert_eq!(daemon.stop(), Some(0));
}
