//! Who is asked, and what it takes until a key is released.

use super::{Company, REASON, answer, press, request_page, say};
use crate::client::Browser;
use crate::domain::DIGITS;
use crate::harness::{Expected, ask, fill_in, redeem, reference_of};

#[test]
fn the_manager_approves_signed_in_at_the_provider() {
    let company = Company::new("", "");
    let expected = Expected::of(&company.clavis);
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0002", REASON);
    let page = request_page(&anna, &reference);
    for said in ["Bert Boss", "your manager", "Has not answered"] {
        assert!(page.html.contains(said), "{said}: {}", page.html);
    }

    // The link alone shows nothing: it leads through the sign-in, and back.
    let link = company.review_link("bert.boss", &reference);
    let bert = Browser::new(&daemon.url);
    let page = bert.open(&link).expect("a page");
    assert_eq!((page.status, page.path.as_str()), (200, "/sign-in"));
    assert!(!page.html.contains("LT-0002") && !page.html.contains("Anna"));
    let page = company.go_on(&bert, &page, "bert");
    assert!(link.ends_with(&page.path), "{}", page.path);
    assert!(page.html.contains("Anna Berg asks for a recovery key"));
    assert_eq!(answer(&bert, &page, "approve").status, 200);

    let page = redeem(&company.key_link("anna.berg", &reference));
    let shown = ["lt-0002 newest", "lt-0002 unnamed", "lt-0002 data"];
    assert_eq!(page.texts(DIGITS), expected.keys("LT-0002", shown));
    // It was he, and not whoever had his link.
    let approved = &company.rows_of("request.approved")[0];
    assert_eq!(approved["actor"]["kind"], "person");
    assert_eq!(approved["actor"]["name"], "Bert Boss");
    assert_eq!(company.asked(&reference), ["Bert Boss"]);
}

#[test]
fn two_of_three_of_a_group_of_groups_must_say_yes_and_each_counts_once() {
    let company = Company::new("ask = [\"group:GG-Panel\"]\nneeded = 2", "");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let reference = ask(&anna, "LT-0001", REASON);
    let [pias, pauls, petras] = ["pia.panel", "paul.panel", "petra.panel"]
        .map(|mail| company.review_link(mail, &reference));

    let pia = company.sign_in(&daemon, "pia");
    let page = pia.open(&pias).expect("the review page");
    assert_eq!(answer(&pia, &page, "approve").status, 200);
    let again = answer(&pia, &page, "approve");
    assert_eq!(again.status, 409, "{}", again.html);
    assert!(again.html.contains("You have said yes already"));
    let page = request_page(&anna, &reference);
    assert!(
        page.html.contains("Pia Panel said yes so far."),
        "{}",
        page.html
    );
    company.assert_nothing_released();

    let paul = company.sign_in(&daemon, "paul");
    let petra = company.sign_in(&daemon, "petra");
    let late = petra.open(&petras).expect("the review page");
    assert_eq!(say(&paul, &pauls, "approve").status, 200);
    assert_eq!(
        redeem(&company.key_link("anna.berg", &reference)).status,
        200
    );
    // The third comes too late, whatever they say.
    assert_eq!(answer(&petra, &late, "decline").status, 409);
    let mut history = company.clavis.history(&reference);
    history.retain(|step| step != "review_opened");
    let steps = [
        "opened",
        "supported",
        "command_refused",
        "approved",
        "link_issued",
        "link_opened",
        "redemption_attempted",
        "redeemed",
        "command_refused",
    ];
    assert_eq!(history, steps);
    let votes = &company.rows_of("request.supported")[0]["event"];
    assert_eq!((&votes["votes"], &votes["needed"]), (&1.into(), &2.into()));
}

#[test]
fn a_group_that_is_unknown_or_empty_refuses_and_alarms_and_never_approves() {
    let faults = [
        ("ask = [\"group:GG-Nowhere\"]", "no group"),
        ("ask = [\"group:nobody\"]", "no members"),
        // It would be asked tomorrow, and is looked up today.
        (
            "last_resort = \"GG-Nowhere\"\nlast_resort_after = \"24h\"",
            "no group",
        ),
    ];
    for (approval, fault) in faults {
        let company = Company::new(approval, "[alarms]\nmail = [\"operators@example.com\"]");
        let daemon = company.start();
        let anna = company.sign_in(&daemon, "anna");
        for _ in 0..2 {
            let page = fill_in(&anna, &[("asset", "LT-0001"), ("reason", REASON)]);
            assert_eq!((page.status, &*page.path), (503, "/requests/new"));
            assert!(
                page.html
                    .contains("Nobody can approve your request for now")
            );
        }
        let letter = company.clavis.mails.wait(
            "operators@example.com",
            "Alarm: Nobody Can Approve",
            "everything else",
        );
        assert!(letter.text.contains(fault), "{}", letter.text);
        let refused = company.rows_of("request.refused");
        let why: Vec<_> = refused.iter().map(|row| &row["event"]["why"]).collect();
        assert_eq!(why, ["policy_fault"; 2]);
        assert_eq!(company.rows_of("policy.failed").len(), 2);
        assert_eq!(daemon.stop(), Some(0));
        // Each is in the log; the operators are told once.
        assert_eq!(company.clavis.mails.find("", "", "").len(), 1);
        assert_eq!(company.clavis.count("opened"), 0);
        let check = company.clavis.run(&["check"]);
        assert!(!check.status.success());
    }
}

#[test]
fn a_decision_after_a_decision_changes_nothing() {
    let company = Company::new("", "");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let bert = company.sign_in(&daemon, "bert");
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    let page = bert.open(&link).expect("the review page");
    assert_eq!(answer(&bert, &page, "approve").status, 200);
    for choice in ["decline", "approve"] {
        let late = answer(&bert, &page, choice);
        assert_eq!(late.status, 409, "{}", late.html);
        assert!(late.html.contains("Your answer does not count"));
    }
    let refused = company.rows_of("command.refused");
    let why: Vec<_> = refused.iter().map(|row| &row["event"]["why"]).collect();
    assert_eq!(why, ["already_decided"; 2]);
    assert_eq!(
        redeem(&company.key_link("anna.berg", &reference)).status,
        200
    );

    // Nor after what somebody else has done to the request.
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    let page = bert.open(&link).expect("the review page");
    let own = request_page(&anna, &reference);
    let path = format!("/requests/{reference}/withdraw");
    assert_eq!(press(&anna, &own, &path).status, 200);
    assert_eq!(answer(&bert, &page, "approve").status, 409);
    let last = company.rows_of("command.refused").pop().expect("a row");
    assert_eq!(last["event"]["why"], "closed");
    assert_eq!(last["actor"]["name"], "Bert Boss");
    assert_eq!(company.clavis.count("approved"), 1);
}

#[test]
fn who_asks_again_with_one_press_is_approved_anew() {
    let company = Company::new("", "");
    let daemon = company.start();
    let anna = company.sign_in(&daemon, "anna");
    let bert = company.sign_in(&daemon, "bert");
    let reference = ask(&anna, "LT-0001", REASON);
    let link = company.review_link("bert.boss", &reference);
    assert_eq!(say(&bert, &link, "decline").status, 200);

    let path = format!("/requests/{reference}/again");
    let page = press(&anna, &request_page(&anna, &reference), &path);
    let next = reference_of(&page);
    assert_ne!(next, reference);
    assert!(page.html.contains("LT-0001") && page.html.contains(REASON));
    assert!(page.html.contains("Waiting for approval"));
    // The decision that was is none of the new request.
    assert_eq!(
        bert.open(&link)
            .expect("a page")
            .texts("<span class=\"badge")[0],
        "Declined"
    );
    company.assert_nothing_released();
    // Pressing again makes no third one.
    let page = press(&anna, &request_page(&anna, &reference), &path);
    assert_eq!(page.status, 409);
    company.approve(&daemon, "bert", "bert.boss", &next);
    assert_eq!(redeem(&company.key_link("anna.berg", &next)).status, 200);
}
