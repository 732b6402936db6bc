//! What people do: sign in, ask, decide, open a key link.

use super::{Daemon, Mails};
use crate::client::{Browser, Page};

/// Signs in with the code from the mail. The client's address is the person's own, so that one
/// story's sign-ins do not count against another's.
pub(crate) fn sign_in(daemon: &Daemon, mails: &Mails, address: &str) -> Browser {
    let browser = Browser::new(&daemon.url);
    let before = mails.find(address, "Your Sign-In Code", "").len();
    let page = browser.open("/sign-in").expect("the sign-in page");
    let page = browser
        .submit(&page, &[("mail", address)])
        .expect("the code page");
    assert_eq!((page.status, page.path.as_str()), (200, "/sign-in/code"));
    let letter = super::until("the sign-in code", || {
        mails
            .find(address, "Your Sign-In Code", "")
            .into_iter()
            .nth(before)
    });
    let home = browser
        .submit(&page, &[("code", &letter.code())])
        .expect("the home page");
    assert_eq!(
        (home.status, home.path.as_str()),
        (200, "/"),
        "{}",
        home.texts("<h1").join(" ")
    );
    browser
}

/// Asks for the key of a device; gives the request's reference.
pub(crate) fn ask(browser: &Browser, asset: &str, reason: &str) -> String {
    let form = browser.open("/requests/new").expect("the form");
    let page = browser
        .submit(
            &form,
            &[("asset", asset), ("reason", reason), ("key_id", "")],
        )
        .expect("the request's page");
    let reference = page
        .path
        .strip_prefix("/requests/")
        .filter(|_| page.status == 200);
    reference
        .unwrap_or_else(|| panic!("no request: {} {}", page.status, page.html))
        .to_owned()
}

/// Opens a review link and presses `approve` or `decline`.
pub(crate) fn decide(link: &str, choice: &str) -> Page {
    let (base, path) = split(link);
    let browser = Browser::new(base);
    let page = browser.open(path).expect("the review page");
    assert_eq!(page.status, 200, "{}", page.texts("<h1").join(" "));
    browser
        .submit(&page, &[("choice", choice), ("comment", "")])
        .expect("the decision")
}

/// Opens a key link and presses its button.
pub(crate) fn redeem(link: &str) -> Page {
    let (base, path) = split(link);
    let browser = Browser::new(base);
    let page = browser.open(path).expect("the landing page");
    assert_eq!(page.status, 200, "{}", page.texts("<h1").join(" "));
    browser.submit(&page, &[]).expect("the key page")
}

/// `http://host:port` and the path.
fn split(link: &str) -> (&str, &str) {
    let at = link["http://".len()..].find('/').expect("a path") + "http://".len();
    link.split_at(at)
}
