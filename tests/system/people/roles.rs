//! Roles come from groups in the domain, through nested groups, and from what the provider says.

use serde_json::json;

use super::Company;
use crate::client::Browser;
use crate::harness::sign_in;

const ROLES: &str =
    "[roles]\nauditors = [\"GG-Audit\", \"claim:Clavis.Auditor\"]\nagents = [\"GG-ServiceDesk\"]";

/// Whether somebody has this page, and finds it in their navigation.
fn has(browser: &Browser, path: &str) -> bool {
    let status = browser.open(path).expect("a page").status;
    let home = browser.open("/").expect("a page");
    let is_shown = home.html.contains(&format!("<a href=\"{path}\">"));
    assert_eq!(is_shown, status == 200, "{path}");
    assert!(status == 200 || status == 404, "{status}");
    is_shown
}

#[test]
fn groups_of_the_domain_give_roles_and_so_does_a_claim_for_its_session() {
    let company = Company::with_provider("", ROLES, "roles_claim = \"roles\"");
    let daemon = company.start();
    let ruth = company.sign_in(&daemon, "ruth");
    assert!(has(&ruth, "/audit") && !has(&ruth, "/desk"));
    // In a group that is in the group.
    let dora = company.sign_in(&daemon, "dora");
    assert!(has(&dora, "/desk") && !has(&dora, "/audit"));

    let before = company.sign_in(&daemon, "pia");
    assert!(!has(&before, "/audit"));
    company.is_said_of("pia", &json!({ "roles": ["Other", "Clavis.Auditor"] }));
    let pia = company.sign_in(&daemon, "pia");
    assert!(has(&pia, "/audit") && !has(&pia, "/desk"));
    // The one session has it, and no other: not one from before, and not one by a code.
    assert!(!has(&before, "/audit"));
    let by_mail = sign_in(&daemon, &company.clavis.mails, "pia.panel@example.com");
    assert!(!has(&by_mail, "/audit"));
    // A claim by the name of a group is none of the group, nor the other way round.
    for claimed in ["GG-Audit", "GG-ServiceDesk", "claim:Clavis.Auditor"] {
        company.is_said_of("paul", &json!({ "roles": [claimed] }));
        let paul = company.sign_in(&daemon, "paul");
        assert!(!has(&paul, "/audit") && !has(&paul, "/desk"), "{claimed}");
    }
}

#[test]
fn what_is_claimed_under_another_name_gives_no_role() {
    let company = Company::with_provider("", ROLES, "roles_claim = \"groups\"");
    company.is_said_of(
        "pia",
        &json!({ "roles": ["Clavis.Auditor"], "groups": ["Other"] }),
    );
    let daemon = company.start();
    let pia = company.sign_in(&daemon, "pia");
    assert!(!has(&pia, "/audit"));
}
