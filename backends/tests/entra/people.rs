//! People, managers and groups.

use clavis_backends::directory::EntraPeople;
use clavis_broker::devices::{BackendName, DeviceId};
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::ports::{Directory, DirectoryError, GroupName, PersonQuery, Severity};
use clavis_broker::testing::contract::directory::{self, DirectoryFacts};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::double::Place;

const PERMISSIONS: [&str; 3] = ["User.Read.All", "GroupMember.Read.All", "Device.Read.All"];

/// The object ID of number `n`.
fn id(n: u128) -> String {
    Uuid::from_u128(0xABCD << 112 | n).to_string()
}

fn person_id(n: u128) -> PersonId {
    PersonId(id(n))
}

fn people(place: &Place) -> EntraPeople {
    EntraPeople::new(place.tenant(), BackendName("cloud".into()))
}

fn user(n: u128, name: &str) -> Value {
    let mail = format!("{}@example.com", name.to_lowercase());
    json!({ "id": id(n), "displayName": name, "mail": mail })
}

/// These users, and what else there is.
async fn place(users: Value, rest: Value) -> Place {
    let mut state = rest;
    state["users"] = users;
    if state["roles"].is_null() {
        state["roles"] = json!(PERMISSIONS);
    }
    Place::with(state).await
}

fn by_mail(mail: &str) -> PersonQuery {
    PersonQuery::Mail(MailAddress::parse(mail).expect("an address"))
}

fn by_login(name: &str) -> PersonQuery {
    PersonQuery::Login(name.into())
}

fn names(people: &[Person]) -> Vec<&str> {
    people.iter().map(|person| person.name.as_str()).collect()
}

async fn members(place: &Place, group: &str) -> Result<Option<Vec<Person>>, DirectoryError> {
    people(place).members(&GroupName(group.into())).await
}

fn is_denied_for<T: std::fmt::Debug>(outcome: &Result<T, DirectoryError>, permission: &str) {
    let Err(DirectoryError::Denied(why)) = outcome else {
        panic!("denied for want of {permission}: {outcome:?}");
    };
    assert!(why.to_string().contains(permission), "{why}");
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_directory() {
    let (adele, bert, gone) = (1, 2, 3);
    let device = |n: u128, owners: Value, users: Value| {
        let name = format!("LT-000{n}");
        json!({
            "deviceId": id(n), "displayName": name, "registeredOwners": owners, "registeredUsers": users,
        })
    };
    let users = json!([
        {
            "id": id(adele).to_uppercase(), "displayName": "Adele Vance", "givenName": "Adele", "surname": "Vance",
            "mail": "Adele.V@example.com",
            "userPrincipalName": "adele@corp.example.com", "onPremisesSamAccountName": "adele",
            "manager": id(bert), "proxyAddresses": ["smtp:nobody-at-all@example.com"],
        },
        user(bert, "Bert"),
        { "id": id(gone), "displayName": "Gone", "accountEnabled": false },
        { "id": id(4), "mail": "shared@example.com", "userPrincipalName": "one@example.com" },
        { "id": id(5), "mail": "Shared@example.com", "userPrincipalName": "two@example.com" },
    ]);
    let place = place(
        users,
        json!({
            "devices": [
                device(12, json!([]), json!([id(adele)])),
                device(11, json!([id(adele)]), json!([id(adele)])),
            ],
            "groups": [
                { "id": id(21), "displayName": "Approvers", "members": [id(gone), id(22)] },
                { "id": id(22), "displayName": "Inner", "members": [id(adele), id(bert)] },
            ],
        }),
    )
    .await;
    let facts = DirectoryFacts {
        person: Person {
            id: person_id(adele),
            name: "Adele Vance".into(),
            mail: MailAddress::parse("adele.v@example.com").ok(),
            enabled: true,
            unit: None,
        },
        logins: vec!["adele@corp.example.com".into(), "adele".into()],
        devices: [11, 12]
            .map(|n| DeviceId {
                backend: BackendName("cloud".into()),
                native: id(n),
            })
            .into(),
        manager: person_id(bert),
        without_manager: person_id(bert),
        disabled: person_id(gone),
        shared: MailAddress::parse("shared@example.com").unwrap(),
        group: (
            GroupName("Approvers".into()),
            [adele, bert, gone].map(person_id).into(),
        ),
        nested: Some(GroupName("Inner".into())),
        outside: person_id(4),
        absent: person_id(99),
    };
    directory::whole_suite(&people(&place), &facts).await;
}

#[tokio::test]
async fn a_person_is_who_has_the_address_not_who_gets_its_mail_too() {
    let place = place(
        json!([
            { "id": id(1), "displayName": "Adele", "mail": "adele@example.com",
              "proxyAddresses": ["SMTP:adele@example.com", "smtp:desk@example.com"] },
            { "id": id(2), "displayName": "O'Neil", "mail": "o'neil@example.com" },
            { "id": id(3), "displayName": "Guest", "mail": "guest@partner.example",
              "userPrincipalName": "guest_partner.example#EXT#@example.com", "userType": "Guest" },
            { "id": id(4), "displayName": "Spoilt", "mail": "two words@example.com",
              "userPrincipalName": "spoilt@example.com" },
        ]),
        json!({}),
    )
    .await;
    let people = people(&place);
    assert_eq!(
        people.person(&by_mail("desk@example.com")).await.unwrap(),
        None
    );
    for (query, name) in [
        (by_mail("o'neil@example.com"), "O'Neil"),
        (by_mail("guest@partner.example"), "Guest"),
        (by_login("guest_partner.example#EXT#@example.com"), "Guest"),
        (PersonQuery::Id(PersonId(id(2).to_uppercase())), "O'Neil"),
    ] {
        let found = people.person(&query).await.unwrap().unwrap();
        assert_eq!(found.name, name);
        assert!(found.enabled);
    }
    let spoilt = people.person(&by_login("spoilt@example.com")).await;
    assert_eq!(spoilt.unwrap().unwrap().mail, None);
}

#[tokio::test]
async fn nobody_is_taken_for_somebody_else_where_a_filter_is_not_heeded() {
    let group =
        |n: u128, name: &str| json!({ "id": id(20 + n), "displayName": name, "members": [id(n)] });
    let adele = json!({
        "id": id(1), "displayName": "Adele", "mail": "adele@example.com",
        "userPrincipalName": "a@example.com", "onPremisesSamAccountName": "adele",
    });
    let state = json!({ "groups": [group(1, "Approvers"), group(2, "Others")] });
    let place = place(json!([adele, user(2, "Bert")]), state).await;
    let people = people(&place);
    let of = "/users\\?";
    for asking in [
        by_mail("Adele@example.com"),
        by_login("A@example.com"),
        by_login("ADELE"),
    ] {
        let everybody = json!([
            { "id": id(2), "displayName": "Bert", "mail": "bert@example.com",
              "userPrincipalName": "bert@example.com", "onPremisesSamAccountName": "bert" },
            adele,
        ]);
        place
            .faults(json!([{ "match": of, "status": 200, "body": { "value": everybody } }]))
            .await;
        let found = people.person(&asking).await.unwrap().unwrap();
        assert_eq!(found.name, "Adele", "{asking:?}");
        let body = json!({ "value": [everybody[0]] });
        place
            .faults(json!([{ "match": of, "status": 200, "body": body }]))
            .await;
        assert_eq!(people.person(&asking).await.unwrap(), None, "{asking:?}");
    }
    let all = json!([group(2, "Others"), group(1, "Approvers")]);
    place
        .faults(json!([{ "match": "/groups\\?", "status": 200, "body": { "value": all } }]))
        .await;
    let found = members(&place, "approvers").await.unwrap().unwrap();
    assert_eq!(names(&found), ["Adele"]);
}

#[tokio::test]
async fn names_of_active_directory_may_be_names_of_several() {
    let place = place(
        json!([
            { "mail": "anna@one.example", "onPremisesSamAccountName": "anna", "displayName": "A" },
            { "mail": "anna@two.example", "onPremisesSamAccountName": "ANNA", "displayName": "B" },
        ]),
        json!({}),
    )
    .await;
    let outcome = people(&place).person(&by_login("anna")).await;
    assert!(
        matches!(outcome, Err(DirectoryError::Ambiguous)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_names_nobody_is_not_asked_about() {
    let place = place(json!([user(1, "Adele")]), json!({})).await;
    let people = people(&place);
    for query in [
        by_login(""),
        by_login(" "),
        PersonQuery::Id(PersonId("adele@example.com".into())),
        PersonQuery::Id(PersonId("..".into())),
    ] {
        assert_eq!(people.person(&query).await.unwrap(), None, "{query:?}");
    }
    let of = PersonId("adele@example.com".into());
    assert_eq!(people.manager(&of).await.unwrap(), None);
    assert_eq!(people.devices_of(&of).await.unwrap(), []);
    assert_eq!(place.count("graphCalls").await, 0);
}

#[tokio::test]
async fn a_manager_who_is_a_contact_is_none_and_one_who_is_gone_is_told_as_such() {
    let managed = |n: u128, by: u128| json!({ "id": id(n), "displayName": "X", "manager": id(by) });
    let state = json!({
        "contacts": [{ "id": id(9), "displayName": "Carl", "mail": "carl@example.org" }],
    });
    let users = json!([
        managed(1, 9),
        managed(2, 3),
        { "id": id(3), "displayName": "Gone", "accountEnabled": false },
    ]);
    let place = place(users, state).await;
    for roles in [json!(PERMISSIONS), json!(["Directory.Read.All"])] {
        place.change(json!({ "roles": roles })).await;
        let people = people(&place);
        assert_eq!(people.manager(&person_id(1)).await.unwrap(), None);
        let gone = people.manager(&person_id(2)).await.unwrap().unwrap();
        assert_eq!((gone.name.as_str(), gone.enabled), ("Gone", false));
    }
}

#[tokio::test]
async fn members_come_through_groups_and_pages_people_alone_and_once() {
    let users: Vec<_> = (1..=7).map(|n| user(n, &format!("Person{n}"))).collect();
    let state = json!({
        "pageSize": 2,
        "devices": [{ "id": id(41), "displayName": "PC-1" }],
        "contacts": [{ "id": id(42), "displayName": "Carl" }],
        "groups": [
            { "id": id(21), "displayName": "Outer", "members": [id(22), id(41), id(42), id(7)] },
            { "id": id(22), "displayName": "Inner", "members": [id(23), id(3), id(1), id(2)] },
            { "id": id(23), "displayName": "Innermost", "members": [id(21), id(4), id(5), id(6), id(1)] },
            { "id": id(24), "displayName": "Empty" },
        ],
    });
    let place = place(json!(users), state).await;
    for group in ["Outer", "INNERMOST", &id(21), &id(21).to_uppercase()] {
        let found = members(&place, group).await.unwrap().unwrap();
        let all: Vec<_> = (1..=7).map(|n| format!("Person{n}")).collect();
        assert_eq!(names(&found), all, "{group}");
        assert!(found.iter().all(|person| person.mail.is_some()));
    }
    assert_eq!(members(&place, "Empty").await.unwrap(), Some(vec![]));
    for nobody in ["", " ", "Nobody", &id(99), &id(1)] {
        assert_eq!(members(&place, nobody).await.unwrap(), None, "{nobody:?}");
    }
}

#[tokio::test]
async fn a_name_of_two_groups_is_ambiguous_and_an_id_is_not() {
    let state = json!({
        "groups": [
            { "id": id(21), "displayName": "Approvers", "members": [id(1)] },
            { "id": id(22), "displayName": "approvers", "members": [id(2)] },
            // Everybody may give a group any name.
            { "id": id(23), "displayName": id(21), "members": [id(2)] },
        ],
    });
    let place = place(json!([user(1, "Adele"), user(2, "Bert")]), state).await;
    let outcome = members(&place, "Approvers").await;
    assert!(
        matches!(outcome, Err(DirectoryError::Ambiguous)),
        "{outcome:?}"
    );
    let found = members(&place, &id(21)).await.unwrap().unwrap();
    assert_eq!(names(&found), ["Adele"]);
    place
        .change(json!({ "remove": { "groups": [id(21)] } }))
        .await;
    assert_eq!(members(&place, &id(21)).await.unwrap(), None);
}

#[tokio::test]
async fn missing_permissions_are_named_and_never_an_empty_answer() {
    let state = json!({
        "groups": [{ "id": id(21), "displayName": "Approvers", "members": [id(1)] }],
        "devices": [{ "displayName": "PC-1", "registeredOwners": [id(1)] }],
    });
    let place = place(json!([user(1, "Adele")]), state).await;
    let without = async |permission: &str| {
        let roles: Vec<_> = (PERMISSIONS.iter().filter(|it| **it != permission)).collect();
        place.change(json!({ "roles": roles })).await;
        people(&place)
    };
    let people = without("User.Read.All").await;
    let adele = person_id(1);
    for query in [
        PersonQuery::Id(adele.clone()),
        by_mail("adele@example.com"),
        by_login("adele@example.com"),
        by_login("adele"),
    ] {
        is_denied_for(&people.person(&query).await, "User.Read.All");
    }
    is_denied_for(&people.manager(&adele).await, "User.Read.All");
    is_denied_for(&people.search("adele", 5).await, "User.Read.All");
    let approvers = GroupName("Approvers".into());
    is_denied_for(&people.is_member(&adele, &approvers).await, "User.Read.All");
    is_denied_for(&people.devices_of(&adele).await, "User.Read.All");
    is_denied_for(&members(&place, "Approvers").await, "User.Read.All");
    let findings = people.check().await;
    let said = findings.iter().find(|it| it.severity == Severity::Failure);
    assert!(said.unwrap().what.contains("User.Read.All"), "{findings:?}");

    let people = without("GroupMember.Read.All").await;
    is_denied_for(&members(&place, "Approvers").await, "GroupMember.Read.All");
    let is_member = people.is_member(&adele, &approvers).await;
    is_denied_for(&is_member, "GroupMember.Read.All");
    let people = without("Device.Read.All").await;
    is_denied_for(&people.devices_of(&adele).await, "Device.Read.All");
}

#[tokio::test]
async fn a_search_asks_once_for_as_many_as_are_wanted() {
    let mut users: Vec<_> = (1..=60).map(|n| user(n, &format!("Anna{n:02}"))).collect();
    users.push(
        json!({ "id": id(61), "displayName": "Berg, Ines", "givenName": "Ines",
        "surname": "O'Berg", "userPrincipalName": "x1@example.com", "accountEnabled": false }),
    );
    let place = place(json!(users), json!({ "pageSize": 20 })).await;
    let people = people(&place);
    for text in ["", "a", " a ", "a\u{0}b"] {
        assert_eq!(people.search(text, 50).await.unwrap(), [], "{text:?}");
    }
    assert_eq!(people.search("anna", 0).await.unwrap(), []);
    assert_eq!(place.count("graphCalls").await, 0);

    let found = people.search("ANNA", 3).await.unwrap();
    assert_eq!(names(&found), ["Anna01", "Anna02", "Anna03"]);
    let found = people.search("anna", 50).await.unwrap();
    assert_eq!(found.len(), 20, "no page is turned");
    assert_eq!(place.count("graphCalls").await, 2);
    for text in ["ber", "ines", "o'b", "x1@"] {
        let found = people.search(text, 50).await.unwrap();
        assert_eq!(names(&found), ["Berg, Ines"], "{text}");
        assert!(!found[0].enabled);
    }

    let others = json!({ "value": [user(2, "Bert"), user(1, "Anna01")] });
    place
        .faults(json!([{ "match": "/users\\?", "status": 200, "body": others }]))
        .await;
    let found = people.search("anna", 50).await.unwrap();
    assert_eq!(names(&found), ["Anna01"], "who does not fit is left out");
}

#[tokio::test]
async fn who_is_in_a_group_is_asked_of_that_person_alone() {
    let state = json!({
        "groups": [
            { "id": id(21), "displayName": "Outer", "members": [id(22)] },
            { "id": id(22), "displayName": "Inner", "members": [id(1)] },
        ],
    });
    let place = place(json!([user(1, "Adele"), user(2, "Bert")]), state).await;
    let (people, adele) = (people(&place), person_id(1));
    let outer = GroupName("outer".into());
    let wrong = json!({ "match": "checkMemberGroups", "status": 502, "times": 1 });
    place.faults(json!([wrong])).await;
    let is_member = people.is_member(&adele, &outer).await;
    assert_eq!(is_member.unwrap(), Some(true), "a question may be repeated");
    let calls = place.graph_calls().await;
    let about = |call: &&Value| call["path"].to_string().contains("embers");
    assert_eq!(calls.iter().filter(about).count(), 0, "nobody else is read");

    for (person, group, expected) in [
        (&adele, id(21).to_uppercase(), Some(true)),
        (&person_id(2), "Outer".into(), Some(false)),
        (&person_id(99), "Outer".into(), Some(false)),
        (
            &PersonId("adele@example.com".into()),
            "Outer".into(),
            Some(false),
        ),
        (&adele, "Nobody".into(), None),
        (&adele, id(99), None),
    ] {
        let is_member = people.is_member(person, &GroupName(group.clone())).await;
        assert_eq!(is_member.unwrap(), expected, "{person} {group}");
    }

    let other = json!({ "value": [id(22)] });
    place
        .faults(json!([{ "match": "checkMemberGroups", "status": 200, "body": other }]))
        .await;
    let is_member = people.is_member(&adele, &outer).await;
    assert_eq!(
        is_member.unwrap(),
        Some(false),
        "of another group nothing was asked"
    );
}

#[tokio::test]
async fn a_pause_is_waited_for_and_an_outage_is_told() {
    let state = json!({ "groups": [{ "displayName": "Approvers", "members": [id(1)] }] });
    let place = place(json!([user(1, "Adele")]), state).await;
    place
        .faults(json!([
            { "match": "/users\\?", "status": 429, "retryAfter": 1, "times": 1 },
            { "match": "transitiveMembers", "status": 503, "retryAfter": 1, "times": 1 },
        ]))
        .await;
    let found = people(&place).person(&by_mail("adele@example.com")).await;
    assert!(found.unwrap().is_some());
    let found = members(&place, "Approvers").await.unwrap().unwrap();
    assert_eq!(names(&found), ["Adele"]);
    place
        .faults(json!([{ "match": "/users\\?", "status": 429, "retryAfter": 60 }]))
        .await;
    let outcome = people(&place).person(&by_mail("adele@example.com")).await;
    assert!(
        matches!(outcome, Err(DirectoryError::Unavailable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_check_reads_somebody() {
    let place = place(json!([user(1, "Adele")]), json!({})).await;
    let findings = people(&place).check().await;
    let all_well = findings.iter().all(|it| it.severity == Severity::Ok);
    assert!(all_well, "{findings:?}");
    assert!(findings.last().unwrap().what.contains("mail addresses"));

    place
        .change(
            json!({ "users": [{ "displayName": "Nora", "userPrincipalName": "n@example.com" }] }),
        )
        .await;
    let findings = people(&place).check().await;
    let last = findings.last().unwrap();
    assert_eq!(last.severity, Severity::Failure, "{findings:?}");
    assert!(last.remedy.as_deref().unwrap().contains("User.Read.All"));
}
