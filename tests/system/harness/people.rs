//! What people do: sign in, ask, decide, open a key link.

use super::{Daemon, Installation, Mails};
use crate::client::{Browser, Page};

/// Signs in with the code from the mail. The client's address is the person's own, so that one
/// story's sign-ins do not count against another's.
pub(crate) fn sign_in(daemon: &Daemon, mails: &Mails, address: &str) -> Browser {
    sign_in_at(&daemon.url, mails, address)
}

/// The same, at one of the addresses of a daemon that has several.
pub(crate) fn sign_in_at(url: &str, mails: &Mails, address: &str) -> Browser {
    let browser = Browser::new(url);
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
    reference_of(&fill_in(browser, &[("asset", asset), ("reason", reason)]))
}

/// Fills in the form for a request; gives the page that answers.
pub(crate) fn fill_in(browser: &Browser, fields: &[(&str, &str)]) -> Page {
    let form = browser.open("/requests/new").expect("the form");
    let typed = |name| fields.iter().any(|(field, _)| *field == name);
    let empty = ["asset", "reason", "key_id"]
        .into_iter()
        .filter(|name| !typed(*name));
    let all: Vec<_> = fields
        .iter()
        .copied()
        .chain(empty.map(|name| (name, "")))
        .collect();
    browser.submit(&form, &all).expect("an answer")
}

/// The reference of a request, from its page.
pub(crate) fn reference_of(page: &Page) -> String {
    let reference = page
        .path
        .strip_prefix("/requests/")
        .filter(|_| page.status == 200);
    reference
        .unwrap_or_else(|| panic!("no request: {} {}", page.status, page.html))
        .to_owned()
}

/// Anna asks for a device and the approver approves; gives the reference and the key link.
pub(crate) fn key_link(
    clavis: &Installation,
    daemon: &Daemon,
    asset: &str,
    approver: &str,
) -> (String, String) {
    let anna = sign_in(daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, asset, "It wants a key since the update.");
    let review = clavis.mails.wait(approver, "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    let letter = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference);
    (reference, letter.link("/key/"))
}

/// Takes a request back.
pub(crate) fn withdraw(browser: &Browser, reference: &str) -> Page {
    let page = browser
        .open(&format!("/requests/{reference}"))
        .expect("the request's page");
    let path = format!("{}/withdraw", page.path);
    browser
        .submit(&Page { path, ..page }, &[])
        .expect("an answer")
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
pub(crate) fn split(link: &str) -> (&str, &str) {
    let at = link["http://".len()..].find('/').expect("a path") + "http://".len();
    link.split_at(at)
}
