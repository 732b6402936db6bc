//! What programs elsewhere are told of what becomes of a request.

use super::Broker;
use crate::lifecycle::{Request, Step};
use crate::ports::Write;

impl Broker {
    /// The jobs that tell of a step, with the request as it stands after it. Committed with the step.
    pub(super) fn announce(&self, request: &Request, step: &Step) -> Vec<Write> {
        let desk = self.tell_desk(request, step).into_iter();
        desk.chain(self.tell_programs(request, step)).collect()
    }
}
