//! The controller or the mail server is away for a while: nothing is lost, and nothing is spent.

use crate::harness::{
    Expected, Installation, Kind, Proxy, ask, decide, key_link, redeem, sign_in, until,
};

const DIGITS: &str = "<code class=\"digits\"";

fn address_of_controller() -> String {
    let clavis = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    let folder = clavis.controller.expect("a domain");
    let address = std::fs::read_to_string(folder.join("address")).expect("its address");
    format!("{}:636", address.trim())
}

#[test]
fn a_key_link_is_not_spent_while_the_controller_is_away() {
    let proxy = Proxy::before(&address_of_controller());
    let clavis = Installation::new(&Kind::Servers {
        controllers: vec![proxy.address().to_string()],
    });
    let daemon = clavis.start();
    let (reference, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");

    proxy.cut();
    for failures in [1, 2] {
        let page = redeem(&link);
        assert_eq!(page.status, 503);
        assert_eq!(page.texts("<h1"), ["The key cannot be shown right now"]);
        assert!(
            page.html.contains("Your link has not been used."),
            "{}",
            page.html
        );
        assert!(page.texts(DIGITS).is_empty());
        assert_eq!(clavis.count("fetch_failed"), failures);
    }
    proxy.mend();
    let page = redeem(&link);
    assert_eq!(page.status, 200, "{}", page.html);
    assert_eq!(
        page.texts(DIGITS),
        Expected::of(&clavis).keys("LT-0001", ["lt-0001 os"])
    );
    clavis.mails.wait("anna.berg", "Key Retrieved", &reference);
    let history = clavis.history(&reference);
    let end = [
        "fetch_failed",
        "link_opened",
        "redemption_attempted",
        "redeemed",
    ];
    assert_eq!(history[history.len() - 4..], end);
}

#[test]
fn a_second_controller_takes_over_from_one_that_is_away() {
    let proxy = Proxy::before(&address_of_controller());
    let controllers = vec![proxy.address().to_string(), address_of_controller()];
    let clavis = Installation::new(&Kind::Servers { controllers });
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");

    proxy.cut();
    let page = redeem(&link);
    assert_eq!(page.status, 200, "{}", page.html);
    assert_eq!(clavis.count("fetch_failed"), 0);
}

#[test]
fn no_request_is_made_while_the_controller_is_away_and_the_page_says_so() {
    let proxy = Proxy::before(&address_of_controller());
    let clavis = Installation::new(&Kind::Servers {
        controllers: vec![proxy.address().to_string()],
    });
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");

    proxy.cut();
    let fields = [("asset", "LT-0001"), ("reason", "A reason to keep.")];
    let page = crate::harness::fill_in(&anna, &fields);
    assert_eq!(page.status, 503);
    assert!(
        page.html.contains("No request has been made."),
        "{}",
        page.html
    );
    assert!(
        page.html.contains("A reason to keep."),
        "what was typed is still there"
    );
    proxy.mend();
    ask(&anna, "LT-0001", "A reason to keep.");
}

#[test]
fn letters_wait_for_the_mail_server_and_come_once_each() {
    let clavis = Installation::new(&Kind::Servers {
        controllers: Vec::new(),
    });
    let config = std::fs::read_to_string(clavis.config()).expect("the configuration");
    let port = config
        .lines()
        .find_map(|line| line.strip_prefix("port = "))
        .expect("a port");
    let proxy = Proxy::before(&format!("127.0.0.1:{port}"));
    clavis.change(
        &format!("port = {port}"),
        &format!("port = {}", proxy.address().port()),
    );
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");

    proxy.cut();
    let reference = ask(&anna, "LT-0001", "It wants a key.");
    until("both letters were tried", || {
        (daemon.log().matches("it will be tried again").count() >= 2).then_some(())
    });
    assert!(clavis.mails.find("", "", &reference).is_empty());
    proxy.mend();
    clavis
        .mails
        .wait("anna.berg", "Request Confirmation", &reference);
    let review = clavis
        .mails
        .wait("bert.boss", "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    let link = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference);
    clavis
        .mails
        .wait("anna.berg", "Request Approved", &reference);

    // The daemon stops while letters wait, and another sends them.
    proxy.cut();
    assert_eq!(redeem(&link.link("/key/")).status, 200);
    assert_eq!(daemon.stop(), Some(0));
    proxy.mend();
    let daemon = clavis.start();
    for to in ["anna.berg", "bert.boss"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(clavis.letters_sent(&reference).len(), 6);
    assert_eq!(
        clavis.mails.find("", "", &reference).len(),
        6,
        "each letter came once"
    );
}
