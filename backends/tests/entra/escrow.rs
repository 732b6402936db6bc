//! Recovery keys in Entra ID: the contract of every escrow backend, and what is Graph's alone.

use clavis_backends::escrow::EntraEscrow;
use clavis_broker::devices::{BackendName, Device, DeviceId, Owner, VolumeKind};
use clavis_broker::keys::KeyId;
use clavis_broker::people::PersonId;
use clavis_broker::ports::{EscrowBackend, EscrowError, EscrowFault, Severity};
use clavis_broker::testing::contract::escrow::{self, EscrowFacts, KnownDevice, KnownKey};
use clavis_broker::text::Asset;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::double::Place;

const ONE: &str = "000011-000022-720885-123453-000000-700007-111111-222222";
const TWO: &str = "000022-000022-720885-123453-000000-700007-111111-222222";
const DAMAGED: &str = "000012-000022-720885-123453-000000-700007-111111-222222";
pub(crate) const ROLES: [&str; 4] = [
    "BitlockerKey.Read.All",
    "Device.Read.All",
    "DeviceManagementManagedDevices.Read.All",
    "User.Read.All",
];

pub(crate) fn backend() -> BackendName {
    BackendName("cloud".into())
}

pub(crate) fn guid(number: u128) -> String {
    Uuid::from_u128(number << 96 | 0x4111_8111_1111_1111_1111).to_string()
}

fn key_id(number: u128) -> KeyId {
    KeyId(guid(number).parse().expect("a GUID"))
}

pub(crate) fn id(number: u128) -> DeviceId {
    DeviceId {
        backend: backend(),
        native: guid(number),
    }
}

/// A device whose object has another ID than the device itself.
pub(crate) fn device(number: u128, name: &str) -> Value {
    json!({
        "id": guid(number + 0x1000),
        "deviceId": guid(number).to_uppercase(),
        "displayName": name,
        "operatingSystem": "Windows",
    })
}

fn key(number: u128, device: u128, kind: &str, key: &str) -> Value {
    json!({
        "id": guid(number),
        "deviceId": guid(device),
        "createdDateTime": "2026-09-01T08:30:00.1234567Z",
        "volumeType": kind,
        "key": key,
    })
}

fn state() -> Value {
    json!({
        "roles": ROLES,
        "pageSize": 1,
        "devices": [device(1, "LT-0001"), device(2, "LT-0002"), device(3, "LT-0003")],
        "recoveryKeys": [
            key(0xA1, 1, "operatingSystemVolume", ONE),
            key(0xA2, 1, "fixedDataVolume", TWO),
            key(0xB1, 2, "removableDataVolume", DAMAGED),
            key(0xB2, 2, "unknownFutureValue", ONE),
        ],
    })
}

fn known(number: u128, name: &str, keys: &[(u128, &str)]) -> KnownDevice {
    KnownDevice {
        id: id(number),
        shared_id: guid(number).parse().ok(),
        name: name.into(),
        keys: keys
            .iter()
            .map(|(number, text)| KnownKey {
                id: key_id(*number),
                sound: (*text != DAMAGED).then(|| (*text).to_owned()),
            })
            .collect(),
    }
}

pub(crate) fn escrow(place: &Place) -> EntraEscrow {
    EntraEscrow::new(backend(), place.tenant(), None)
}

pub(crate) async fn with(change: Value) -> (Place, EntraEscrow) {
    let mut all = state();
    for (name, value) in change.as_object().expect("an object") {
        all[name] = value.clone();
    }
    let place = Place::with(all).await;
    let escrow = escrow(&place);
    (place, escrow)
}

pub(crate) async fn find(escrow: &EntraEscrow, asset: &str) -> Result<Vec<Device>, EscrowError> {
    let asset = Asset::parse(asset).expect("an asset");
    escrow.devices(&asset).await
}

pub(crate) async fn fault<T: std::fmt::Debug>(
    outcome: impl Future<Output = Result<T, EscrowError>>,
) -> (EscrowFault, String) {
    let error = outcome.await.expect_err("a fault");
    (error.fault, clavis_broker::causes::with_causes(&error))
}

#[tokio::test]
async fn it_keeps_the_contract_of_an_escrow() {
    for answer in ["flat", "wrapped"] {
        let (_place, escrow) = with(json!({ "keyAnswer": answer })).await;
        let facts = EscrowFacts {
            full: known(1, "LT-0001", &[(0xA1, ONE), (0xA2, TWO)]),
            damaged: known(2, "LT-0002", &[(0xB1, DAMAGED), (0xB2, ONE)]),
            empty: known(3, "LT-0003", &[]),
            absent: id(7),
        };
        escrow::whole_suite(&escrow, &facts).await;
    }
}

#[tokio::test]
async fn volumes_are_told_in_each_spelling() {
    for spelling in ["name", "number", "numberText"] {
        let (_place, escrow) = with(json!({ "volumeTypeAs": spelling })).await;
        let mut kinds = Vec::new();
        for device in [1, 2] {
            let mut records = escrow.records(&id(device)).await.unwrap();
            records.sort_by_key(|record| record.key_id);
            kinds.extend(records.into_iter().map(|record| record.kind));
        }
        let wanted = [
            VolumeKind::OperatingSystem,
            VolumeKind::FixedData,
            VolumeKind::RemovableData,
            VolumeKind::Unknown,
        ];
        assert_eq!(kinds, wanted, "{spelling}");
    }
}

#[tokio::test]
async fn a_device_is_found_by_its_object_and_by_what_intune_knows_of_it() {
    let managed = json!([{
        "id": guid(0x99), "azureADDeviceId": guid(1), "serialNumber": "5CG-1'2", "userId": guid(0x51),
    }]);
    let users = json!([{ "id": guid(0x51), "userPrincipalName": "anna@example.com" }]);
    let (place, escrow) = with(json!({ "managedDevices": managed, "users": users })).await;
    for asset in [guid(0x1001), "5cg-1'2".to_owned(), guid(0x99)] {
        let found = find(&escrow, &asset).await.unwrap();
        assert_eq!(found.len(), 1, "{asset}");
        assert_eq!(found[0].id, id(1));
        assert_eq!(
            found[0].owners,
            [PersonId(guid(0x51)).into()],
            "the primary user"
        );
    }
    // Without the permission, there is no asking Intune, and no failing over it.
    let roles = ["BitlockerKey.Read.All", "Device.Read.All", "User.Read.All"];
    place.change(json!({ "roles": roles })).await;
    place.expire_tokens().await;
    let escrow = self::escrow(&place);
    assert_eq!(find(&escrow, "5cg-1'2").await.unwrap(), []);
    assert_eq!(find(&escrow, &guid(0x99)).await.unwrap(), []);
    assert_eq!(find(&escrow, "LT-0001").await.unwrap()[0].owners, []);
}

#[tokio::test]
async fn owners_are_known_in_both_directories_or_not_at_all() {
    let guid_in_ad = Uuid::from_u128(0x0102_0304);
    let anchor = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(guid_in_ad.to_bytes_le())
    };
    let mut owned = device(1, "LT-0001");
    owned["registeredOwners"] = json!([guid(0x51), guid(0x52)]);
    let users = json!([
        { "id": guid(0x51), "userPrincipalName": "anna@example.com",
          "onPremisesImmutableId": anchor, "onPremisesSyncEnabled": true },
        // The anchor of an account of the cloud alone is whatever somebody wrote there.
        { "id": guid(0x52), "userPrincipalName": "ben@example.com", "onPremisesImmutableId": anchor },
    ]);
    let (place, escrow) = with(json!({ "devices": [owned], "users": users })).await;
    let found = find(&escrow, "LT-0001").await.unwrap();
    let anna = Owner([guid(0x51), guid_in_ad.to_string()].map(PersonId).into());
    let ben = Owner::from(PersonId(guid(0x52)));
    assert_eq!(found[0].owners, [anna, ben]);

    place
        .change(json!({ "roles": ["BitlockerKey.Read.All", "Device.Read.All"] }))
        .await;
    place.expire_tokens().await;
    let found = find(&self::escrow(&place), "LT-0001").await.unwrap();
    assert_eq!(found[0].owners, []);
}

#[tokio::test]
async fn a_key_of_another_device_is_not_even_read() {
    let (place, escrow) = with(json!({})).await;
    let keys = escrow.keys(&id(1), &[key_id(0xB2), key_id(0xA1)]).await;
    assert_eq!(keys.unwrap().len(), 1);
    let calls = place.graph_calls().await;
    let read: Vec<_> = calls
        .iter()
        .filter_map(|call| call["path"].as_str())
        .filter(|path| path.contains("select=key"))
        .collect();
    assert_eq!(read.len(), 1, "{read:?}");
    assert!(read[0].contains(&guid(0xA1)), "{read:?}");
    assert_eq!(place.count("keysRead").await, 1);
}

#[tokio::test]
async fn a_redemption_is_a_list_and_one_call_for_each_key() {
    let (place, escrow) = with(json!({ "pageSize": 100 })).await;
    escrow.records(&id(1)).await.unwrap();
    escrow
        .keys(&id(1), &[key_id(0xA1), key_id(0xA2)])
        .await
        .unwrap();
    assert_eq!(place.graph_calls().await.len(), 3);
}

#[tokio::test]
async fn phones_and_objects_without_a_device_id_are_no_devices_here() {
    let mut phone = device(4, "LT-0001");
    phone["operatingSystem"] = json!("iOS");
    let nobody = json!({ "id": guid(0x5001), "displayName": "LT-0001", "deviceId": null });
    let (_place, escrow) = with(json!({ "devices": [device(1, "LT-0001"), phone, nobody] })).await;
    let found = find(&escrow, "LT-0001").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, id(1));
}

#[tokio::test]
async fn each_fault_has_its_kind_and_none_tells_a_key() {
    let (place, escrow) =
        with(json!({ "roles": ["BitlockerKey.ReadBasic.All", "Device.Read.All"] })).await;
    let (kind, said) = fault(escrow.keys(&id(1), &[key_id(0xA1)])).await;
    assert_eq!(kind, EscrowFault::Denied);
    assert!(said.contains("BitlockerKey.Read.All"), "{said}");

    place.change(json!({ "roles": ROLES })).await;
    place.expire_tokens().await;
    for (wrong, kind) in [
        (json!({ "garbage": true }), EscrowFault::Nonsense),
        (json!({ "hangUp": "half" }), EscrowFault::Unavailable),
        (
            json!({ "status": 429, "retryAfter": 60 }),
            EscrowFault::Unavailable,
        ),
        (json!({ "status": 500 }), EscrowFault::Unavailable),
        (
            json!({ "status": 403, "code": "accessDenied" }),
            EscrowFault::Denied,
        ),
        (
            json!({ "status": 200, "body": { "key": [ONE] } }),
            EscrowFault::Nonsense,
        ),
        (
            json!({ "status": 200, "body": { "id": "x" } }),
            EscrowFault::Nonsense,
        ),
    ] {
        // A tenant of its own, since a long pause is remembered.
        let escrow = EntraEscrow::new(backend(), place.tenant_within(2), None);
        let mut fault_on_key = wrong.clone();
        fault_on_key["match"] = json!("select=key");
        place.faults(json!([fault_on_key])).await;
        let (found, said) = fault(escrow.keys(&id(1), &[key_id(0xA1)])).await;
        assert_eq!(found, kind, "{wrong}: {said}");
        assert!(
            !said.contains("000011") && !said.contains("720885"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn who_may_not_list_keys_is_told_the_permission_of_the_handbook() {
    let (_place, escrow) = with(json!({ "roles": ["Device.Read.All"] })).await;
    let (kind, said) = fault(escrow.records(&id(1))).await;
    assert_eq!(kind, EscrowFault::Denied);
    assert!(said.contains("BitlockerKey.Read.All"), "{said}");
}

#[tokio::test]
async fn the_self_check_looks_at_the_known_device_and_reads_no_key() {
    let place = Place::with(state()).await;
    for (name, severity, said) in [
        (Some("LT-0001"), Severity::Ok, "are listed: 2"),
        (Some("LT-0003"), Severity::Failure, "No key is escrowed"),
        (Some("nowhere"), Severity::Failure, "is not in Entra ID"),
        (None, Severity::Warning, "known to have a key"),
    ] {
        let escrow = EntraEscrow::new(backend(), place.tenant(), name.map(str::to_owned));
        let findings = escrow.check().await;
        let last = findings.last().expect("a finding");
        assert_eq!(last.severity, severity, "{findings:?}");
        assert!(last.what.contains(said), "{findings:?}");
    }
    assert_eq!(place.count("keysRead").await, 0);
}
