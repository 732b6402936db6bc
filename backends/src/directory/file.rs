//! People in a TOML file, for demonstrations and tests.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clavis_broker::beginnings::Beginning;
use clavis_broker::devices::{BackendName, Device, DeviceId, Owner};
use clavis_broker::people::{MailAddress, Person, PersonId};
use clavis_broker::ports::{
    Directory, DirectoryError, Finding, GroupName, MOST_FOUND, PersonQuery,
};
use clavis_config::document::{self, Section};
use clavis_config::problems::Problems;
use clavis_config::values::{mail, text, truth, unit};

/// A directory that is a file, read once.
pub struct FileDirectory {
    path: PathBuf,
    escrow: BackendName,
    entries: Vec<Entry>,
}

/// Somebody in the file.
struct Entry {
    person: Person,
    logins: Vec<String>,
    manager: Option<PersonId>,
    groups: Vec<String>,
    devices: Vec<Device>,
}

impl FileDirectory {
    /// Reads the file; the devices in it are those of the escrow backend of this name.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn open(path: PathBuf, escrow: BackendName) -> Result<Self, Problems> {
        let entries = read(&path, &escrow)?;
        Ok(Self {
            path,
            escrow,
            entries,
        })
    }

    fn entry(&self, id: &PersonId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.person.id == *id)
    }

    /// Those of whom it holds, by their names.
    fn people(&self, fits: impl Fn(&Entry) -> bool) -> Vec<Person> {
        let fitting = self.entries.iter().filter(|entry| fits(entry));
        let mut people: Vec<_> = fitting.map(|entry| entry.person.clone()).collect();
        people.sort_by(|one, other| one.name.cmp(&other.name));
        people
    }
}

#[async_trait]
impl Directory for FileDirectory {
    async fn person(&self, query: &PersonQuery) -> Result<Option<Person>, DirectoryError> {
        let fits = |entry: &&Entry| match query {
            PersonQuery::Id(id) => entry.person.id == *id,
            PersonQuery::Mail(mail) => entry.person.mail.as_ref() == Some(mail),
            PersonQuery::Login(name) => entry
                .logins
                .iter()
                .any(|login| login.to_lowercase() == name.trim().to_lowercase()),
        };
        let mut fitting = self.entries.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => Err(DirectoryError::Ambiguous),
            (found, _) => Ok(found.map(|entry| entry.person.clone())),
        }
    }

    async fn manager(&self, of: &PersonId) -> Result<Option<Person>, DirectoryError> {
        Ok(self
            .entry(of)
            .and_then(|entry| self.entry(entry.manager.as_ref()?))
            .map(|manager| manager.person.clone()))
    }

    async fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, DirectoryError> {
        let mut devices = self
            .entry(person)
            .map(|entry| entry.devices.clone())
            .unwrap_or_default();
        devices.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(devices)
    }

    async fn members(&self, group: &GroupName) -> Result<Option<Vec<Person>>, DirectoryError> {
        let wanted = group.0.to_lowercase();
        let members =
            self.people(|entry| entry.groups.iter().any(|it| it.to_lowercase() == wanted));
        Ok((!members.is_empty()).then_some(members))
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Person>, DirectoryError> {
        let Some(beginning) = Beginning::parse(text) else {
            return Ok(Vec::new());
        };
        let mut found = self.people(|entry| {
            let mail = entry.person.mail.as_ref().map(MailAddress::as_str);
            let logins = entry.logins.iter().map(String::as_str);
            let mut addresses = mail.into_iter().chain(logins);
            beginning.is_of_name(&entry.person.name) || addresses.any(|it| beginning.is_of(it))
        });
        found.truncate(limit.min(MOST_FOUND));
        Ok(found)
    }

    async fn check(&self) -> Vec<Finding> {
        let shown = self.path.display();
        vec![match read(&self.path, &self.escrow) {
            Ok(entries) => Finding::warning(
                format!("{} people are read from {shown}", entries.len()),
                "This is for demonstrations; name the real directory in [directory].",
            ),
            Err(problems) => Finding::failure(
                format!("The file {shown} cannot be used"),
                problems.to_string(),
            ),
        }]
    }
}

fn read(path: &Path, escrow: &BackendName) -> Result<Vec<Entry>, Problems> {
    document::read_file(path, |root| all(root, escrow))
}

fn all(root: &Section<'_>, escrow: &BackendName) -> Option<Vec<Entry>> {
    let sections = root.tables("person");
    let read: Vec<Option<Entry>> = sections
        .iter()
        .map(|section| entry(section, escrow))
        .collect();
    let entries = read.into_iter().collect::<Option<Vec<Entry>>>()?;
    for (at, (section, entry)) in sections.iter().zip(&entries).enumerate() {
        let among = |entries: &[Entry], id: &PersonId| entries.iter().any(|it| it.person.id == *id);
        if among(&entries[..at], &entry.person.id) {
            section.problem(
                "id",
                "`id` is that of an earlier person",
                "Give each person an ID of their own.",
            );
        }
        if let Some(manager) = &entry.manager
            && !among(&entries, manager)
        {
            section.problem(
                "manager",
                "`manager` is nobody's `id`",
                "Write the ID of a person in this file, or remove the line.",
            );
        }
    }
    Some(entries)
}

fn entry(section: &Section<'_>, escrow: &BackendName) -> Option<Entry> {
    let id = section.required("id", text).map(PersonId);
    let name = section.required("name", text);
    let mail = section.optional("mail", mail);
    let logins = section.list("logins", text);
    let manager = section.optional("manager", text).map(PersonId);
    let groups = section.list("groups", text);
    let enabled = section.optional("enabled", truth).unwrap_or(true);
    let unit = section.optional("unit", unit);
    let devices: Vec<Option<Device>> = section
        .tables("device")
        .iter()
        .map(|section| device(section, escrow, id.as_ref()))
        .collect();
    let person = Person {
        id: id?,
        name: name?,
        mail,
        enabled,
        unit: unit.map(|unit| unit.as_str().to_owned()),
    };
    Some(Entry {
        person,
        logins,
        manager,
        groups,
        devices: devices.into_iter().collect::<Option<_>>()?,
    })
}

fn device(section: &Section<'_>, escrow: &BackendName, owner: Option<&PersonId>) -> Option<Device> {
    let id = section.required("id", text);
    let name = section.required("name", text);
    let detail = section.optional("place", text);
    Some(Device {
        id: DeviceId {
            backend: escrow.clone(),
            native: id?,
        },
        name: name?,
        detail,
        also: Vec::new(),
        shared_id: None,
        also_named: Vec::new(),
        owners: owner.cloned().into_iter().map(Owner::from).collect(),
        units: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use clavis_broker::people::MailAddress;
    use clavis_broker::ports::EscrowBackend;

    use super::*;
    use crate::escrow::FileEscrow;

    fn opened(toml: &str) -> Result<FileDirectory, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.toml");
        std::fs::write(&path, toml).unwrap();
        FileDirectory::open(path, BackendName("demo".into()))
    }

    const SMALL: &str = r#"
        [[person]]
        id = "anna"
        name = "Anna Berg"
        mail = "anna@example.com"
        logins = ["aberg", "anna@corp.example.com"]
        manager = "martin"
        groups = ["Staff"]
        [[person.device]]
        id = "d-2"
        name = "LT-0002"
        [[person.device]]
        id = "d-1"
        name = "LT-0001"

        [[person]]
        id = "martin"
        name = "Martin Chef"
        mail = "martin@example.com"
        logins = ["mchef"]
        groups = ["staff", "Bosses"]
        unit = " OU=Bosses, DC=example "

        [[person]]
        id = "martin-adm"
        name = "Martin Chef (admin)"
        mail = "MARTIN@example.com"
        enabled = false
    "#;

    fn by_mail(text: &str) -> PersonQuery {
        PersonQuery::Mail(MailAddress::parse(text).unwrap())
    }

    #[tokio::test]
    async fn people_are_found_by_id_address_and_login_and_never_guessed() {
        let directory = opened(SMALL).unwrap();
        let anna = PersonId("anna".into());
        for query in [
            PersonQuery::Id(anna.clone()),
            by_mail("Anna@Example.com"),
            PersonQuery::Login("ABERG".into()),
            PersonQuery::Login("anna@corp.example.com".into()),
        ] {
            let found = directory.person(&query).await.unwrap();
            assert_eq!(found.map(|it| it.id), Some(anna.clone()), "{query:?}");
        }
        let nobody = directory.person(&by_mail("eve@example.com")).await;
        assert!(nobody.unwrap().is_none());
        let two = directory.person(&by_mail("martin@example.com")).await;
        assert!(matches!(two, Err(DirectoryError::Ambiguous)));
    }

    #[tokio::test]
    async fn managers_devices_and_groups_are_told() {
        let directory = opened(SMALL).unwrap();
        let anna = PersonId("anna".into());
        let manager = directory.manager(&anna).await.unwrap().unwrap();
        assert_eq!(manager.name, "Martin Chef");
        assert_eq!(manager.unit.as_deref(), Some("OU=Bosses, DC=example"));
        assert!(directory.manager(&manager.id).await.unwrap().is_none());
        let devices = directory.devices_of(&anna).await.unwrap();
        let names: Vec<_> = devices.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["LT-0001", "LT-0002"]);
        let staff = directory.members(&GroupName("Staff".into())).await.unwrap();
        assert_eq!(staff.unwrap().len(), 2);
        let none = directory.members(&GroupName("None".into())).await.unwrap();
        assert!(none.is_none());
    }

    #[test]
    fn every_problem_of_the_file_is_named() {
        let broken = SMALL
            .replace("manager = \"martin\"", "manager = \"nobody\"")
            .replace("\"martin-adm\"", "\"anna\"");
        let problems = opened(&broken).err().unwrap();
        assert_eq!(problems.iter().count(), 2, "{problems}");
        let broken = SMALL
            .replace("enabled = false", "enabled = 0\nunit = \"Sales\"")
            .replace("anna@example.com", "anna");
        let problems = opened(&broken).err().unwrap();
        assert_eq!(problems.iter().count(), 3, "{problems}");
    }

    #[tokio::test]
    async fn the_files_of_the_demonstration_fit_together() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
        let name = BackendName("demo".into());
        let escrow = FileEscrow::open(name.clone(), demo.join("escrow.toml"))
            .unwrap_or_else(|problems| panic!("{problems}"));
        let directory = FileDirectory::open(demo.join("people.toml"), name)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let mut damaged = 0;
        for entry in &directory.entries {
            for device in &entry.devices {
                let asset = clavis_broker::text::Asset::parse(&device.id.native).unwrap();
                let found = escrow.devices(&asset).await.unwrap();
                assert_eq!(found, std::slice::from_ref(device), "{device:?}");
                let records = escrow.records(&device.id).await.unwrap();
                let ids: Vec<_> = records.iter().map(|record| record.key_id).collect();
                let keys = escrow.keys(&device.id, &ids).await.unwrap();
                assert_eq!(keys.len(), ids.len());
                damaged += keys.iter().filter(|key| key.key.is_err()).count();
            }
        }
        assert_eq!(damaged, 1);
        let shared = clavis_broker::text::Asset::parse("LT-0007").unwrap();
        assert_eq!(escrow.devices(&shared).await.unwrap().len(), 2);
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::altered;

    use super::*;

    const SOUND: &str = r#"
[[person]]
id = "anna"
name = "Anna Berg"
mail = "anna@example.com"
logins = ["aberg"]
manager = "boss"
groups = ["Staff"]
unit = "OU=Staff,DC=example"
[[person.device]]
id = "d-1"
name = "LT-0001"
place = "Berlin"
[[person]]
id = "boss"
name = "Boss"
enabled = false
"#;

    #[test]
    fn any_file_has_people_who_are_each_themselves_or_problems() {
        let pieces = [
            "\"",
            "[",
            "]",
            "=",
            "\n",
            "'''",
            "\\u0000",
            "{",
            "}",
            "#",
            ".",
            "[[person]]\n",
            "id = ",
            "anna",
            "boss",
            "true",
            "é",
            "@",
        ];
        let escrow = BackendName("file".into());
        check!().for_each(|bytes: &[u8]| {
            let text = altered(SOUND, bytes, &pieces);
            let file = Path::new("people.toml");
            let entries = match document::read(&text, file, |root| all(root, &escrow)) {
                Ok(entries) => entries,
                Err(problems) => return assert!(!problems.to_string().is_empty()),
            };
            let is_there = |id: &PersonId| entries.iter().any(|it| it.person.id == *id);
            for (at, entry) in entries.iter().enumerate() {
                let id = &entry.person.id;
                assert!(entries[..at].iter().all(|it| it.person.id != *id));
                assert!(entry.manager.as_ref().is_none_or(is_there));
                assert!(entry.devices.iter().all(|it| it.is_owned_by(id)));
            }
        });
    }
}
