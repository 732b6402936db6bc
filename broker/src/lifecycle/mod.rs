//! The life of a request, as one pure function over its states and commands.
//!
//! ```text
//! Pending ──approve──▶ Approved ──issue link──▶ LinkSent ──redeem──▶ Closed(Redeemed)
//!    ├─approve, and more are needed; nobody decides: more are asked─▶ Pending
//!    ├─decline──▶ Closed(Declined)                 └─3 hours pass─▶ Closed(Expired)
//!    └─time passes─▶ Closed(Lapsed)  ◀─time passes─ Approved
//!           anything open ──withdraw / revoke──▶ Closed(Withdrawn / Revoked)
//! ```

mod command;
mod decide;
mod request;

pub use command::{Command, Decision, Disclosure, Effect, Refusal, Sending, Step};
pub use decide::{decide, open};
pub use request::{
    Approval, CLOCKS_DIFFER, Closing, Draft, Outcome, Request, RequestId, State, Terms, Vote,
    has_ended,
};

#[cfg(test)]
mod tests;
