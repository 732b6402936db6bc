//! The desk: asking for somebody, helping a request on, and releasing without an approval.

use super::{Company, REASON, ask_for, press, request_page, send};
use crate::domain::DIGITS;
use crate::harness::{ask, fill_in, redeem, reference_of, withdraw};

const AGENTS: &str = "[roles]\nagents = [\"GG-ServiceDesk\"]";
const WHY: &str = "The surgeon is waiting for the pictures.";

fn with_glass() -> Company {
    let more = format!(
        "{AGENTS}\nbreak_glass = [\"GG-Break-Glass\"]\n[alarms]\nmail = [\"operators@example.com\"]"
    );
    let last_resort = "last_resort = \"GG-Last-Resort\"\nlast_resort_after = \"24h\"";
    Company::new(last_resort, &more)
}

#[test]
fn an_agent_asks_for_somebody_and_everybody_sees_who_asked() {
    let company = Company::new("", AGENTS);
    let daemon = company.start();
    let dora = company.sign_in(&daemon, "dora");
    let page = ask_for(&dora, "anna.berg", "LT-0001");
    let reference = page.path.trim_start_matches("/desk/requests/").to_owned();
    assert_eq!(page.status, 200, "{}", page.html);
    let mails = &company.clavis.mails;
    let letter = mails.wait("bert.boss", "Approval Needed", &reference);
    let said = "Dora Desk asks for the recovery key of LT-0001, for Anna Berg.";
    assert!(letter.text.contains(said), "{}", letter.text);
    let letter = mails.wait("anna.berg", "Request Confirmation", &reference);
    let said = "Dora Desk asked for the recovery key of LT-0001 for you.";
    assert!(letter.text.contains(said), "{}", letter.text);
    mails.wait("dora.desk", "Request Confirmation", &reference);

    company.approve(&daemon, "bert", "bert.boss", &reference);
    let old = company.key_link("anna.berg", &reference);
    // Sent anew, the old one ends.
    let at_desk = format!("/desk/requests/{reference}");
    let page = dora.open(&at_desk).expect("the request at the desk");
    assert!(!page.html.contains("/key/"));
    let page = press(&dora, &page, &format!("{at_desk}/link"));
    assert_eq!(page.status, 200, "{}", page.html);
    let new = crate::harness::until("a second link", || {
        let letters = mails.find("anna.berg", "Your Secure Key Link", &reference);
        let links = letters.iter().map(|letter| letter.link("/key/"));
        links.into_iter().find(|link| *link != old)
    });
    let anna = company.sign_in(&daemon, "anna");
    let ended = anna.open(&old).expect("a page");
    assert_eq!(ended.texts("<h1"), ["There is a newer key link"]);
    assert_eq!(redeem(&new).texts(DIGITS).len(), 1);
    for to in ["anna.berg", "dora.desk", "bert.boss"] {
        mails.wait(to, "Key Retrieved", &reference);
    }
    // The key link was for one address alone: that of the directory.
    let told = company.told("Your Secure Key Link", &reference);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|to| to.contains("anna.berg@example.com")));
    assert!(mails.find("eve@example.com", "", "").is_empty());
    let opened = &company.rows_of("request.opened")[0];
    assert_eq!(opened["actor"]["name"], "Dora Desk");
    assert_eq!(opened["event"]["for_whom"]["name"], "Anna Berg");
    // She reads it from both sides, and so does the one whom it is for.
    for browser in [&dora, &anna] {
        assert_eq!(request_page(browser, &reference).status, 200);
    }
}

#[test]
fn an_agent_calls_the_next_approvers_and_the_glass_is_broken_and_everybody_is_told() {
    let company = with_glass();
    let daemon = company.start();
    let dora = company.sign_in(&daemon, "dora");
    let page = ask_for(&dora, "anna.berg", "LT-0001");
    let reference = page.path.trim_start_matches("/desk/requests/").to_owned();
    let mails = &company.clavis.mails;
    mails.wait("bert.boss", "Approval Needed", &reference);
    let at_desk = format!("/desk/requests/{reference}");
    let page = press(&dora, &page, &format!("{at_desk}/call"));
    assert_eq!(page.status, 200, "{}", page.html);
    for to in ["clara.chief", "petra.panel"] {
        mails.wait(to, "Approval Needed", &reference);
    }
    let more = &company.rows_of("request.asked_more")[0];
    assert_eq!(more["actor"]["name"], "Dora Desk");

    // Somebody else than she does it, with a reason, and in full knowledge of what happens.
    let admin = company.sign_in(&daemon, "tilda-admin");
    let glass = |fields: &[(&str, &str)]| {
        let page = admin.open(&at_desk).expect("the request at the desk");
        send(&admin, &page, &format!("{at_desk}/break-glass"), fields)
    };
    for too_little in [
        &[("reason", ""), ("known", "yes")][..],
        &[("reason", WHY)],
        &[],
    ] {
        assert_eq!(glass(too_little).status, 422);
    }
    company.assert_nothing_released();
    let page = glass(&[("reason", WHY), ("known", "yes")]);
    assert_eq!((page.status, &page.path), (200, &at_desk), "{}", page.html);

    let subject = "Released Without Approval";
    for to in [
        "anna.berg",
        "dora.desk",
        "bert.boss",
        "clara.chief",
        "petra.panel",
    ] {
        mails.wait(to, subject, &reference);
    }
    let alarm = "Alarm: Released Without Approval";
    mails.wait("operators@example.com", alarm, &reference);
    let page = redeem(&company.key_link("anna.berg", &reference));
    assert_eq!(page.texts(DIGITS).len(), 1);
    mails.wait("dora.desk", "Key Retrieved", &reference);
    let broken = &company.rows_of("request.glass_broken")[0];
    assert_eq!(broken["actor"]["name"], "Tilda Twin (admin)");
    assert_eq!(company.clavis.count("approved"), 0);
    // Why it was done stands on the request's page, and in no mail.
    let anna = company.sign_in(&daemon, "anna");
    assert!(request_page(&anna, &reference).html.contains(WHY));
    let written = company.clavis.written(&daemon);
    let places = written.places_of(WHY);
    assert!(
        places.iter().all(|place| !place.starts_with("mail")),
        "{places:?}"
    );
    // It is done once.
    assert_eq!(glass(&[("reason", WHY), ("known", "yes")]).status, 409);
}

#[test]
fn the_glass_is_whole_where_nobody_has_the_role() {
    let company = Company::new("", AGENTS);
    let daemon = company.start();
    let dora = company.sign_in(&daemon, "dora");
    let page = ask_for(&dora, "anna.berg", "LT-0001");
    assert!(!page.html.contains("Release without approval"));
    let path = format!("{}/break-glass", page.path);
    let fields = [("reason", WHY), ("known", "yes")];
    assert_eq!(send(&dora, &page, &path, &fields).status, 404);
    company.assert_nothing_released();
    let check = company.clavis.run(&["check"]);
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn an_agent_stops_a_request_and_its_links_with_it() {
    let company = Company::new("", AGENTS);
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    company.approve(&daemon, "bert", "bert.boss", &reference);
    let link = company.key_link("anna.berg", &reference);
    let dora = company.sign_in(&daemon, "dora");
    let at_desk = format!("/desk/requests/{reference}");
    let page = dora.open(&at_desk).expect("the request at the desk");
    assert!(page.html.contains("Key link sent"), "{}", page.html);
    let page = press(&dora, &page, &format!("{at_desk}/stop"));
    assert_eq!(page.status, 200, "{}", page.html);
    let ended = anna.open(&link).expect("a page");
    assert_eq!(ended.texts("<h1"), ["The request was stopped"]);
    company
        .clavis
        .mails
        .wait("anna.berg", "Request Stopped", &reference);
    let revoked = &company.rows_of("request.revoked")[0];
    assert_eq!(revoked["actor"]["name"], "Dora Desk");
    // Nobody takes back what is over, and an agent takes back nothing of others'.
    let next = reference_of(&fill_in(&anna, &[("asset", "LT-0001"), ("reason", REASON)]));
    let page = dora.open("/desk").expect("the desk");
    let path = format!("/requests/{next}/withdraw");
    assert_eq!(send(&dora, &page, &path, &[]).status, 404);
    assert_eq!(withdraw(&anna, &next).status, 200);
}
