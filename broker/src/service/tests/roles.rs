//! Who has which role.

use jiff::SignedDuration;

use super::{World, anna, boss};
use crate::audit::{Actor, Event};
use crate::identity::Way;
use crate::ports::{GroupName, Session};
use crate::roles::{Bearer, Role, RoleGroups, Roles};
use crate::testing::sample::monday;
use crate::tokens::TokenHash;

fn groups() -> RoleGroups {
    let group = |name: &str| Bearer::Group(GroupName(name.to_owned()));
    let claim = |value: &str| Bearer::Claim(value.to_owned());
    RoleGroups {
        agents: vec![group("Desk"), group("Night desk")],
        auditors: vec![group("Audit"), claim("Clavis.Audit")],
        operators: vec![group("Gone")],
        break_glass: Vec::new(),
    }
}

impl World {
    fn with_groups(roles: RoleGroups) -> Self {
        let world = Self::with_roles(roles);
        world.directory.add_group("Desk", vec![boss().id]);
        world.directory.add_group("Night desk", vec![anna().id]);
        world.directory.add_group("Audit", Vec::new());
        world
    }

    async fn roles(&self, claims: &[&str]) -> Roles {
        self.broker.roles_of(&session(claims)).await.unwrap()
    }
}

fn session(claims: &[&str]) -> Session {
    Session {
        token: TokenHash([7; 32]),
        person: anna(),
        by: Way::Mail,
        claims: claims.iter().map(ToString::to_string).collect(),
        used_at: monday(),
        ends_at: monday(),
    }
}

fn these(roles: &[Role]) -> Roles {
    roles.iter().copied().collect()
}

#[tokio::test]
async fn groups_and_claims_give_roles_and_an_unknown_group_gives_none() {
    let world = World::with_groups(groups());
    assert_eq!(world.roles(&[]).await, these(&[Role::Agent]));
    let both = these(&[Role::Agent, Role::Auditor]);
    assert_eq!(world.roles(&["Clavis.Audit"]).await, both);
    assert_eq!(world.roles(&["Gone", "Desk"]).await, these(&[Role::Agent]));
}

#[tokio::test]
async fn the_directory_is_asked_again_after_a_minute() {
    let world = World::with_groups(groups());
    assert!(world.roles(&[]).await.has(Role::Agent));
    world.directory.break_down(true);
    world.clock.advance(SignedDuration::from_secs(59));
    assert!(world.roles(&[]).await.has(Role::Agent));
    world.clock.advance(SignedDuration::from_secs(1));
    for claims in [&[][..], &["Clavis.Audit"]] {
        world.broker.roles_of(&session(claims)).await.unwrap_err();
    }
    world.directory.break_down(false);
    assert!(world.roles(&[]).await.has(Role::Agent));
}

#[tokio::test]
async fn an_account_that_is_disabled_has_no_role_whatever_is_claimed() {
    let world = World::with_groups(groups());
    world.disable(&anna().id);
    assert!(world.roles(&["Clavis.Audit"]).await.is_empty());
}

#[tokio::test]
async fn nobody_is_asked_where_nothing_gives_a_role() {
    let claims_alone = RoleGroups {
        agents: Vec::new(),
        operators: Vec::new(),
        auditors: vec![Bearer::Claim("Clavis.Audit".to_owned())],
        break_glass: Vec::new(),
    };
    for groups in [RoleGroups::default(), claims_alone] {
        let world = World::with_groups(groups);
        world.directory.break_down(true);
        assert!(world.roles(&["Clavis.Agent"]).await.is_empty());
    }
}

#[tokio::test]
async fn a_refusal_is_written_down_by_its_route() {
    let world = World::with_groups(groups());
    let session = session(&[]);
    let refusal = world.broker.refuse_access(&session, "/audit", None);
    refusal.await.unwrap();
    let row = world.log().await.pop().expect("a row");
    let route = "/audit".to_owned();
    assert_eq!(row.entry.event, Event::AccessRefused { route });
    assert_eq!(row.entry.actor, Actor::Person(anna()));
}
