//! The desk and the outbox: what is found, asking for somebody, what is stuck, and the buttons.

use std::fs;
use std::process::Command;

use super::chromium::in_chromium;
use crate::harness::{Installation, Kind, ask, sign_in, until};

const JONAS: &str = "jonas.keller@example.com";
const PAULA: &str = "paula.stein@example.com";
const SEND: &str = "main form.card button.primary";
const ROLES: &str = "[alarms]
mail = [\"simon.adler@example.com\"]
[roles]
agents = [\"Night desk\", \"Help desk\"]
break_glass = [\"Night desk\", \"Help desk\"]
operators = [\"Night desk\"]
[server]";

#[test]
fn helping_somebody_at_the_desk() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change("[server]", ROLES);
        let daemon = clavis.start();
        browser.enter(&clavis, &daemon.url, JONAS).await;
        browser.press("nav a[href='/desk']", "/desk").await;
        browser.find("#q").await;
        browser.look("desk-empty").await;

        for (text, name) in [
            ("zz", "desk-nothing"),
            ("LT-0007", "desk-devices"),
            ("reuter", "desk-left"),
            ("hub", "desk-people"),
        ] {
            browser.type_into("#q", text).await;
            browser.press(SEND, "/desk/search").await;
            browser.find("#people").await;
            browser.look(name).await;
        }
        browser
            .open(&format!("{}/desk/people/tom.reuter", daemon.url))
            .await;
        browser.look("desk-person-left").await;
        browser
            .open(&format!("{}/desk/search?q=hub", daemon.url))
            .await;
        browser.press("#people + ul a", "/desk/people/").await;
        browser.look("desk-person").await;
        browser.press("a[href*='LT-0093']", "/desk/new").await;
        browser.look("desk-ask").await;
        browser.type_into("#key_id", "12").await;
        browser.press(SEND, "/desk/new").await;
        browser.find("#reason-wrong").await;
        browser.look("desk-ask-wrong").await;
        browser.type_into("#key_id", "").await;
        browser
            .type_into("#reason", "She calls from a train.")
            .await;
        browser.press(SEND, "/desk/requests/").await;
        browser.find(".badge.waiting").await;
        browser.look("desk-request").await;
        let reference = browser.text("h1 .ref").await;

        // Who asked does not release it.
        browser.enter(&clavis, &daemon.url, PAULA).await;
        let at_desk = format!("{}/desk/requests/{reference}", daemon.url);
        browser.open(&at_desk).await;
        let open = "details:last-of-type summary";
        browser.find(open).await.click().await.expect("it opens");
        browser.press("button.danger.primary", "/break-glass").await;
        browser.find("#known-wrong").await;
        browser.look("desk-glass-wrong").await;
        browser
            .type_into("#reason", "The surgeon needs the images now.")
            .await;
        let tick = browser.find("input[name=known]").await;
        tick.click().await.expect("it can be ticked");
        browser
            .press(
                "button.danger.primary",
                &format!("/desk/requests/{reference}"),
            )
            .await;
        browser.find(".badge.good").await;
        clavis
            .mails
            .wait("lena", "Your Secure Key Link", &reference);
        browser.open(&at_desk).await;
        browser.find("form[action$='/link']").await;
        browser.look("desk-request-released").await;
        browser.enter(&clavis, &daemon.url, JONAS).await;
        browser
            .open(&format!("{}/requests/{reference}", daemon.url))
            .await;
        browser.look("request-of-an-agent").await;
        browser.open(&at_desk).await;
        let stop = "form[action$='/stop'] button";
        browser
            .find("main > details summary")
            .await
            .click()
            .await
            .expect("it opens");
        assert!(clavis.run(&["revoke", &reference]).status.success());
        browser.press(stop, "/stop").await;
        browser.find(".notice.bad").await;
        browser.look("desk-refused").await;
    });
}

#[test]
fn what_is_stuck_and_the_outbox() {
    in_chromium(async |browser| {
        let clavis = Installation::new(&Kind::Files);
        clavis.change("[server]", ROLES);
        let daemon = clavis.start();
        browser.enter(&clavis, &daemon.url, JONAS).await;
        browser.open(&format!("{}/outbox", daemon.url)).await;
        browser.look("outbox-empty").await;
        let lena = sign_in(&daemon, &clavis.mails, "lena.huber@example.com");
        let first = ask(&lena, "LT-0093", super::ASKED);
        clavis.mails.wait("martin.vogt", "Approval Needed", &first);
        clavis.mails.wait("lena", "Request Confirmation", &first);

        // Nothing can be written into the folder of mails from now on.
        let mails = clavis.path().join("mails");
        fs::rename(&mails, clavis.path().join("kept")).expect("the folder");
        fs::write(&mails, "").expect("a file in its place");
        let second = ask(&lena, "LT-0001", super::ASKED);
        let url = format!("{}/desk", daemon.url);
        browser.open(&url).await;
        while !browser.text("main").await.contains("was not taken") {
            browser.open(&url).await;
        }
        let queue = browser.text("main").await;
        assert!(queue.contains("0 of them stuck"), "{queue}");
        give_up(&clavis, "request_confirmation");
        browser.open(&url).await;
        let queue = browser.text("main").await;
        assert!(queue.contains("1 of them stuck"), "{queue}");
        assert!(queue.find(&second) < queue.find(&first), "{queue}");
        browser.look("desk-queue").await;
        browser.press("a[href='/desk?stuck=1']", "/desk").await;
        browser.look("desk-stuck").await;
        browser
            .press(&format!("a[href$='{second}']"), "/desk/requests/")
            .await;
        browser.look("desk-request-stuck").await;

        browser.press("nav a[href='/outbox']", "/outbox").await;
        browser.find("input[name=job]").await;
        browser.look("outbox").await;
        fs::remove_file(&mails).expect("the file");
        fs::rename(clavis.path().join("kept"), &mails).expect("the folder");
        browser
            .press("form[action='/outbox/retry'] button", "/outbox")
            .await;
        clavis.mails.wait("lena", "Request Confirmation", &second);
    });
}

/// Gives up what has failed of a kind, as Clavis itself does after five days.
fn give_up(clavis: &Installation, letter: &str) {
    let script = "import sqlite3, sys\n\
        with sqlite3.connect(sys.argv[1], timeout=30) as store:\n\
        \x20   print(store.execute(\"UPDATE jobs SET due_at = NULL, held = NULL WHERE error IS NOT NULL \
        AND job LIKE ?\", ('%' + sys.argv[2] + '%',)).rowcount)";
    let path = clavis.path().join("clavis.db");
    until("a job is given up", || {
        let run = Command::new("python3")
            .args(["-c", script])
            .arg(&path)
            .arg(letter)
            .output()
            .expect("python3 runs");
        (run.stdout == b"1\n").then_some(())
    });
}
