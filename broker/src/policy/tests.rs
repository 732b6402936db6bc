//! Who is on a panel, and who may decide.

use jiff::{SignedDuration, Timestamp};

use super::{
    About, Away, Because, Candidates, Fit, Matches, NoPanel, Panel, Policy, Rule, Seat, authorise,
    enough, seats,
};
use crate::devices::{BackendName, NamePattern, Serves};
use crate::lifecycle::{Refusal, Request, RequestId};
use crate::people::{Party, Person};
use crate::testing::sample::{candidates, device, monday, person, request};
use crate::units::Unit;

fn party(name: &str) -> Party {
    person(name).party().unwrap()
}

fn seated(names: &[Person], askers: [&str; 2], away: &[Away]) -> Vec<Seat> {
    let found = Candidates {
        because: Because::Manager,
        people: names.to_vec(),
    };
    let [requester, beneficiary] = askers.map(party);
    seats(&[found], [&requester, &beneficiary], away, &[], monday())
}

fn names(seats: &[Seat]) -> Vec<&str> {
    seats.iter().map(|seat| &*seat.party.name).collect()
}

fn away(who: &str, stand_in: Person, until: Timestamp) -> Away {
    Away {
        who: person(who).id,
        stand_in,
        until,
    }
}

fn later() -> Timestamp {
    monday() + SignedDuration::from_hours(1)
}

#[test]
fn who_cannot_decide_has_no_seat() {
    let disabled = Person {
        enabled: false,
        ..person("boss")
    };
    let unreachable = Person {
        mail: None,
        ..person("boss")
    };
    let my_other_account = Person {
        mail: person("anna").mail,
        ..person("anna-admin")
    };
    let people = [
        disabled,
        unreachable,
        person("anna"),
        my_other_account,
        person("agent"),
        person("nina"),
        person("nina"),
    ];
    let seats = seated(&people, ["agent", "anna"], &[]);
    assert_eq!(names(&seats), ["nina"]);
}

#[test]
fn nobody_is_left_where_a_manager_is_the_one_who_asks() {
    let seats = seated(&[person("agent"), person("anna")], ["agent", "anna"], &[]);
    let rule = Rule::manager_else(Vec::new());
    assert!(!enough(&seats, &rule));
    assert_eq!(Panel::new(&rule, seats, Vec::new()), Err(NoPanel::TooFew));
}

#[test]
fn who_is_away_is_asked_along_with_who_stands_in() {
    let away = [away("boss", person("nina"), later())];
    let seats = seated(&[person("boss")], ["anna", "anna"], &away);
    assert_eq!(names(&seats), ["boss", "nina"]);
    assert_eq!(seats[1].in_place_of, Some(party("boss")));
    assert_eq!(seats[1].place(), seats[0].place());
}

#[test]
fn a_stand_in_that_leads_back_leads_nowhere() {
    let my_other_account = Person {
        mail: person("anna").mail,
        ..person("anna-admin")
    };
    for stand_in in [person("anna"), person("agent"), my_other_account] {
        let away = [away("boss", stand_in, later())];
        let seats = seated(&[person("boss")], ["agent", "anna"], &away);
        assert_eq!(names(&seats), ["boss"]);
    }
}

#[test]
fn a_stand_in_is_one_until_the_very_end_and_stands_in_for_no_stand_in() {
    let over = [away("boss", person("nina"), monday())];
    let seats = seated(&[person("boss")], ["anna", "anna"], &over);
    assert_eq!(names(&seats), ["boss"]);
    let chain = [
        away("boss", person("nina"), later()),
        away("nina", person("otto"), later()),
    ];
    let seats = seated(&[person("boss")], ["anna", "anna"], &chain);
    assert_eq!(names(&seats), ["boss", "nina"]);
}

#[test]
fn a_stand_in_adds_nobody_to_those_who_are_needed() {
    let rule = Rule {
        needed: 2.try_into().unwrap(),
        ..Rule::manager_else(Vec::new())
    };
    let away = [away("boss", person("nina"), later())];
    let seats = seated(&[person("boss")], ["anna", "anna"], &away);
    assert!(!enough(&seats, &rule));
    let both = seated(&[person("boss"), person("otto")], ["anna", "anna"], &away);
    assert!(enough(&both, &rule));
}

#[test]
fn who_has_a_seat_already_gets_no_other() {
    let anna = party("anna");
    let first = seated(&[person("boss")], ["anna", "anna"], &[]);
    let found = candidates(&["boss", "nina"]);
    let more = seats(&found, [&anna, &anna], &[], &first, monday());
    assert_eq!(names(&more), ["nina"]);
}

#[test]
fn who_stands_in_now_may_decide_in_their_own_right_later() {
    let anna = party("anna");
    let away = [away("boss", person("nina"), later())];
    let first = seated(&[person("boss")], ["anna", "anna"], &away);
    let found = candidates(&["nina"]);
    let own = seats(&found, [&anna, &anna], &[], &first, monday());
    assert_eq!(names(&own), ["nina"]);
    assert_eq!(own[0].in_place_of, None);
}

#[test]
fn only_who_was_asked_and_is_another_still_enabled_person_may_decide() {
    let request = request();
    assert!(authorise(&request, &person("boss"), true).is_ok());
    let refused = |person: &Person, is_borne_out| {
        let judged = authorise(&request, person, is_borne_out);
        assert_eq!(judged, Err(Refusal::NotConcerned), "{person:?}");
    };
    refused(&person("boss"), false);
    refused(&person("nina"), true);
    refused(&person("anna"), true);
    let disabled = Person {
        enabled: false,
        ..person("boss")
    };
    refused(&disabled, true);
    // An approver who now reads the requester's mail.
    let turned = Person {
        mail: person("anna").mail,
        ..person("boss")
    };
    refused(&turned, true);
}

#[test]
fn an_approver_of_one_request_is_none_of_another() {
    let one = request();
    let other = Request {
        id: RequestId(uuid::Uuid::from_u128(99)),
        ..request()
    };
    let approver = authorise(&one, &person("boss"), true).unwrap();
    assert_eq!(approver.seat_for(&other), Err(Refusal::NotConcerned));
}

#[test]
fn a_rule_is_for_what_fits_every_kind_of_condition_that_it_has() {
    let mut laptop = device("LT-0042");
    laptop.also_named = vec!["SRV-9".to_owned()];
    let pattern = |text| Serves(vec![NamePattern::parse(text).unwrap()]);
    let fits = |matches: &Matches| {
        let fit = matches.fits_but_for_groups(About {
            device: &laptop,
            units: &["OU=Sales,DC=example,DC=com"],
            unanswered: &[],
            more_units: false,
        });
        fit == Fit::Yes
    };
    assert!(fits(&Matches::default()));
    let by_name = |text| Matches {
        devices: pattern(text),
        ..Matches::default()
    };
    assert!(fits(&by_name("lt-*")));
    assert!(
        fits(&by_name("srv-*")),
        "by another name of the same machine"
    );
    assert!(!fits(&by_name("pc-*")));
    let backends = |name: &str| vec![BackendName(name.to_owned())];
    assert!(fits(&Matches {
        backends: backends("test"),
        ..by_name("lt-*")
    }));
    assert!(!fits(&Matches {
        backends: backends("cloud"),
        ..by_name("lt-*")
    }));
}

#[test]
fn what_a_backend_that_is_silent_could_change_is_not_known() {
    let laptop = device("LT-0042");
    let silent = [BackendName("cloud".to_owned())];
    let fit = |matches: &Matches, more_units| {
        matches.fits_but_for_groups(About {
            device: &laptop,
            units: &[],
            unanswered: &silent,
            more_units,
        })
    };
    let units = Matches {
        units: vec![Unit::parse("OU=Servers,DC=example,DC=com").unwrap()],
        ..Matches::default()
    };
    assert_eq!(fit(&units, false), Fit::No);
    assert_eq!(fit(&units, true), Fit::Unknown);
    let backends = |name: &str| Matches {
        backends: vec![BackendName(name.to_owned())],
        ..Matches::default()
    };
    assert_eq!(fit(&backends("cloud"), false), Fit::Unknown);
    assert_eq!(fit(&backends("other"), false), Fit::No);
    assert_eq!(fit(&backends("test"), false), Fit::Yes);
    let names = Matches {
        devices: Serves(vec![NamePattern::parse("srv-*").unwrap()]),
        ..backends("other")
    };
    assert_eq!(
        fit(&names, false),
        Fit::No,
        "the other condition is not met"
    );
    let names = Matches {
        backends: Vec::new(),
        ..names
    };
    assert_eq!(fit(&names, false), Fit::Unknown);
    assert_eq!(fit(&Matches::default(), true), Fit::Yes);
}

#[test]
fn the_last_rule_of_a_policy_is_for_everything() {
    let narrow = Rule {
        matches: Matches {
            backends: vec![BackendName("cloud".to_owned())],
            ..Matches::default()
        },
        ..Rule::manager_else(Vec::new())
    };
    let policy = Policy::new(Vec::new(), narrow);
    let last = policy.rules().last().unwrap();
    assert_eq!(last.matches, Matches::default());
}
