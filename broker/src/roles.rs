//! Roles: what somebody may do beyond what everybody who is signed in may. They come from groups
//! of the directory, or from what an identity provider says of somebody.

use std::collections::BTreeSet;

use crate::people::{GroupName, Party};

/// A role. Everybody who is signed in is an employee, which needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Helps others at the desk.
    Agent,
    /// Reads the log.
    Auditor,
    /// Keeps the installation running.
    Operator,
    /// May release without an approval.
    BreakGlass,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Auditor, Self::Operator, Self::BreakGlass];

    /// The setting of `[roles]` that says who has it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Agent => "agents",
            Self::Auditor => "auditors",
            Self::Operator => "operators",
            Self::BreakGlass => "break_glass",
        }
    }
}

/// The roles that somebody has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Whether this is one of them.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether one of these is among them.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These, and those of another set.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend(&others.0);
        self
    }
}

/// Somebody who may act for others at the desk. Only [`Roles::agent`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent(Party);

/// Somebody who may release keys without an approval. Only [`Roles::glass_breaker`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlassBreaker(Party);

/// Somebody who keeps the installation running. Only [`Roles::operator`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator(Party);

impl Roles {
    /// The person whose roles these are, if one of them makes an agent of them.
    pub fn agent(&self, person: &Party) -> Option<Agent> {
        self.has(Role::Agent).then(|| Agent(person.clone()))
    }

    /// The person whose roles these are, if they may break the glass.
    pub fn glass_breaker(&self, person: &Party) -> Option<GlassBreaker> {
        let may = self.has(Role::BreakGlass);
        may.then(|| GlassBreaker(person.clone()))
    }

    /// The person whose roles these are, if they keep the installation running.
    pub fn operator(&self, person: &Party) -> Option<Operator> {
        self.has(Role::Operator).then(|| Operator(person.clone()))
    }
}

impl Agent {
    /// Who that is.
    pub fn party(&self) -> &Party {
        &self.0
    }
}

impl GlassBreaker {
    /// Who that is.
    pub fn party(&self) -> &Party {
        &self.0
    }
}

impl Operator {
    /// Who that is.
    pub fn party(&self) -> &Party {
        &self.0
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

/// By what somebody has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// Members of this group of the directory.
    Group(GroupName),
    /// Those of whom the identity provider that they signed in at sent this value.
    Claim(String),
}

impl Bearer {
    /// What a value of a claim begins with in the configuration.
    pub const CLAIM: &str = "claim:";
}

/// Who has which role. Nobody has any where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleGroups {
    /// Who is an agent.
    pub agents: Vec<Bearer>,
    /// Who is an auditor.
    pub auditors: Vec<Bearer>,
    /// Who is an operator.
    pub operators: Vec<Bearer>,
    /// Who may break the glass.
    pub break_glass: Vec<Bearer>,
}

impl RoleGroups {
    /// By what somebody has this role.
    pub fn of(&self, role: Role) -> &[Bearer] {
        match role {
            Role::Agent => &self.agents,
            Role::Auditor => &self.auditors,
            Role::Operator => &self.operators,
            Role::BreakGlass => &self.break_glass,
        }
    }

    /// The roles that somebody has by these claims.
    pub fn claimed(&self, claims: &[String]) -> Roles {
        let is_claimed =
            |bearer: &Bearer| matches!(bearer, Bearer::Claim(it) if claims.contains(it));
        let roles = Role::ALL.into_iter();
        roles
            .filter(|role| self.of(*role).iter().any(is_claimed))
            .collect()
    }

    /// Each group that gives a role, with that role.
    pub fn groups(&self) -> impl Iterator<Item = (Role, &GroupName)> {
        Role::ALL.into_iter().flat_map(|role| {
            self.of(role).iter().filter_map(move |bearer| match bearer {
                Bearer::Group(group) => Some((role, group)),
                Bearer::Claim(_) => None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Bearer {
        Bearer::Group(GroupName(name.to_owned()))
    }

    fn claim(value: &str) -> Bearer {
        Bearer::Claim(value.to_owned())
    }

    #[test]
    fn a_claim_gives_the_roles_that_name_it_and_no_other() {
        let groups = RoleGroups {
            agents: vec![group("Desk"), claim("Clavis.Agent")],
            auditors: vec![claim("Clavis.Audit"), claim("Clavis.Agent")],
            operators: vec![group("Clavis.Agent")],
            break_glass: Vec::new(),
        };
        let roles = |claims: &[&str]| {
            let claims: Vec<_> = claims.iter().map(ToString::to_string).collect();
            groups.claimed(&claims)
        };
        assert_eq!(
            roles(&["Clavis.Agent", "other"]),
            [Role::Agent, Role::Auditor].into_iter().collect()
        );
        for none in [&["Desk"][..], &["clavis.audit"], &["Clavis"], &[]] {
            assert!(roles(none).is_empty(), "{none:?}");
        }
        let named: Vec<_> = groups.groups().collect();
        let (desk, other) = (GroupName("Desk".into()), GroupName("Clavis.Agent".into()));
        assert_eq!(named, [(Role::Agent, &desk), (Role::Operator, &other)]);
    }

    #[test]
    fn nobody_has_a_role_where_nothing_is_said() {
        let groups = RoleGroups::default();
        assert!(groups.claimed(&[String::new()]).is_empty());
        assert_eq!(groups.groups().count(), 0);
        assert!(!Roles::default().has_any(&Role::ALL));
    }
}
