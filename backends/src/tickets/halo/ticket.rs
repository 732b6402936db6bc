//! A ticket as Halo tells it. Pure.

use clavis_broker::ports::PersonQuery;
use clavis_broker::tickets::{AssetFault, DeskApproval, DeskUser, Given, Standing, Verdict};
use clavis_config::settings::Halo;
use serde_json::Value;

use super::people::mail;
use super::values::{id, id_of, moment, text, truth};

/// The longest reason that is read, in characters: what is longer is cut.
const LONGEST_REASON: usize = 1000;

/// What a ticket says by itself: its asset and its user are to be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) standing: Standing,
    pub(super) user: Option<String>,
    pub(super) asset: Result<String, AssetFault>,
    /// The agent who raised it for the user, as Halo writes them: an address, a name, or an ID.
    pub(super) raised_by: Option<String>,
    pub(super) reason: String,
    pub(super) approvals: Vec<DeskApproval>,
}

/// Reads a ticket. `None` where it is another one than was asked for, or none.
pub(super) fn facts(ticket: &Value, asked: &str, settings: &Halo) -> Option<Facts> {
    if id(ticket, "id").as_deref() != Some(asked) {
        return None;
    }
    Some(Facts {
        standing: standing(ticket, settings),
        user: id(ticket, "user_id"),
        asset: asset(ticket),
        raised_by: text(ticket, "loggedonbehalfby")
            .filter(|name| *name != "0" && *name != "-1")
            .map(str::to_owned)
            .or_else(|| id(ticket, "loggedonbehalfby")),
        reason: reason(ticket, settings.reason_field.as_deref()),
        approvals: approvals(ticket),
    })
}

/// Whether a ticket was deleted, or made part of another one.
pub(super) fn is_gone(ticket: &Value) -> bool {
    let deleted = ticket.get("deleted").is_some_and(|it| truth(it, true));
    deleted || id(ticket, "merged_into_id").is_some()
}

/// Whether a ticket is over: Halo says so, or it has a status that we bring tickets to.
pub(super) fn is_closed(ticket: &Value, settings: &Halo) -> bool {
    let closed = ticket
        .get("hasbeenclosed")
        .is_some_and(|it| truth(it, true));
    closed
        || has_status(ticket, |status| {
            settings.statuses.all().any(|it| it.1 == status)
        })
}

/// Whether a ticket has a status that is meant.
pub(super) fn has_status(ticket: &Value, is_meant: impl FnOnce(u32) -> bool) -> bool {
    let status = id(ticket, "status_id").and_then(|status| status.parse().ok());
    status.is_some_and(is_meant)
}

fn standing(ticket: &Value, settings: &Halo) -> Standing {
    let kind = id(ticket, "tickettype_id");
    if kind != Some(settings.ticket_type.to_string()) {
        Standing::Other
    } else if is_closed(ticket, settings) {
        Standing::Closed
    } else {
        Standing::Open
    }
}

/// The ID of the one asset.
fn asset(ticket: &Value) -> Result<String, AssetFault> {
    let assets = match ticket.get("assets") {
        None | Some(Value::Null) => return Err(AssetFault::None),
        Some(Value::Array(assets)) => assets,
        Some(_) => return Err(AssetFault::Unknown),
    };
    let mut ids: Vec<_> = assets
        .iter()
        .map(|asset| id_of(asset).or_else(|| id(asset, "id")))
        .collect();
    ids.dedup();
    match &ids[..] {
        [] => Err(AssetFault::None),
        [Some(id)] => Ok(id.clone()),
        [None] => Err(AssetFault::Unknown),
        _ => Err(AssetFault::Several),
    }
}

/// The reason: of a custom field, where one is set and filled in, or the ticket's details.
fn reason(ticket: &Value, field: Option<&str>) -> String {
    let of_field = field.and_then(|field| custom(ticket, field));
    let words = of_field
        .or_else(|| text(ticket, "details"))
        .or_else(|| text(ticket, "summary"))
        .unwrap_or_default();
    let words = words.replace("\r\n", "\n");
    let plain = words
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    let cut: String = plain.take(LONGEST_REASON).collect();
    cut.trim().to_owned()
}

/// The text of a custom field: what is shown of it, where it is one of a list.
fn custom<'t>(ticket: &'t Value, name: &str) -> Option<&'t str> {
    let fields = ticket.get("customfields")?.as_array()?;
    let mut named = fields
        .iter()
        .filter(|field| text(field, "name").is_some_and(|it| it.eq_ignore_ascii_case(name)));
    named.find_map(|field| text(field, "display").or_else(|| text(field, "value")))
}

/// Every row of the approvals that are going on, and then of those that are over.
fn approvals(ticket: &Value) -> Vec<DeskApproval> {
    let rows = |field: &str, is_history| {
        let rows = ticket.get(field).and_then(Value::as_array);
        let rows = rows.into_iter().flatten();
        rows.map(move |row| approval(row, is_history))
    };
    rows("approvers", false)
        .chain(rows("approvers_history", true))
        .collect()
}

/// A row. What does not look like a person's own answer, at a time, is not taken for one.
fn approval(row: &Value, is_history: bool) -> DeskApproval {
    let verdict = match id(row, "result").as_deref() {
        Some("1") => Some(Verdict::Approved),
        Some("2") => Some(Verdict::Rejected),
        _ => None,
    };
    let at = moment(row, "dateapproved");
    let says = |field: &str| row.get(field).is_some_and(|it| truth(it, true));
    let by_a_rule = row.as_object().is_some_and(|row| {
        let mut fields = row.iter();
        fields.any(|(name, value)| is_automatic(name) && truth(value, true))
    });
    let given = if says("admin_overridden") || id(row, "admin_override_id").is_some() {
        Given::Overridden
    } else if id(row, "delegated_by_uid").is_some() || text(row, "delegated_by_username").is_some()
    {
        Given::Delegated
    } else if by_a_rule || at.is_none() {
        Given::Automatically
    } else {
        Given::InPerson
    };
    DeskApproval {
        approver: approver(row),
        verdict,
        at,
        given,
        is_history,
    }
}

/// The account that a row names, with what the row says of it. Where it names an agent beside, nobody
/// knows which of the two has answered.
fn approver(row: &Value) -> Option<DeskUser> {
    let user = id(row, "user_id")?;
    let mail = mail(row).filter(|_| id(row, "agent_id").is_none());
    Some(DeskUser {
        name: user.clone(),
        id: user,
        known_as: mail.map(PersonQuery::Mail).into_iter().collect(),
    })
}

/// Whether a field tells of approvals that nobody gives: `autoapproveifrequester` and its like.
pub(super) fn is_automatic(field: &str) -> bool {
    let field = field.to_ascii_lowercase().replace('_', "");
    field.starts_with("autoapprove")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use clavis_broker::people::MailAddress;

    use super::super::fuzz::settings;
    use super::*;

    fn read(ticket: &Value) -> Facts {
        facts(ticket, "1001", &settings()).expect("the ticket")
    }

    fn with(field: &str, value: Value) -> Facts {
        let mut ticket = json!({ "id": 1001, "tickettype_id": 30, "status_id": 1, "user_id": 5 });
        ticket[field] = value;
        read(&ticket)
    }

    #[test]
    fn numbers_may_be_texts_and_everything_else_may_be_missing() {
        let bare = read(&json!({ "id": "1001" }));
        assert_eq!(bare.standing, Standing::Other);
        assert_eq!((bare.user, bare.asset), (None, Err(AssetFault::None)));
        let texts = read(&json!({
            "id": "1001", "tickettype_id": "30", "user_id": "5", "status_id": "1",
            "hasbeenclosed": "false", "assets": [{ "id": "42" }],
        }));
        assert_eq!(texts.standing, Standing::Open);
        assert_eq!(
            (texts.user.as_deref(), texts.asset),
            (Some("5"), Ok("42".into()))
        );
        for other in [json!({ "id": 1002 }), json!({}), json!([]), json!(null)] {
            assert_eq!(facts(&other, "1001", &settings()), None);
        }
    }

    #[test]
    fn who_raised_it_is_a_text_or_a_number() {
        for (written, read) in [
            (json!("Max Agent"), Some("Max Agent")),
            (json!(12), Some("12")),
            (json!("12"), Some("12")),
            (json!(0), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!(""), None),
            (json!(null), None),
        ] {
            let by = with("loggedonbehalfby", written.clone()).raised_by;
            assert_eq!(by.as_deref(), read, "{written}");
        }
    }

    #[test]
    fn a_ticket_is_over_where_halo_says_so_or_we_brought_it_there() {
        assert_eq!(
            with("hasbeenclosed", json!(true)).standing,
            Standing::Closed
        );
        assert_eq!(with("hasbeenclosed", json!("?")).standing, Standing::Closed);
        for status in [9, 8, 10] {
            assert_eq!(with("status_id", json!(status)).standing, Standing::Closed);
        }
        assert_eq!(with("status_id", json!(2)).standing, Standing::Open);
        assert_eq!(with("tickettype_id", json!(1)).standing, Standing::Other);
        assert!(is_gone(&json!({ "deleted": true })));
        assert!(is_gone(&json!({ "merged_into_id": 7 })));
        assert!(!is_gone(&json!({ "deleted": false, "merged_into_id": 0 })));
    }

    #[test]
    fn one_asset_is_one_and_in_doubt_there_is_none() {
        for (assets, read) in [
            (json!([{ "id": 42 }]), Ok("42")),
            (json!([42]), Ok("42")),
            (json!([{ "id": 42 }, { "id": "42" }]), Ok("42")),
            (json!([]), Err(AssetFault::None)),
            (json!(null), Err(AssetFault::None)),
            (
                json!([{ "id": 42 }, { "id": 43 }]),
                Err(AssetFault::Several),
            ),
            (json!([{ "id": 42 }, {}]), Err(AssetFault::Several)),
            (json!([{ "name": "LT-1" }]), Err(AssetFault::Unknown)),
            (json!("LT-1"), Err(AssetFault::Unknown)),
        ] {
            let asset = with("assets", assets.clone()).asset;
            assert_eq!(asset.as_deref().map_err(|fault| *fault), read, "{assets}");
        }
    }

    #[test]
    fn the_reason_is_a_field_or_the_details() {
        let ticket = |fields: Value| json!({ "id": 1001, "summary": "S", "details": " a\r\nb\u{7} ", "customfields": fields });
        assert_eq!(read(&ticket(json!([]))).reason, "a\nb");
        let fields = json!([{ "name": "CFReason", "value": "3", "display": "Update" }]);
        assert_eq!(read(&ticket(fields)).reason, "Update");
        assert_eq!(read(&json!({ "id": 1001, "summary": "S" })).reason, "S");
        let long = read(&json!({ "id": 1001, "details": "é".repeat(5000) }));
        assert_eq!(long.reason.chars().count(), LONGEST_REASON);
    }

    #[test]
    fn only_what_looks_like_a_persons_own_answer_is_one() {
        let row = |more: Value| {
            let mut row = json!({
                "emailaddress": "boss@example.com", "user_id": 6, "seq": 1, "result": 1,
                "dateapproved": "2026-11-23T09:00:00", "admin_overridden": false,
                "delegated_by_uid": 0,
            });
            for (name, value) in more.as_object().expect("an object") {
                row[name] = value.clone();
            }
            let facts = with("approvers", json!([row]));
            let [row] = &facts.approvals[..] else {
                panic!("one row");
            };
            row.clone()
        };
        let sound = row(json!({}));
        let known = |row: DeskApproval| row.approver.map(|it| (it.id, it.known_as));
        let boss = MailAddress::parse("boss@example.com").map(PersonQuery::Mail);
        let six = |known_as| Some(("6".to_owned(), known_as));
        assert_eq!(known(sound.clone()), six(vec![boss.unwrap()]));
        for nobodys in [json!({ "user_id": 0 }), json!({ "user_id": null })] {
            assert_eq!(known(row(nobodys)), None);
        }
        for unknown in [
            json!({ "emailaddress": "nobody" }),
            json!({ "emailaddress": null }),
            json!({ "agent_id": 12 }),
        ] {
            assert_eq!(known(row(unknown)), six(vec![]));
        }
        assert_eq!(sound.verdict, Some(Verdict::Approved));
        assert_eq!(sound.given, Given::InPerson);
        for (more, given) in [
            (json!({ "admin_overridden": true }), Given::Overridden),
            (json!({ "admin_overridden": "?" }), Given::Overridden),
            (json!({ "admin_override_id": 3 }), Given::Overridden),
            (json!({ "delegated_by_uid": 4 }), Given::Delegated),
            (json!({ "delegated_by_username": "x" }), Given::Delegated),
            (json!({ "autoapproved": true }), Given::Automatically),
            (json!({ "auto_approve": 1 }), Given::Automatically),
            (json!({ "dateapproved": null }), Given::Automatically),
            (
                json!({ "dateapproved": "1900-01-01T00:00:00" }),
                Given::Automatically,
            ),
        ] {
            assert_eq!(row(more.clone()).given, given, "{more}");
        }
        for (result, verdict) in [
            (json!(2), Some(Verdict::Rejected)),
            (json!("2"), Some(Verdict::Rejected)),
            (json!(0), None),
            (json!(null), None),
            (json!(3), None),
        ] {
            assert_eq!(row(json!({ "result": result })).verdict, verdict);
        }
    }
}
