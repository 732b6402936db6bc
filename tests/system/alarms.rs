//! Alarms: by mail and by a webhook.

use serde_json::json;

use crate::harness::{
    Cloud, Daemon, Installation, Kind, ask, fill_in, key_link, redeem, sign_in, split, until,
    withdraw,
};
use crate::people::{ask_for, send};
use crate::sign_in::visitor::Visitor;
use crate::webhook::Program;

/// Has alarms mailed and told to a program; with more in `[alarms]`, and these other sections.
fn watched(receiver: &Program, of_alarms: &str, more: &str) -> Installation {
    let clavis = Installation::new(&Kind::Files);
    let secret = Program::share(&clavis);
    let section = format!(
        "[alarms]\nmail = [\"secops@example.com\"]\nwebhook = \"{}\"\n\
         webhook_secret_file = \"{secret}\"\nwebhook_allow_private = true\n{of_alarms}\n{more}\n[support]",
        receiver.url
    );
    clavis.change("[support]", &section);
    clavis
}

#[test]
fn what_is_odd_is_told_by_mail_and_webhook_and_stands_in_the_log() {
    let receiver = Program::start();
    let clavis = watched(&receiver, "redemptions_an_hour = 1", "");
    let daemon = clavis.start();

    // Anna opens the link by which her manager was to decide.
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0042", "It wants a key since the update.");
    let review = clavis
        .mails
        .wait("martin.vogt", "Approval Needed", &reference);
    let page = anna.open(&review.link("/review/")).expect("a page");
    assert_eq!(page.status, 403);
    let told = receiver.next();
    assert_eq!(told["type"], "alarm.own_approval");
    assert_eq!(told["data"]["reference"], *reference);
    assert_eq!(told["data"]["by"]["mail"], "anna.berg@example.com");
    let letter = clavis
        .mails
        .wait("secops", "Alarm: Own Approval Tried", &reference);
    assert!(letter.text.contains("It was refused."), "{}", letter.text);
    withdraw(&anna, &reference);

    // Two key links are opened within an hour, and one is usual.
    for _ in 0..2 {
        let (_, link) = key_link(&clavis, &daemon, "LT-0042", "martin.vogt");
        assert_eq!(redeem(&link).status, 200);
    }
    let told = receiver.next();
    assert_eq!(told["type"], "alarm.many_redemptions");
    assert_eq!(told["data"]["count"], 2);
    clavis.mails.wait("secops", "Alarm: Many Keys Shown", "");

    until("the rows", || {
        let log = clavis.audit();
        let is_there = |name: &str| log.matches(&format!("\"name\":\"{name}\"")).count() == 2;
        (is_there("alarm.raised") && is_there("hook.told")).then_some(())
    });
    let daemon_log = daemon.log();
    assert!(!daemon_log.contains("anna.berg") && !daemon_log.contains("whsec_"));
    let checked = clavis.run(&["check"]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.contains("The webhook for alarms can be reached."),
        "{checked}"
    );
}

#[test]
fn a_used_link_many_devices_of_others_and_a_broken_glass_are_told() {
    let receiver = Program::start();
    let roles = "[roles]\nagents = [\"Help desk\", \"Security\"]\nbreak_glass = [\"Security\"]";
    let clavis = watched(&receiver, "devices_a_day_for_others = 1", roles);
    let daemon = clavis.start();
    let told = |name: &str, subject: &str| {
        let told = receiver.next();
        assert_eq!(told["type"], format!("alarm.{name}"));
        clavis.mails.wait("secops", subject, "");
        told["data"].clone()
    };

    // Somebody elsewhere opens a key link that has shown its keys.
    let (reference, link) = key_link(&clavis, &daemon, "LT-0042", "martin.vogt");
    assert_eq!(redeem(&link).status, 200);
    let (_, path) = split(&link);
    let mut stranger = Visitor::new(&daemon);
    stranger.send("X-Forwarded-For", &["198.51.100.9"]);
    assert_eq!(stranger.get(path).status, 410);
    let data = told("used_link_opened", "Alarm: Used Key Link Opened Again");
    assert_eq!(data["reference"], *reference);
    assert_eq!(data["beneficiary"]["mail"], "anna.berg@example.com");
    assert_eq!(data["opened_from"], "198.51.100.9");

    // An agent asks for the devices of two people, and one is usual.
    let paula = sign_in(&daemon, &clavis.mails, "paula.stein@example.com");
    let mut asked_for = ["anna.berg", "lena.huber"]
        .into_iter()
        .zip(["LT-0042", "LT-0017"]);
    let mut ask = || {
        let (person, device) = asked_for.next().expect("one more");
        let page = ask_for(&paula, person, device);
        assert_eq!(page.status, 200, "{}", page.html);
        page.path
    };
    let (at_desk, _) = (ask(), ask());
    let data = told("many_devices", "Alarm: One Person, Many Devices");
    assert_eq!(
        (&data["count"], &data["for_others"]),
        (&2.into(), &true.into())
    );
    assert_eq!(data["by"]["mail"], "paula.stein@example.com");

    // Another releases the keys of one of them without an approval.
    let simon = sign_in(&daemon, &clavis.mails, "simon.adler@example.com");
    let page = simon.open(&at_desk).expect("the request at the desk");
    let fields = [("reason", "The surgeon is waiting."), ("known", "yes")];
    let page = send(&simon, &page, &format!("{at_desk}/break-glass"), &fields);
    assert_eq!(page.status, 200, "{}", page.html);
    let data = told("glass_broken", "Alarm: Released Without Approval");
    assert_eq!(data["by"]["mail"], "simon.adler@example.com");
    assert_eq!(data["beneficiary"]["mail"], "anna.berg@example.com");
    assert_eq!(data["requester"]["mail"], "paula.stein@example.com");
}

#[test]
fn a_policy_that_cannot_be_carried_out_is_told() {
    let receiver = Program::start();
    let clavis = watched(&receiver, "", "");
    clavis.change("[approval]\n", "[approval]\nask = [\"group:Nowhere\"]\n");
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let page = fill_in(
        &anna,
        &[("asset", "LT-0042"), ("reason", "It wants a key.")],
    );
    assert_eq!(page.status, 503, "{}", page.html);
    let told = receiver.next();
    assert_eq!(told["type"], "alarm.policy_failed");
    assert!(told["data"].to_string().contains("Nowhere"), "{told}");
    let subject = "Alarm: Nobody Can Approve";
    let letter = clavis.mails.wait("secops", subject, "");
    assert!(letter.text.contains("Nowhere"), "{}", letter.text);
}

#[test]
fn a_permission_that_the_application_was_given_since_is_told() {
    let roles = [
        "BitlockerKey.Read.All",
        "BitlockerKey.ReadBasic.All",
        "Device.Read.All",
        "GroupMember.Read.All",
        "Mail.Send",
        "User.Read.All",
    ];
    let mut state = crate::cloud::tenant();
    state["roles"] = json!(roles);
    let cloud = Cloud::with(state);
    let clavis = Installation::new(&Kind::Cloud(cloud.clone()));
    clavis.change(
        "[support]",
        "[alarms]\nmail = [\"secops@example.com\"]\n[support]",
    );
    let (_daemon, clock) = Daemon::start_with_clock(&clavis.config());
    let seen = |count: usize| {
        until("a look at the rights", || {
            let log = clavis.audit();
            (log.matches("\"name\":\"rights.seen\"").count() >= count).then_some(log)
        })
    };
    clock.advance_minutes(1);
    // The keys' backend and the directory, with what there is.
    assert!(!seen(2).contains("alarm.raised"));

    let wider = [&roles[..], &["Directory.ReadWrite.All"]].concat();
    cloud.change(&json!({ "roles": wider }));
    cloud.expire_tokens();
    clock.advance(2);
    let log = until("an alarm", || {
        let log = clavis.audit();
        log.contains("alarm.raised").then_some(log)
    });
    assert!(log.contains("Directory.ReadWrite.All"), "{log}");
    let mails = cloud.wait("mails", 1);
    let told = serde_json::to_string(&mails).expect("JSON");
    assert!(told.contains("secops@example.com"), "{told}");
}
