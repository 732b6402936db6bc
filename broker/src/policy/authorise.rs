//! Whether somebody may decide one request.

use super::panel::Seat;
use crate::lifecycle::{Refusal, Request, RequestId};
use crate::people::{Party, Person};

/// Somebody who may decide one request. Only [`authorise`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    seat: Seat,
    request: RequestId,
}

impl Approver {
    /// Who it is, as the directory knows them now.
    pub fn party(&self) -> &Party {
        &self.seat.party
    }

    /// The seat, if it is this request that they may decide.
    pub(crate) fn seat_for(&self, request: &Request) -> Result<&Seat, Refusal> {
        if self.request == request.id {
            Ok(&self.seat)
        } else {
            Err(Refusal::NotConcerned)
        }
    }
}

/// Whether somebody who was asked may decide the request, as the directory knows them now: their
/// account is enabled, and they neither asked nor get the key. `is_borne_out` says that the
/// directory still bears out why the policy named them.
///
/// # Errors
/// [`Refusal::NotConcerned`] otherwise.
pub fn authorise(
    request: &Request,
    person: &Person,
    is_borne_out: bool,
) -> Result<Approver, Refusal> {
    let party = person.party().map_err(|_| Refusal::NotConcerned)?;
    let seat = request.seat_of(&party.id);
    let is_other = !party.is_same_as(&request.requester) && !party.is_same_as(&request.beneficiary);
    match seat {
        Some(seat) if is_other && is_borne_out => Ok(Approver {
            seat: Seat {
                party,
                ..seat.clone()
            },
            request: request.id,
        }),
        _ => Err(Refusal::NotConcerned),
    }
}
