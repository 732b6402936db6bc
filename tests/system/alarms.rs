//! Alarms: by mail and by a webhook.

use serde_json::json;

use crate::harness::{
    Cloud, Daemon, Installation, Kind, ask, key_link, redeem, sign_in, until, withdraw,
};
use crate::webhook::Program;

#[test]
fn what_is_odd_is_told_by_mail_and_webhook_and_stands_in_the_log() {
    let receiver = Program::start();
    let clavis = Installation::new(&Kind::Files);
    let secret = Program::share(&clavis);
    let section = format!(
        "[alarms]\nmail = [\"secops@example.com\"]\nwebhook = \"{}\"\n\
         webhook_secret_file = \"{secret}\"\nwebhook_allow_private = true\nredemptions_an_hour = 1\n[support]",
        receiver.url
    );
    clavis.change("[support]", &section);
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
