//! The main job, end to end.

use crate::harness::{Installation, Kind, ask, decide, redeem, sign_in};

#[test]
fn an_employee_gets_the_key_after_her_manager_approved() {
    let clavis = Installation::new(&Kind::Files);
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0042", "It wants a key since the update.");

    clavis
        .mails
        .wait("anna.berg", "Request Confirmation", &reference);
    let review = clavis
        .mails
        .wait("martin.vogt", "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    clavis
        .mails
        .wait("anna.berg", "Request Approved", &reference);

    let letter = clavis
        .mails
        .wait("anna.berg", "Your Secure Key Link", &reference);
    let page = redeem(&letter.link("/key/"));
    assert_eq!(page.status, 200);
    assert_eq!(
        page.texts("<code class=\"digits\""),
        [
            "106458-145486-612051-391677-159665-076549-406472-493295",
            "672826-470998-064779-087516-392392-072699-679272-339207",
        ]
    );
    for to in ["anna.berg", "martin.vogt"] {
        clavis.mails.wait(to, "Key Retrieved", &reference);
    }
    assert_eq!(daemon.stop(), Some(0));
}
