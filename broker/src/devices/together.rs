//! What several backends say of one machine, put together.

use std::collections::HashMap;

use super::{Device, EscrowRecord, VolumeKind};

/// Makes one device of those that are one machine by the ID they share. A name makes nothing one:
/// a machine that was registered anew leaves its old object behind under the same name.
///
/// The first of them gives name and detail; the others add where else it is escrowed, what it is
/// called there, whose it is and in which unit it lies. Two objects of one backend stay two, whatever ID they have.
pub fn link(found: Vec<Device>) -> Vec<Device> {
    let mut machines: Vec<Device> = Vec::new();
    for device in found {
        let same = machines.iter_mut().find(|machine| {
            machine.machine().is_some()
                && machine.machine() == device.machine()
                && machine
                    .places()
                    .all(|place| place.backend != device.id.backend)
        });
        match same {
            Some(machine) => {
                machine.also.push(device.id);
                if !is_same_name(&machine.name, &device.name) {
                    machine.also_named.push(device.name);
                }
                for owner in device.owners {
                    owner.add_to(&mut machine.owners);
                }
                for unit in device.units {
                    if !machine.units.contains(&unit) {
                        machine.units.push(unit);
                    }
                }
            }
            None => machines.push(device),
        }
    }
    machines
}

/// Whether two names are one: case makes no difference, nor does a DNS name's domain.
fn is_same_name(one: &str, other: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    label(one) == label(other)
}

/// Makes one record of those of one key. Each backend adds what it knows: Active Directory the
/// volume, Entra ID its kind. The key is as old as the first of them says, since a key that is
/// escrowed once more becomes no newer by that.
pub fn merge(records: Vec<EscrowRecord>) -> Vec<EscrowRecord> {
    let mut places = HashMap::new();
    let mut merged: Vec<EscrowRecord> = Vec::new();
    for record in records {
        let Some(&at) = places.get(&record.key_id) else {
            places.insert(record.key_id, merged.len());
            merged.push(record);
            continue;
        };
        let known: &mut EscrowRecord = &mut merged[at];
        known.volume = known.volume.or(record.volume);
        if known.kind == VolumeKind::Unknown {
            known.kind = record.kind;
        }
        known.escrowed_at = known.escrowed_at.min(record.escrowed_at);
        for backend in record.held_by {
            if !known.held_by.contains(&backend) {
                known.held_by.push(backend);
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::devices::{BackendName, DeviceId, Owner};
    use crate::people::PersonId;
    use crate::testing::sample;

    fn known_to(backend: &str, native: &str, shared_id: Option<u128>) -> Device {
        Device {
            id: DeviceId {
                backend: BackendName(backend.into()),
                native: native.into(),
            },
            shared_id: shared_id.map(Uuid::from_u128),
            detail: Some(format!("as {backend} knows it")),
            owners: vec![PersonId(format!("of {backend}")).into()],
            units: vec![format!("OU={backend}")],
            ..sample::device("LT-1")
        }
    }

    fn places(device: &Device) -> Vec<String> {
        device.places().map(ToString::to_string).collect()
    }

    #[test]
    fn one_machine_is_one_by_the_id_that_its_objects_share() {
        let linked = link(vec![
            known_to("corp", "a", Some(1)),
            known_to("cloud", "b", Some(2)),
            known_to("cloud", "a", Some(1)),
        ]);
        assert_eq!(linked.len(), 2);
        assert_eq!(places(&linked[0]), ["corp/a", "cloud/a"]);
        assert_eq!(linked[0].detail.as_deref(), Some("as corp knows it"));
        assert_eq!(linked[0].owners.len(), 2);
        assert_eq!(linked[0].units, ["OU=corp", "OU=cloud"]);
        assert_eq!(places(&linked[1]), ["cloud/b"]);
        assert_eq!(linked[0].identity(), Uuid::from_u128(1).to_string());
    }

    #[test]
    fn another_name_is_kept_and_one_owner_is_one_by_any_of_their_ids() {
        let named = |backend: &str, name: &str, owners: &[&str]| Device {
            name: name.into(),
            owners: vec![Owner(
                owners.iter().map(|id| PersonId((*id).into())).collect(),
            )],
            ..known_to(backend, "a", Some(1))
        };
        let linked = link(vec![
            named("corp", "LT-1", &["anna-in-ad"]),
            named("cloud", "lt-1.corp.example.com", &["anna", "anna-in-ad"]),
            named("mac", "CEO-1", &["boss"]),
        ]);
        assert_eq!(linked[0].also_named, ["CEO-1"]);
        assert_eq!(linked[0].owners.len(), 2);
        let anna = PersonId("anna-in-ad".into());
        assert!(linked[0].is_owned_by(&anna) && linked[0].is_owned_by_others_than(&anna));
    }

    #[test]
    fn what_tables_write_for_no_id_makes_nothing_one() {
        for none in [0, u128::MAX] {
            let two = [
                known_to("corp", "a", Some(none)),
                known_to("cloud", "a", Some(none)),
            ];
            assert_eq!(link(two.to_vec()), two);
            assert_eq!(two[0].identity(), "corp/a");
        }
    }

    #[test]
    fn neither_a_name_nor_two_objects_of_one_backend_make_one_machine() {
        for two in [
            [known_to("corp", "a", None), known_to("cloud", "a", None)],
            [
                known_to("corp", "a", Some(1)),
                known_to("cloud", "b", Some(2)),
            ],
            [
                known_to("corp", "a", Some(1)),
                known_to("corp", "b", Some(1)),
            ],
        ] {
            assert_eq!(link(two.to_vec()), two);
        }
        assert_eq!(known_to("corp", "a", None).identity(), "corp/a");
    }

    #[test]
    fn one_key_is_one_record_that_knows_what_each_backend_knew() {
        let held = |backend: &str, volume, day| EscrowRecord {
            held_by: vec![BackendName(backend.into())],
            ..sample::record(1, volume, day)
        };
        let cloud = EscrowRecord {
            kind: VolumeKind::FixedData,
            ..held("cloud", None, 9)
        };
        let other = sample::record(2, None, 1);
        let merged = merge(vec![
            cloud,
            other.clone(),
            held("corp", Some(7), 3),
            held("corp", Some(7), 4),
        ]);
        assert_eq!(merged[1..], [other]);
        let one = &merged[0];
        assert_eq!(one.volume, Some(Uuid::from_u128(7)));
        assert_eq!(one.kind, VolumeKind::FixedData);
        assert_eq!(one.escrowed_at, sample::record(1, None, 3).escrowed_at);
        let names: Vec<_> = one.held_by.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(names, ["cloud", "corp"]);
    }
}
