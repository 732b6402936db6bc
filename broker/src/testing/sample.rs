//! Sample values for tests.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::devices::{BackendName, Device, DeviceId, EscrowRecord, VolumeKind};
use crate::keys::KeyId;
use crate::lifecycle::{Draft, Request, RequestId, Terms, open};
use crate::people::{MailAddress, Party, Person, PersonId, PersonQuery};
use crate::policy::{Because, Candidates, Panel, Rule, Stage, seats};
use crate::ports::Random;
use crate::text::{Asset, Reason};
use crate::tickets::{
    DeskAsset, DeskName, DeskUser, Snapshot, Standing, Ticket, TicketId, TicketName,
};
use crate::tokens::Reference;

/// A Monday in November.
pub fn monday() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().expect("a moment")
}

/// An enabled person with a mail address.
pub fn person(name: &str) -> Person {
    Person {
        id: PersonId(format!("id-{name}")),
        name: name.to_owned(),
        mail: Some(MailAddress::parse(&format!("{name}@example.com")).expect("an address")),
        enabled: true,
        unit: None,
    }
}

/// A device in the backend `test`.
pub fn device(name: &str) -> Device {
    Device {
        id: DeviceId {
            backend: BackendName("test".into()),
            native: format!("id-{name}"),
        },
        also: Vec::new(),
        shared_id: None,
        name: name.to_owned(),
        detail: None,
        also_named: Vec::new(),
        owners: Vec::new(),
        units: Vec::new(),
    }
}

/// A record in the backend `test`, escrowed on this day of November.
pub fn record(key: u128, volume: Option<u128>, day: i8) -> EscrowRecord {
    EscrowRecord {
        key_id: KeyId(Uuid::from_u128(key)),
        volume: volume.map(Uuid::from_u128),
        kind: VolumeKind::Unknown,
        escrowed_at: Timestamp::from_second(1_793_491_200 + i64::from(day) * 86_400)
            .expect("a day"),
        held_by: vec![BackendName("test".into())],
    }
}

/// Three days, one day, three hours.
pub fn terms() -> Terms {
    Terms {
        decide_within: SignedDuration::from_hours(72),
        deliver_within: SignedDuration::from_hours(24),
        link_valid_for: SignedDuration::from_hours(3),
        rotate_after: None,
    }
}

/// A draft of anna's request for her laptop.
pub fn draft(id: u128, random: &dyn Random) -> Draft {
    let anna = person("anna").party().expect("anna is fit");
    Draft {
        id: RequestId(Uuid::from_u128(id)),
        reference: Reference::new(random),
        requester: anna.clone(),
        beneficiary: anna,
        device: device(&format!("laptop-{id}")),
        wanted: None,
        promised: vec![record(1, Some(1), 2)],
        unanswered: Vec::new(),
        reason: Reason::parse("It asks for the key since the update.").expect("a reason"),
        ticket: None,
        made_by: None,
        terms: terms(),
    }
}

/// A ticket of the desk `halo`.
pub fn ticket_name(number: u32) -> TicketName {
    TicketName {
        desk: DeskName("halo".to_owned()),
        id: TicketId::parse(&number.to_string()).expect("a number"),
    }
}

/// What a ticket for anna and her laptop said.
pub fn snapshot(number: u32, decided_there: bool) -> Snapshot {
    Snapshot {
        ticket: ticket_name(number),
        user: "7".to_owned(),
        asset: "42".to_owned(),
        raised_by: None,
        decided_there,
        read_at: monday(),
    }
}

/// A panel of these people, one of whom is enough, for a request of these askers.
pub fn panel(askers: [&Party; 2], names: &[&str]) -> Panel {
    panel_in_stages(askers, names, 1, Vec::new())
}

/// A panel of these people, so many of whom are needed, and of what happens later.
pub fn panel_in_stages(
    askers: [&Party; 2],
    names: &[&str],
    needed: u8,
    later: Vec<Stage>,
) -> Panel {
    let rule = Rule {
        needed: needed.try_into().expect("not none"),
        ..Rule::manager_else(Vec::new())
    };
    let seats = seats(&candidates(names), askers, &[], &[], monday());
    Panel::new(&rule, seats, later).expect("enough who may")
}

/// People whom a policy names by their sign-in names.
pub fn candidates(names: &[&str]) -> Vec<Candidates> {
    let candidate = |name: &&str| Candidates {
        because: Because::Person(PersonQuery::Login((*name).to_owned())),
        people: vec![person(name)],
    };
    names.iter().map(candidate).collect()
}

/// A pending request of anna's, which her manager, boss, was asked to approve.
pub fn request() -> Request {
    request_numbered(1)
}

/// Such a request with this number for its ID and its device.
pub fn request_numbered(id: u128) -> Request {
    let random = super::CountingRandom::default();
    // A reference of its own for each number.
    for _ in 0..id {
        random.fill(&mut [0; 1]);
    }
    let draft = draft(id, &random);
    let panel = panel([&draft.requester, &draft.beneficiary], &["boss"]);
    open(draft, panel, monday()).0
}

/// An open ticket of anna's for a device, which escrow backends know by its name.
pub fn ticket(id: &str, device: &str) -> Ticket {
    let mail = MailAddress::parse("anna@example.com").expect("an address");
    Ticket {
        id: TicketId::parse(id).expect("an ID"),
        standing: Standing::Open,
        user: Some(DeskUser {
            id: "user-anna".to_owned(),
            name: "anna".to_owned(),
            known_as: vec![PersonQuery::Mail(mail)],
        }),
        raised_by: Ok(None),
        asset: Ok(DeskAsset {
            id: format!("asset-{device}"),
            name: device.to_owned(),
            known_as: vec![Asset::parse(device).expect("an asset")],
        }),
        reason: "It asks for the key since the update.".to_owned(),
        approvals: Vec::new(),
    }
}
