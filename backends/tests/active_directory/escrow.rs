//! Devices, records and keys.

use clavis_broker::devices::{DeviceId, VolumeKind, select};
use clavis_broker::keys::{Damage, EscrowedKey, KeyId};
use clavis_broker::ports::{EscrowBackend, EscrowFault};
use clavis_broker::units::Unit;
use uuid::Uuid;

use crate::controller::{
    ExpectedRecord, backend, domain, domain_as, escrow, escrow_settings, expected, find,
};

#[tokio::test]
async fn a_device_is_found_by_all_its_names() {
    let (escrow, expected) = (escrow(domain()), expected());
    let one = &expected.devices["LT-0001"];
    let key = expected.key_ids("LT-0001")[0];
    let names = [
        "LT-0001",
        "lt-0001",
        "LT-0001$",
        "lt-0001.CORP.example.com",
        &one.id,
        &one.id.to_uppercase(),
        &format!("{{{}}}", one.id),
        &one.dn,
        &one.dn.to_lowercase(),
        &key.to_string(),
        &key.to_string().to_lowercase(),
        &format!("{{{key}}}"),
    ];
    for name in names {
        let found = find(&escrow, name).await;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].id, expected.device("LT-0001"), "{name}");
    }
    let found = &find(&escrow, "LT-0001").await[0];
    assert_eq!(found.name, "LT-0001");
    assert_eq!(found.detail.as_deref(), Some("lt-0001.corp.example.com"));
    assert_eq!(found.owners, [expected.person("anna").into()]);
}

#[tokio::test]
async fn odd_names_are_found_and_none_is_taken_as_syntax() {
    let (escrow, expected) = (escrow(domain()), expected());
    let odd = &expected.devices["KIOSK-LOBBY"];
    let key = expected.key_ids("KIOSK-LOBBY")[0].to_string();
    for name in [&odd.name, "kiosk-lobby", &odd.dn, &key] {
        let found = find(&escrow, name).await;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].id.native, odd.id);
        assert_eq!(found[0].owners, []);
    }
    let detail = find(&escrow, &odd.name).await[0].detail.clone().unwrap();
    assert!(detail.contains(r#"Sales, "EMEA" (old)*"#), "{detail}");
    let units = find(&escrow, &odd.name).await[0].units.clone();
    let sales = r"ou=sales\2c \22emea\22 (old)*";
    let sales = Unit::parse(&format!("{sales}, {}", expected.devices_base)).unwrap();
    assert_eq!(units.len(), 1);
    assert!(sales.holds(&units[0]) && sales.holds(&odd.dn), "{units:?}");
    for name in [
        "*",
        "LT-000*",
        ")(cn=*",
        "x)(objectClass=*",
        r"\2a",
        "LT-0001\\",
        "<GUID=x>",
        "CN=x,CN=y",
        "nothing",
        "é\u{202e}",
        "00000000-0000-0000-0000-000000000007",
    ] {
        assert_eq!(find(&escrow, name).await, [], "{name}");
    }
}

#[tokio::test]
async fn devices_of_one_name_are_all_found_and_can_be_told_apart() {
    let found = find(&escrow(domain()), "TWIN").await;
    let mut details: Vec<_> = found
        .iter()
        .filter_map(|device| device.detail.as_deref())
        .collect();
    details.sort_unstable();
    assert_eq!(
        details,
        [
            "corp.example.com/Devices/Laptops",
            "corp.example.com/Devices/Laptops/Berlin"
        ]
    );
}

#[tokio::test]
async fn what_lies_outside_the_search_base_is_not_found() {
    let expected = expected();
    let mut settings = escrow_settings(domain());
    settings.search_base = Some(expected.devices_base.clone());
    let narrow = clavis_backends::escrow::ActiveDirectoryEscrow::new(backend(), settings);
    let outside = &expected.devices["OUTSIDE"];
    let wide = escrow(domain());
    let key = expected.key_ids("OUTSIDE")[0].to_string();
    for name in ["OUTSIDE", &outside.dn, &outside.id, &key] {
        assert_eq!(find(&narrow, name).await, [], "{name}");
    }
    for name in ["OUTSIDE", &outside.dn, &outside.id] {
        assert_eq!(find(&wide, name).await.len(), 1, "{name}");
    }
    assert_eq!(find(&narrow, "LT-0001").await.len(), 1);
}

#[tokio::test]
async fn records_tell_id_volume_and_time_of_every_key_old_ones_too() {
    let (escrow, expected) = (escrow(domain()), expected());
    let records = escrow.records(&expected.device("LT-0002")).await.unwrap();
    assert_eq!(records.len(), 5);
    for (name, wanted) in &expected.devices["LT-0002"].records {
        let record = records.iter().find(|r| r.key_id == wanted.key_id).unwrap();
        assert_eq!(record.volume, wanted.volume, "{name}");
        assert_eq!(record.escrowed_at, wanted.time, "{name}");
        assert_eq!(record.kind, VolumeKind::Unknown);
        assert_eq!(record.held_by, [backend()]);
    }
    let chosen = select(records, None);
    let wanted = |name: &str| expected.devices["LT-0002"].records[name].key_id;
    let released: Vec<_> = chosen.release.iter().map(|record| record.key_id).collect();
    assert_eq!(
        released,
        ["lt-0002 newest", "lt-0002 unnamed", "lt-0002 data"].map(wanted)
    );
    assert_eq!(chosen.superseded.len(), 2);
}

#[tokio::test]
async fn a_device_without_records_and_one_that_is_gone_have_none() {
    let (escrow, expected) = (escrow(domain()), expected());
    assert_eq!(
        escrow.records(&expected.device("LT-0003")).await.unwrap(),
        []
    );
    let gone = DeviceId {
        backend: backend(),
        native: Uuid::from_u128(7).to_string(),
    };
    assert_eq!(escrow.records(&gone).await.unwrap(), []);
    assert!(
        escrow
            .keys(&gone, &[KeyId(Uuid::from_u128(8))])
            .await
            .unwrap()
            .is_empty()
    );
    let nonsense = DeviceId {
        backend: backend(),
        native: "*".into(),
    };
    let error = escrow.records(&nonsense).await.unwrap_err();
    assert_eq!(error.fault, EscrowFault::Nonsense);
}

fn is_key(read: &EscrowedKey, wanted: &ExpectedRecord) -> bool {
    let groups: Vec<_> = read.key.as_ref().unwrap().exposed_groups().collect();
    groups.join("-") == wanted.key
}

#[tokio::test]
async fn the_keys_that_are_asked_for_are_read_and_no_others() {
    let (escrow, expected) = (escrow(domain()), expected());
    let device = expected.device("LT-0002");
    let records = &expected.devices["LT-0002"].records;

    let keys = escrow
        .keys(&device, &expected.key_ids("LT-0002"))
        .await
        .unwrap();
    assert_eq!(keys.len(), 5);
    for wanted in records.values() {
        let read = keys.iter().find(|key| key.id == wanted.key_id).unwrap();
        assert!(is_key(read, wanted));
    }

    let wanted = &records["lt-0002 second"];
    let of_another_device = expected.key_ids("LT-0001")[0];
    let gone = KeyId(Uuid::from_u128(7));
    let ids = [wanted.key_id, of_another_device, gone];
    let keys = escrow.keys(&device, &ids).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert!(is_key(&keys[0], wanted));
    assert!(escrow.keys(&device, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_key_is_given_back_as_damaged_beside_the_sound_ones() {
    let (escrow, expected) = (escrow(domain()), expected());
    let ids = expected.key_ids("LT-0004");
    let keys = escrow
        .keys(&expected.device("LT-0004"), &ids)
        .await
        .unwrap();
    let damaged = expected.devices["LT-0004"].records["lt-0004 damaged"].key_id;
    for key in keys {
        if key.id == damaged {
            assert_eq!(key.key.unwrap_err(), Damage::Groups(vec![8]));
        } else {
            assert!(key.key.is_ok());
        }
    }
}

#[tokio::test]
async fn an_account_that_sees_records_and_may_not_read_them_is_denied() {
    let expected = expected();
    let device = expected.device("LT-0001");
    let blind = escrow(domain_as("svc-blind"));
    assert_eq!(blind.records(&device).await.unwrap().len(), 1);
    let error = blind
        .keys(&device, &expected.key_ids("LT-0001"))
        .await
        .unwrap_err();
    assert_eq!(error.fault, EscrowFault::Denied);
    // Without any right there is nothing to be seen, and no error either.
    let plain = escrow(domain_as("svc-plain"));
    assert_eq!(plain.records(&device).await.unwrap(), []);
}

#[tokio::test]
async fn an_owner_is_named_by_the_attribute_that_is_set() {
    let mut settings = escrow_settings(domain());
    settings.owner_attribute = "secretary".into();
    let escrow = clavis_backends::escrow::ActiveDirectoryEscrow::new(backend(), settings);
    assert_eq!(find(&escrow, "LT-0001").await[0].owners, []);
}
