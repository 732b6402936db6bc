//! A machine that Active Directory and Entra ID both know, with keys in each of them.

use serde_json::{Value, json};

use crate::domain::{DIGITS, REASON, approved};
use crate::harness::cloud::{device, digits, guid, recovery_key};
use crate::harness::{
    Cloud, Expected, Installation, Kind, Proxy, ask, fill_in, key_link, redeem, reference_of,
    sign_in, until,
};

/// A tenant to which the domain's computer LT-0001 was synchronised: the key that lies in the
/// domain lies there as well, and one of a data drive that lies there alone.
fn tenant(expected: &Expected) -> Cloud {
    let computer = expected.device("LT-0001");
    let [id] = expected.key_ids("LT-0001", ["lt-0001 os"]);
    let [key] = expected.keys("LT-0001", ["lt-0001 os"]);
    Cloud::with(json!({
        "devices": [device(computer, "LT-0001", 1)],
        "recoveryKeys": [
            recovery_key(&id, computer, "operatingSystemVolume", 20, &key),
            recovery_key(&guid(77), computer, "fixedDataVolume", 21, &digits(77)),
        ],
    }))
}

/// What is in the domain.
pub(crate) fn any_expected() -> Expected {
    Expected::of(&Installation::new(&Kind::Domain))
}

/// An installation over the domain and such a tenant.
pub(crate) fn hybrid(controllers: Vec<String>) -> (Installation, Cloud, Expected) {
    let expected = any_expected();
    let cloud = tenant(&expected);
    let clavis = Installation::new(&Kind::Hybrid {
        cloud: cloud.clone(),
        controllers,
    });
    (clavis, cloud, expected)
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// The row of the redemption in the log.
fn redeemed(clavis: &Installation) -> Value {
    let rows = clavis.rows().into_iter();
    let mut rows = rows.filter(|row| row["event"]["step"] == "redeemed");
    rows.next().expect("a redemption")["event"].clone()
}

#[test]
fn the_keys_of_both_are_shown_once_each_with_where_they_lie() {
    let (clavis, cloud, expected) = hybrid(Vec::new());
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");
    let page = redeem(&link);
    assert_eq!(page.status, 200, "{}", page.html);
    let [ours] = expected.keys("LT-0001", ["lt-0001 os"]);
    assert_eq!(sorted(page.texts(DIGITS)), sorted(vec![ours, digits(77)]));
    let kept = page.texts("<p class=\"quiet small kept\"");
    assert!(
        kept.iter().any(|it| it.contains("corp and cloud")),
        "{kept:?}"
    );
    assert!(
        kept.iter().any(|it| it.contains("Kept in cloud since")),
        "{kept:?}"
    );
    assert_eq!(
        sorted(strings(&redeemed(&clavis)["read_from"])),
        ["cloud", "corp"]
    );
    // The tenant's own audit log has the one that was read there, and no other.
    let read = cloud.record("audit");
    assert_eq!(read.as_array().expect("rows").len(), 1, "{read}");
    assert_eq!(read[0]["keyId"], guid(77).as_str());
    assert_eq!(daemon.stop(), Some(0));
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().expect("a list").iter();
    all.map(|it| it.as_str().expect("a text").to_owned())
        .collect()
}

#[test]
fn a_dns_name_leads_to_the_keys_in_the_tenant_as_well() {
    let (clavis, _, _) = hybrid(Vec::new());
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "lt-0001.corp.example.com", "bert.boss");
    assert_eq!(redeem(&link).texts(DIGITS).len(), 2);
}

#[test]
fn while_the_tenant_is_away_what_it_alone_holds_is_missing_and_the_link_is_not_spent() {
    let (clavis, cloud, _) = hybrid(Vec::new());
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");
    cloud.fail(&json!({ "match": "recoveryKeys", "hangUp": true }));
    let page = redeem(&link);
    assert_eq!(page.status, 503, "{}", page.html);
    assert!(
        page.html
            .contains("cloud, where the recovery keys lie, does not answer"),
        "{}",
        page.html
    );
    assert!(page.html.contains("Your link has not been used."));
    assert_eq!(clavis.count("fetch_failed"), 1);
    cloud.mend();
    assert_eq!(redeem(&link).texts(DIGITS).len(), 2);
}

#[test]
fn a_request_that_is_made_while_the_tenant_is_away_says_so_and_finds_its_keys_later() {
    let (clavis, cloud, expected) = hybrid(Vec::new());
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    cloud.fail(&json!({ "match": "/v1.0/", "status": 503 }));
    let page = fill_in(&anna, &[("asset", "LT-0001"), ("reason", REASON)]);
    let reference = reference_of(&page);
    assert!(
        page.html.contains("cloud did not answer then."),
        "{}",
        page.html
    );
    let opened = &clavis
        .rows()
        .into_iter()
        .find(|row| row["event"]["step"] == "opened");
    let opened = opened.as_ref().expect("a request in the log");
    assert_eq!(opened["event"]["unanswered"], json!(["cloud"]));

    let link = approved(&clavis, "anna.berg", "bert.boss", &reference);
    let page = redeem(&link);
    assert_eq!(page.texts(DIGITS), expected.keys("LT-0001", ["lt-0001 os"]));
    assert!(page.html.contains("did not answer"), "{}", page.html);
    assert_eq!(redeemed(&clavis)["unanswered"], json!(["cloud"]));

    // Once the tenant is back, the same request for the same machine brings the rest.
    let reference = ask(&anna, "LT-0001", REASON);
    let link = approved(&clavis, "anna.berg", "bert.boss", &reference);
    cloud.mend();
    assert_eq!(redeem(&link).texts(DIGITS).len(), 2);
}

#[test]
fn while_the_controller_is_away_a_key_that_both_hold_comes_from_the_tenant() {
    let folder = Installation::new(&Kind::Domain)
        .controller
        .expect("a domain");
    let address = std::fs::read_to_string(folder.join("address")).expect("its address");
    let controller = format!("{}:636", address.trim());
    let (escrow, people) = (Proxy::before(&controller), controller);
    let (clavis, _, expected) = hybrid(vec![escrow.address().to_string()]);
    // People come from a controller that stays: without them, nobody may be given a key.
    clavis.change(
        "[directory]\nkind = \"active_directory\"\ndomain = \"corp\"\n",
        "[directory]\nkind = \"active_directory\"\ndomain = \"people\"\nescrow = \"corp\"\n",
    );
    let text = std::fs::read_to_string(clavis.config()).expect("the configuration");
    let section = text.split("[active_directory.corp]").nth(1).expect("it");
    let section = section.split("[[escrow]]").next().expect("it");
    let section = section.replace(&escrow.address().to_string(), &people);
    clavis.change(
        "[entra.contoso]",
        &format!("[active_directory.people]{section}\n[entra.contoso]"),
    );
    let daemon = clavis.start();
    let (_, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");
    escrow.cut();
    let page = redeem(&link);
    assert_eq!(page.status, 200, "{}", page.html);
    let [ours] = expected.keys("LT-0001", ["lt-0001 os"]);
    assert_eq!(sorted(page.texts(DIGITS)), sorted(vec![ours, digits(77)]));
    assert!(page.html.contains("did not answer"), "{}", page.html);
    assert_eq!(redeemed(&clavis)["unanswered"], json!(["corp"]));
    assert_eq!(redeemed(&clavis)["read_from"], json!(["cloud", "cloud"]));
}

#[test]
fn a_machine_that_was_registered_anew_is_two_and_a_person_chooses() {
    let (clavis, cloud, expected) = hybrid(Vec::new());
    cloud.change(&json!({ "add": {
        "devices": [device(&guid(5), "LT-0001", 1)],
        "recoveryKeys": [recovery_key(&guid(78), &guid(5), "operatingSystemVolume", 1, &digits(78))],
    } }));
    let daemon = clavis.start();
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let page = fill_in(&anna, &[("asset", "LT-0001"), ("reason", REASON)]);
    assert_eq!(page.status, 422, "{}", page.html);
    assert_eq!(
        page.texts("<label class=\"choice\"").len(),
        2,
        "{}",
        page.html
    );
    let stale = format!("cloud/{}", guid(5));
    let page = anna.submit(
        &page,
        &[
            ("asset", "LT-0001"),
            ("reason", REASON),
            ("key_id", ""),
            ("device", &stale),
        ],
    );
    let reference = reference_of(&page.expect("an answer"));
    let link = approved(&clavis, "anna.berg", "bert.boss", &reference);
    assert_eq!(redeem(&link).texts(DIGITS), [digits(78)]);
    assert_ne!(expected.device("LT-0001"), guid(5));
}

#[test]
fn keys_that_were_shown_are_replaced_and_the_beneficiary_is_told() {
    let (clavis, cloud, expected) = hybrid(Vec::new());
    clavis.change(
        "[[escrow]]\nname = \"cloud\"",
        "[rotation]\nafter = \"0s\"\n[[escrow]]\nname = \"cloud\"",
    );
    let computer = expected.device("LT-0001");
    cloud.change(&json!({ "managedDevices": [{
        "id": guid(9), "azureADDeviceId": computer, "serialNumber": "5CG0001", "deviceName": "LT-0001",
    }] }));
    let daemon = clavis.start();
    // By the number on its sticker, which Intune knows.
    let (reference, link) = key_link(&clavis, &daemon, "5CG0001", "bert.boss");
    assert_eq!(redeem(&link).status, 200);
    let rotations = cloud.wait("rotations", 1);
    assert_eq!(rotations[0]["azureADDeviceId"], computer);
    clavis
        .mails
        .wait("anna.berg", "A New Key Is Being Made", &reference);
    assert_eq!(clavis.count("rotation_asked"), 1);

    // A machine that Intune no longer manages keeps its keys, and the log says so.
    cloud.change(&json!({ "managedDevices": [] }));
    let (reference, link) = key_link(&clavis, &daemon, "LT-0001", "bert.boss");
    assert_eq!(redeem(&link).status, 200);
    until("the log says that it is not managed", || {
        (clavis.count("rotation_impossible") == 1).then_some(())
    });
    let anna = sign_in(&daemon, &clavis.mails, "anna.berg@example.com");
    let page = anna
        .open(&format!("/requests/{reference}"))
        .expect("its page");
    assert!(
        page.html.contains("the device is not managed"),
        "{}",
        page.html
    );
    assert_eq!(cloud.record("rotations").as_array().map(Vec::len), Some(1));
}
