//! What every directory does, given whom it is known to know.

use super::HOSTILE;
use crate::devices::DeviceId;
use crate::people::{MailAddress, Person, PersonId};
use crate::ports::{Directory, DirectoryError, GroupName, PersonQuery};

/// Whom a directory is known to know.
#[derive(Debug)]
pub struct DirectoryFacts {
    /// An enabled person with a mail address of their own.
    pub person: Person,
    /// The names that this person signs in with.
    pub logins: Vec<String>,
    /// The IDs of this person's devices, by the devices' names.
    pub devices: Vec<DeviceId>,
    /// This person's manager, who has no devices.
    pub manager: PersonId,
    /// Somebody without a manager.
    pub without_manager: PersonId,
    /// Somebody whose account is disabled.
    pub disabled: PersonId,
    /// The address of several accounts.
    pub shared: MailAddress,
    /// A group, and its members by their names.
    pub group: (GroupName, Vec<PersonId>),
    /// A group in that group, with a member of its own; none where groups are in no groups.
    pub nested: Option<GroupName>,
    /// Somebody who is in neither.
    pub outside: PersonId,
    /// The ID of nobody.
    pub absent: PersonId,
}

/// Every clause.
pub async fn whole_suite(directory: &dyn Directory, facts: &DirectoryFacts) {
    a_person_is_found_by_all_that_names_them(directory, facts).await;
    nobody_is_found_by_what_names_nobody(directory, facts).await;
    several_accounts_are_never_one(directory, facts).await;
    a_disabled_account_is_found_as_such(directory, facts).await;
    a_manager_is_followed(directory, facts).await;
    devices_are_their_owners(directory, facts).await;
    a_group_has_its_members(directory, facts).await;
    membership_is_what_the_members_say(directory, facts).await;
    people_are_found_by_how_their_names_begin(directory, facts).await;
    a_search_has_a_limit_and_an_order(directory, facts).await;
    nobody_is_searched_by_what_begins_no_name(directory, facts).await;
}

/// A person is found by ID, by address and by sign-in name, the latter two in any case.
pub async fn a_person_is_found_by_all_that_names_them(
    directory: &dyn Directory,
    facts: &DirectoryFacts,
) {
    let mail = facts.person.mail.clone().unwrap();
    let mut queries = vec![PersonQuery::Id(facts.person.id.clone())];
    for text in either_case(mail.as_str()) {
        queries.push(PersonQuery::Mail(MailAddress::parse(&text).unwrap()));
    }
    for login in &facts.logins {
        queries.extend(either_case(login).map(PersonQuery::Login));
    }
    for query in queries {
        let found = directory.person(&query).await.unwrap();
        assert_eq!(found.as_ref(), Some(&facts.person), "{query:?}");
    }
}

/// What names nobody finds nobody, also where it means something to a query language.
pub async fn nobody_is_found_by_what_names_nobody(
    directory: &dyn Directory,
    facts: &DirectoryFacts,
) {
    let mail = facts.person.mail.clone().unwrap();
    let login = &facts.logins[0];
    let mut queries = vec![
        PersonQuery::Id(facts.absent.clone()),
        PersonQuery::Mail(MailAddress::parse("nobody-at-all@example.com").unwrap()),
        PersonQuery::Mail(MailAddress::parse(&format!("*{mail}")).unwrap()),
        PersonQuery::Mail(MailAddress::parse("*@*").unwrap()),
        PersonQuery::Login(String::new()),
        PersonQuery::Login(format!("{login}*")),
        PersonQuery::Login(format!("{login})(cn=*")),
    ];
    for text in HOSTILE {
        queries.push(PersonQuery::Login((*text).to_owned()));
        queries.push(PersonQuery::Id(PersonId((*text).to_owned())));
    }
    for query in queries {
        let found = directory.person(&query).await.unwrap();
        assert_eq!(found, None, "{query:?}");
    }
}

/// An address of several accounts is an error, never a guess.
pub async fn several_accounts_are_never_one(directory: &dyn Directory, facts: &DirectoryFacts) {
    let query = PersonQuery::Mail(facts.shared.clone());
    let found = directory.person(&query).await;
    let is_ambiguous = matches!(found, Err(DirectoryError::Ambiguous));
    assert!(is_ambiguous, "{found:?}");
}

/// A disabled account is found, and is told to be disabled.
pub async fn a_disabled_account_is_found_as_such(
    directory: &dyn Directory,
    facts: &DirectoryFacts,
) {
    let query = PersonQuery::Id(facts.disabled.clone());
    let found = directory.person(&query).await.unwrap();
    assert!(!found.expect("the disabled person").enabled);
}

/// A manager is somebody, or nobody where there is none.
pub async fn a_manager_is_followed(directory: &dyn Directory, facts: &DirectoryFacts) {
    let manager = directory.manager(&facts.person.id).await.unwrap();
    assert_eq!(manager.map(|person| person.id), Some(facts.manager.clone()));
    for of in [&facts.without_manager, &facts.absent] {
        assert_eq!(directory.manager(of).await.unwrap(), None, "{of}");
    }
}

/// Devices are those of their owner, by name; nobody has none.
pub async fn devices_are_their_owners(directory: &dyn Directory, facts: &DirectoryFacts) {
    let devices = directory.devices_of(&facts.person.id).await.unwrap();
    let ids: Vec<_> = devices.iter().map(|device| device.id.clone()).collect();
    assert_eq!(ids, facts.devices);
    assert!(devices.is_sorted_by(|one, other| one.name <= other.name));
    let owner = &facts.person.id;
    assert!(devices.iter().all(|device| device.is_owned_by(owner)));
    for of in [&facts.manager, &facts.absent] {
        assert_eq!(directory.devices_of(of).await.unwrap(), [], "{of}");
    }
}

/// A group is found in any case, with its members by name; what names none is none.
pub async fn a_group_has_its_members(directory: &dyn Directory, facts: &DirectoryFacts) {
    let (name, members) = &facts.group;
    for name in either_case(&name.0) {
        let found = directory.members(&GroupName(name)).await.unwrap();
        let found = found.expect("the group");
        let ids: Vec<_> = found.iter().map(|person| person.id.clone()).collect();
        assert_eq!(ids, *members);
        assert!(found.is_sorted_by(|one, other| one.name <= other.name));
    }
    let turned = format!("{}*", name.0);
    for text in HOSTILE.iter().copied().chain([&*turned, ""]) {
        let found = directory
            .members(&GroupName(text.to_owned()))
            .await
            .unwrap();
        assert_eq!(found, None, "{text:?} names no group");
    }
}

/// Who is in a group is in it whether one asks for all or for one, and nobody else is.
pub async fn membership_is_what_the_members_say(directory: &dyn Directory, facts: &DirectoryFacts) {
    let (group, all) = &facts.group;
    let mut people: Vec<_> = all.iter().chain([&facts.outside, &facts.absent]).collect();
    people.extend([&facts.person.id, &facts.manager, &facts.disabled]);
    for group in facts.nested.iter().chain([group]) {
        let members = directory.members(group).await.unwrap().expect("the group");
        assert!(!members.is_empty() && members.iter().all(|it| all.contains(&it.id)));
        for person in &people {
            for name in either_case(&group.0) {
                let is_member = directory.is_member(person, &GroupName(name)).await.unwrap();
                let said = members.iter().any(|member| member.id == **person);
                assert_eq!(is_member, Some(said), "{person} in {group:?}");
            }
        }
    }
    let is_member = async |person: &PersonId, group: &GroupName| {
        directory.is_member(person, group).await.unwrap()
    };
    assert_eq!(is_member(&facts.outside, group).await, Some(false));
    for text in HOSTILE {
        let nobody = PersonId((*text).to_owned());
        assert_eq!(is_member(&nobody, group).await, Some(false), "{text:?}");
        let none = GroupName((*text).to_owned());
        assert_eq!(is_member(&all[0], &none).await, None, "{text:?}");
        assert_eq!(is_member(&facts.absent, &none).await, None, "{text:?}");
    }
}

/// A person is found by the beginning of each word of the name, of the address and of a sign-in
/// name, in any case; a disabled one is, too.
pub async fn people_are_found_by_how_their_names_begin(
    directory: &dyn Directory,
    facts: &DirectoryFacts,
) {
    let mail = facts.person.mail.clone().unwrap();
    let words = facts.person.name.split(' ');
    let whole = [facts.person.name.as_str(), mail.as_str()];
    let texts = whole.into_iter().chain(words);
    for text in texts.chain(facts.logins.iter().map(String::as_str)) {
        for text in either_case(text) {
            for length in 2..=text.chars().count() {
                let text: String = text.chars().take(length).collect();
                let found = directory.search(&format!(" {text} "), 50).await.unwrap();
                assert!(found.contains(&facts.person), "{text:?}: {found:?}");
            }
        }
    }
    let query = PersonQuery::Id(facts.disabled.clone());
    let disabled = directory.person(&query).await.unwrap().unwrap();
    let found = directory.search(&disabled.name, 50).await.unwrap();
    assert!(found.contains(&disabled), "{found:?}");
}

/// Of those who fit, as many come as are asked for, by their names and once.
pub async fn a_search_has_a_limit_and_an_order(directory: &dyn Directory, facts: &DirectoryFacts) {
    let text = facts.shared.as_str();
    let all = directory.search(text, 50).await.unwrap();
    assert!(all.len() > 1, "{all:?}");
    assert!(all.is_sorted_by(|one, other| one.name <= other.name));
    for limit in 0..=all.len() + 1 {
        let found = directory.search(text, limit).await.unwrap();
        assert_eq!(found.len(), limit.min(all.len()), "{limit}");
        let mut ids: Vec<_> = found.iter().map(|person| &person.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), found.len());
        assert!(found.iter().all(|person| all.contains(person)));
    }
    assert_eq!(directory.search(text, usize::MAX).await.unwrap(), all);
}

/// What is too short finds nobody, nor does what begins no name, also where it means something to
/// a query language.
pub async fn nobody_is_searched_by_what_begins_no_name(
    directory: &dyn Directory,
    facts: &DirectoryFacts,
) {
    let name = &facts.person.name;
    let first: String = name.chars().take(1).collect();
    let rest: String = name.chars().skip(1).collect();
    let turned = [
        format!("{name}*"),
        format!("*{name}"),
        format!("{name}')"),
        format!("={name}"),
        format!("{name})(cn=*"),
        format!(" {first} "),
        rest,
        "x".repeat(1_000),
    ];
    let turned = turned.iter().map(String::as_str);
    for text in HOSTILE
        .iter()
        .copied()
        .chain(turned)
        .chain(["", "  ", "**"])
    {
        let found = directory.search(text, 50).await.unwrap();
        assert_eq!(found, [], "{text:?}");
    }
}

fn either_case(text: &str) -> [String; 3] {
    [text.to_owned(), text.to_lowercase(), text.to_uppercase()]
}
