//! The main job on a real domain and a real mail server.

use crate::harness::{Installation, Kind, ask, decide, redeem, sign_in};

#[test]
fn probe() {
    let clavis = Installation::new(&Kind::Servers { controllers: Vec::new() });
    let out = clavis.run(&["check"]);
    println!("{} {}", String::from_utf8_lossy(&out.stdout), out.status);
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let reference = ask(&anna, "LT-0002", "It wants a key since the update.");
    let review = clavis.mails.wait("bert.boss", "Approval Needed", &reference);
    assert_eq!(decide(&review.link("/review/"), "approve").status, 200);
    let letter = clavis.mails.wait("anna.berg", "Your Secure Key Link", &reference);
    let page = redeem(&letter.link("/key/"));
    println!("{:?}", page.texts("<code class=\"digits\""));
    println!("{:?}", page.texts("<span class=\"keyid\""));
    println!("{:?}", page.texts("<h2"));
    clavis.mails.wait("anna.berg", "Key Retrieved", &reference);
    for account in ["svc-plain", "svc-blind", "svc-wide", "svc-admin"] {
        clavis.change("svc-", "svc-");
        let c = std::fs::read_to_string(clavis.config()).unwrap();
        let now = c.split("bind_name = \"").nth(1).unwrap().split('@').next().unwrap().to_owned();
        clavis.change(&now, account);
        let out = clavis.run(&["check"]);
        println!("{account}: {} {}", String::from_utf8_lossy(&out.stdout), out.status);
    }
    println!("{}", clavis.audit());
    println!("{}", daemon.log());
}
