//! What `clavis check` says of a desk.

use std::sync::Arc;

use clavis_backends::tickets::HaloDesk;
use clavis_broker::ports::{Clock, Finding, Severity, TicketSystem};
use clavis_broker::tickets::DeskName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::double::{MachineClock, Place, ticket};

/// What is found with `approval = "clavis"`, and with `approval = "desk"`.
async fn both(state: Value) -> [Vec<Finding>; 2] {
    let place = Place::with(state).await;
    let desk = |approves| {
        let name = DeskName("halo".to_owned());
        HaloDesk::new(name, approves, place.settings(), Arc::new(MachineClock))
    };
    [desk(false).check().await, desk(true).check().await]
}

fn said<'f>(findings: &'f [Finding], what: &str) -> &'f Finding {
    let found = findings.iter().find(|it| it.what.contains(what));
    found.unwrap_or_else(|| panic!("{what} in {findings:#?}"))
}

fn worst(findings: &[Finding]) -> Severity {
    let all = findings.iter().map(|it| it.severity);
    all.max().expect("a finding")
}

#[tokio::test]
async fn a_sound_desk_is_sound_and_its_own_approvals_are_warned_of() {
    let [ours, theirs] = both(json!({})).await;
    assert_eq!(worst(&ours), Severity::Ok, "{ours:#?}");
    assert_eq!(worst(&theirs), Severity::Warning, "{theirs:#?}");
    let warning = said(&theirs, "whoever may edit tickets");
    assert!(
        warning
            .remedy
            .as_ref()
            .unwrap()
            .contains("approval = \"clavis\"")
    );
}

#[tokio::test]
async fn weak_approvals_are_a_warning_and_with_keys_on_them_a_failure() {
    let state = json!({
        "control": { "allow_anonymous_approvals": true, "reauthorizeforapprovals": false },
        "processes": [{ "id": 3, "steps": [{ "autoapproveifrequester": true }] }],
    });
    let [ours, theirs] = both(state).await;
    for what in [
        "allow_anonymous_approvals",
        "reauthorizeforapprovals",
        "autoapproveifrequester",
    ] {
        assert_eq!(said(&ours, what).severity, Severity::Warning);
        assert_eq!(said(&theirs, what).severity, Severity::Failure);
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_said() {
    let [ours, theirs] = both(json!({ "configurationReadable": false })).await;
    assert_eq!(worst(&ours), Severity::Ok, "{ours:#?}");
    let unread = "its settings and the approval process of the ticket type cannot be read";
    said(&ours, unread);
    assert_eq!(said(&theirs, unread).severity, Severity::Warning);
}

#[tokio::test]
async fn agents_that_cannot_be_read_are_a_failure() {
    let max = json!({ "id": 12, "name": "Max Agent" });
    let nameless = json!({ "id": 12 });
    for (state, severity) in [
        (json!({ "agents": [max] }), Severity::Ok),
        (json!({ "agents": [] }), Severity::Ok),
        (json!({ "agents": [nameless] }), Severity::Failure),
        (
            json!({ "agents": [max], "agentsReadable": false }),
            Severity::Failure,
        ),
    ] {
        for findings in both(state.clone()).await {
            assert_eq!(said(&findings, "agents").severity, severity, "{state}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_taken_for_sound() {
    let kind = json!([{ "id": 30, "name": "Request BitLocker Key" }]);
    for (state, unread) in [
        (
            json!({ "ticketTypes": kind }),
            "which approval process the ticket type has cannot be read",
        ),
        (
            json!({ "ticketTypes": [] }),
            "the ticket type cannot be read",
        ),
        (
            json!({ "control": { "reauthorizeforapprovals": true } }),
            "allow_anonymous_approvals cannot be read",
        ),
        (
            json!({ "control": { "allow_anonymous_approvals": false, "reauthorizeforapprovals": null } }),
            "reauthorizeforapprovals cannot be read",
        ),
    ] {
        let [ours, theirs] = both(state).await;
        assert_eq!(said(&ours, unread).severity, Severity::Ok);
        assert_eq!(said(&theirs, unread).severity, Severity::Warning);
        let sound = |it: &Finding| it.what.contains("nothing is seen");
        assert!(!theirs.iter().any(sound), "{theirs:#?}");
    }
}

#[tokio::test]
async fn what_the_settings_name_has_to_be_there() {
    let [findings, _] = both(json!({
        "ticketTypes": [], "statuses": [{ "id": 9 }, { "id": 8 }], "outcomes": [],
        "scopes": ["read:tickets", "edit:tickets", "read:assets"],
    }))
    .await;
    for what in [
        "no ticket type 30",
        "no status 10, which `statuses` names for `ended`",
        "no outcome 40",
        "lacks the permission read:customers",
    ] {
        let failure = said(&findings, what);
        assert!(failure.is_failure() && failure.remedy.is_some(), "{what}");
    }
    let place = Place::with(json!({})).await;
    let desk = place.desk_with(|halo| halo.statuses.declined = None);
    let warning = desk.check().await;
    assert_eq!(
        said(&warning, "not every ending").severity,
        Severity::Warning
    );
    let wrong = place.desk_with(|halo| halo.client_secret = "wrong".into());
    let failure = wrong.check().await;
    assert!(failure.len() == 1 && failure[0].is_failure(), "{failure:?}");
}

/// This machine's clock, an hour early.
struct LateClock;

impl Clock for LateClock {
    fn now(&self) -> Timestamp {
        MachineClock.now() - SignedDuration::from_hours(1)
    }
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_warned_of() {
    let place = Place::with(json!({ "tickets": [ticket(1001, json!({}))] })).await;
    let name = DeskName("halo".to_owned());
    let desk = HaloDesk::new(name, false, place.settings(), Arc::new(LateClock));
    let findings = desk.check().await;
    for by in ["by its answers", "by the change of a ticket"] {
        let warning = said(&findings, by);
        assert_eq!(warning.severity, Severity::Warning);
        let (is_ahead, is_sixty) = (
            warning.what.contains("ahead of"),
            warning.what.contains("60"),
        );
        assert!(
            is_ahead && (is_sixty || warning.what.contains("59")),
            "{warning:?}"
        );
    }
    // Halo's server has the right time, and its database does not write UTC.
    let later = MachineClock.now() + SignedDuration::from_hours(2);
    place.change(json!({ "now": later.to_string() })).await;
    place
        .control(reqwest::Method::PATCH, "/tickets/1001", Some(json!({})))
        .await;
    let findings = place.desk().check().await;
    said(
        &findings,
        "ahead of this machine's, by the change of a ticket",
    );
    assert!(!findings.iter().any(|it| it.what.contains("by its answers")));
}
