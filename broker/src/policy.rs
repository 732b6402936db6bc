//! Who approves: judgements over what the directory said, with no directory in sight.
//!
//! The one rule: nobody who asked, and nobody who gets the key, ever approves. An [`Approver`]
//! can only be made here, and [`crate::lifecycle::decide`] takes nothing less.

use crate::lifecycle::{Refusal, Request, RequestId};
use crate::people::{Party, Person};

/// The people who may be asked to approve a request: at least one, and none who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(Vec<Party>);

impl Asked {
    pub(crate) fn into_parties(self) -> Vec<Party> {
        self.0
    }
}

/// Nobody is left who may approve: the request is refused at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody may approve: there is no manager who can, and none of the nominated people can")]
pub struct NobodyToAsk;

/// Whom to ask: the beneficiary's manager, else everybody who is nominated.
///
/// A manager who asked, who gets the key, whose account is disabled or who has no mail address
/// counts as none; so does such a nominated person.
///
/// # Errors
/// [`NobodyToAsk`] where none is left.
pub fn whom_to_ask(
    requester: &Party,
    beneficiary: &Party,
    manager: Option<&Person>,
    nominated: &[Person],
) -> Result<Asked, NobodyToAsk> {
    let fit = |person: &Person| {
        let party = person.party().ok()?;
        (!party.is_same_as(requester) && !party.is_same_as(beneficiary)).then_some(party)
    };
    if let Some(manager) = manager.and_then(fit) {
        return Ok(Asked(vec![manager]));
    }
    let mut asked: Vec<Party> = Vec::new();
    for party in nominated.iter().filter_map(fit) {
        if !asked.iter().any(|other| other.is_same_as(&party)) {
            asked.push(party);
        }
    }
    if asked.is_empty() {
        Err(NobodyToAsk)
    } else {
        Ok(Asked(asked))
    }
}

/// Somebody who may decide one request. Only [`authorise`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    party: Party,
    request: RequestId,
}

impl Approver {
    /// The person, if it is this request that they may decide.
    pub(crate) fn party_for(&self, request: &Request) -> Result<&Party, Refusal> {
        if self.request == request.id {
            Ok(&self.party)
        } else {
            Err(Refusal::NotConcerned)
        }
    }
}

/// Whether somebody who holds a review link may decide the request, as the directory knows them
/// now: they were asked, their account is enabled, and they neither asked nor get the key.
///
/// # Errors
/// [`Refusal::NotConcerned`] otherwise.
pub fn authorise(request: &Request, person: &Person) -> Result<Approver, Refusal> {
    let party = person.party().map_err(|_| Refusal::NotConcerned)?;
    let was_asked = request.asked.iter().any(|asked| asked.id == party.id);
    let is_other = !party.is_same_as(&request.requester) && !party.is_same_as(&request.beneficiary);
    if was_asked && is_other {
        Ok(Approver {
            party,
            request: request.id,
        })
    } else {
        Err(Refusal::NotConcerned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::{person, request};

    fn names(asked: Result<Asked, NobodyToAsk>) -> Vec<String> {
        asked
            .map(|asked| asked.0.into_iter().map(|party| party.name).collect())
            .unwrap_or_default()
    }

    #[test]
    fn the_manager_is_asked_and_the_nominated_only_without_one() {
        let (anna, boss, nina) = (person("anna"), person("boss"), person("nina"));
        let me = anna.party().unwrap();
        let nominated = [nina.clone(), anna.clone(), nina];
        assert_eq!(
            names(whom_to_ask(&me, &me, Some(&boss), &nominated)),
            ["boss"]
        );
        assert_eq!(names(whom_to_ask(&me, &me, None, &nominated)), ["nina"]);
    }

    #[test]
    fn an_unfit_manager_counts_as_none() {
        let me = person("anna").party().unwrap();
        let nominated = [person("nina")];
        let disabled = Person {
            enabled: false,
            ..person("boss")
        };
        let unreachable = Person {
            mail: None,
            ..person("boss")
        };
        let myself = person("anna");
        let my_other_account = Person {
            mail: person("anna").mail,
            ..person("anna-admin")
        };
        for manager in [disabled, unreachable, myself, my_other_account] {
            assert_eq!(
                names(whom_to_ask(&me, &me, Some(&manager), &nominated)),
                ["nina"],
                "{manager:?}"
            );
        }
    }

    #[test]
    fn neither_who_asked_nor_who_gets_the_key_is_asked() {
        let (agent, anna) = (person("agent"), person("anna"));
        let asked = whom_to_ask(
            &agent.party().unwrap(),
            &anna.party().unwrap(),
            Some(&agent),
            &[anna, agent.clone()],
        );
        assert_eq!(asked, Err(NobodyToAsk));
    }

    #[test]
    fn only_who_was_asked_and_is_another_still_enabled_person_may_decide() {
        let request = request();
        assert!(authorise(&request, &person("boss")).is_ok());
        assert!(
            authorise(
                &request,
                &Person {
                    enabled: false,
                    ..person("boss")
                }
            )
            .is_err()
        );
        assert!(authorise(&request, &person("nina")).is_err());
        assert!(authorise(&request, &person("anna")).is_err());
        let turned = Person {
            mail: person("anna").mail,
            ..person("boss")
        };
        assert!(
            authorise(&request, &turned).is_err(),
            "an approver who now reads the requester's mail"
        );
    }

    #[test]
    fn an_approver_of_one_request_is_none_of_another() {
        let one = request();
        let other = Request {
            id: RequestId(uuid::Uuid::from_u128(99)),
            ..request()
        };
        let approver = authorise(&one, &person("boss")).unwrap();
        assert_eq!(approver.party_for(&other), Err(Refusal::NotConcerned));
    }
}
