//! People, managers, devices and groups.

use clavis_broker::people::{MailAddress, PersonId};
use clavis_broker::ports::{Directory, DirectoryError, GroupName, PersonQuery, Severity};
use clavis_broker::units::Unit;
use uuid::Uuid;

use crate::controller::{address, domain, expected, people};

fn by_mail(mail: &str) -> PersonQuery {
    PersonQuery::Mail(MailAddress::parse(mail).unwrap())
}

fn by_login(name: &str) -> PersonQuery {
    PersonQuery::Login(name.into())
}

#[tokio::test]
async fn a_person_is_found_by_id_mail_and_login() {
    let (people, expected) = (people(domain()), expected());
    let anna = &expected.people["anna"];
    for query in [
        PersonQuery::Id(PersonId(anna.id.clone())),
        PersonQuery::Id(PersonId(anna.id.to_uppercase())),
        by_mail("anna.berg@example.com"),
        by_mail("Anna.Berg@EXAMPLE.com"),
        by_login("anna"),
        by_login("ANNA@corp.example.com"),
    ] {
        let found = people.person(&query).await.unwrap().unwrap();
        assert_eq!(found.id.0, anna.id, "{query:?}");
        assert_eq!(found.name, anna.name);
        assert_eq!(found.mail.unwrap().as_str(), anna.mail.as_ref().unwrap());
        assert!(found.enabled);
    }
}

#[tokio::test]
async fn whoever_is_no_person_is_not_found() {
    let (people, expected) = (people(domain()), expected());
    for query in [
        by_mail("contact@example.com"),
        by_mail("nobody@example.com"),
        by_mail("*@example.com"),
        by_login("*"),
        by_login(")(cn=*"),
        by_login("LT-0001$"),
        by_login("approvers"),
        by_login(""),
        PersonQuery::Id(PersonId(Uuid::from_u128(7).to_string())),
        PersonQuery::Id(PersonId("anna".into())),
        PersonQuery::Id(PersonId(expected.devices["LT-0001"].id.clone())),
    ] {
        assert_eq!(people.person(&query).await.unwrap(), None, "{query:?}");
    }
}

#[tokio::test]
async fn two_accounts_with_one_mail_address_are_ambiguous() {
    let people = people(domain());
    let outcome = people.person(&by_mail("shared@example.com")).await;
    assert!(matches!(outcome, Err(DirectoryError::Ambiguous)));
    assert!(people.person(&by_login("share1")).await.unwrap().is_some());
}

#[tokio::test]
async fn accounts_that_are_disabled_or_expired_are_found_as_such() {
    let people = people(domain());
    for (login, enabled) in [("gone", false), ("past", false), ("bert", true)] {
        let found = people.person(&by_login(login)).await.unwrap().unwrap();
        assert_eq!(found.enabled, enabled, "{login}");
    }
    let nora = people.person(&by_login("nomail")).await.unwrap().unwrap();
    assert_eq!(nora.mail, None);
}

#[tokio::test]
async fn a_manager_is_followed_one_step_a_loop_too() {
    let (people, expected) = (people(domain()), expected());
    for (of, manager) in [
        ("anna", Some("bert")),
        ("bert", Some("chief")),
        ("chief", None),
        ("odd", Some("anna")),
        ("loop1", Some("loop2")),
        ("loop2", Some("loop1")),
        ("nomail", None),
    ] {
        let found = people.manager(&expected.person(of)).await.unwrap();
        let wanted = manager.map(|account| expected.person(account));
        assert_eq!(found.map(|person| person.id), wanted, "{of}");
    }
    let nobody = PersonId(Uuid::from_u128(7).to_string());
    assert_eq!(people.manager(&nobody).await.unwrap(), None);
}

#[tokio::test]
async fn devices_are_those_that_name_the_person_as_owner() {
    let (people, expected) = (people(domain()), expected());
    let devices = people.devices_of(&expected.person("anna")).await.unwrap();
    let ids: Vec<_> = devices.iter().map(|device| device.id.clone()).collect();
    assert_eq!(
        ids,
        ["LT-0001", "LT-0002"].map(|name| expected.device(name))
    );
    assert_eq!(devices[0].owners, [expected.person("anna").into()]);
    assert_eq!(
        people.devices_of(&expected.person("bert")).await.unwrap(),
        []
    );
    assert_eq!(people.devices_of(&PersonId("x".into())).await.unwrap(), []);
}

#[tokio::test]
async fn more_devices_than_fit_on_a_page_all_come() {
    let (people, expected) = (people(domain()), expected());
    let devices = people.devices_of(&expected.person("pool")).await.unwrap();
    assert!(expected.pool_devices > 1_000);
    assert_eq!(devices.len(), expected.pool_devices);
    assert!(devices.is_sorted_by(|a, b| a.name < b.name));
}

#[tokio::test]
async fn members_come_through_nested_groups_and_loops_of_groups() {
    let (people, expected) = (people(domain()), expected());
    let dn = format!(r"CN=Key (approvers)\, all,OU=Staff,{}", expected.base);
    for name in ["approvers", "Key (approvers), all", &dn] {
        let members = people
            .members(&GroupName(name.into()))
            .await
            .unwrap()
            .unwrap();
        let names: Vec<_> = members.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(
            names,
            ["Anna Berg", "Bert Boss", "Clara Chief", "Gerd Gone"]
        );
        let enabled: Vec<_> = members.iter().map(|person| person.enabled).collect();
        assert_eq!(enabled, [true, true, true, false]);
    }
    let empty = people.members(&GroupName("nobody".into())).await.unwrap();
    assert_eq!(empty.unwrap(), []);
    for name in ["*", "no such group", "anna", ""] {
        assert_eq!(
            people.members(&GroupName(name.into())).await.unwrap(),
            None,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_search_finds_people_by_the_beginnings_of_their_names_and_nothing_else() {
    let people = people(domain());
    for (text, names) in [
        ("ber", vec!["Anna Berg", "Bert Boss"]),
        ("anna ber", vec!["Anna Berg"]),
        ("BERG AN", vec!["Anna Berg"]),
        ("bert.b", vec!["Bert Boss"]),
        ("chief@corp", vec!["Clara Chief"]),
        ("gone", vec!["Gerd Gone"]),
        ("o'dd, å", vec!["O'Dd, Åsa (she+her)*"]),
        ("share", vec!["Shared One", "Shared Two"]),
        ("contact", vec![]),
        ("lt-0001", vec![]),
        ("approv", vec![]),
        ("erg", vec![]),
        ("=anna berg", vec![]),
    ] {
        let found = people.search(text, 50).await.unwrap();
        let found: Vec<_> = found.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(found, names, "{text}");
    }
}

#[tokio::test]
async fn people_lie_in_the_container_of_their_account() {
    let (people, expected) = (people(domain()), expected());
    let staff = Unit::parse(&format!("ou=staff, {}", expected.base)).unwrap();
    for account in ["anna", "odd"] {
        let query = PersonQuery::Id(expected.person(account));
        let found = people.person(&query).await.unwrap().unwrap();
        let unit = found.unit.expect("a unit");
        assert_eq!(unit, format!("OU=Staff,{}", expected.base), "{account}");
        assert!(staff.holds(&unit));
    }
}

#[tokio::test]
async fn the_primary_group_has_no_members_by_that() {
    let (people, expected) = (people(domain()), expected());
    let group = GroupName("Domain Users".into());
    assert_eq!(people.members(&group).await.unwrap(), Some(vec![]));
    let is_member = people.is_member(&expected.person("anna"), &group).await;
    assert_eq!(is_member.unwrap(), Some(false));
}

#[tokio::test]
async fn troubles_are_told_apart() {
    let mut wrong = domain();
    wrong.password = "wr0ng-password".to_owned().into();
    let outcome = people(wrong).person(&by_login("anna")).await;
    assert!(matches!(outcome, Err(DirectoryError::Denied(_))));
    let mut nowhere = domain();
    nowhere.controllers = clavis_config::settings::Controllers::Named(vec!["127.0.0.250".into()]);
    let outcome = people(nowhere).person(&by_login("anna")).await;
    assert!(matches!(outcome, Err(DirectoryError::Unavailable(_))));
}

#[tokio::test]
async fn the_check_says_what_works() {
    let findings = people(domain()).check().await;
    assert!(
        findings.iter().all(|f| f.severity == Severity::Ok),
        "{findings:#?}"
    );
    assert!(findings[0].what.contains(&address()), "{findings:#?}");
}
