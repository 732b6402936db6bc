//! What the two pages of a request have in common: the one of whoever asked, and the one at the desk.

use clavis_broker::audit::LogRow;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::Party;
use jiff::Timestamp;

use crate::site::Site;
use crate::times::When;
use crate::words::{self, Asked, Begins, Moment, Page, Said, Standing};

/// A request: where it stands, who decides, what was asked for and what has happened.
pub(super) struct Body<'a> {
    pub(super) request: &'a Request,
    pub(super) made_at: When,
    pub(super) standing: Standing,
    pub(super) said: Vec<Said<'a>>,
    pub(super) asked: Vec<Asked<'a>>,
    pub(super) begins: Vec<Begins>,
    pub(super) history: Vec<Moment>,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        request: &'a Request,
        rows: &[LogRow],
        page: Page,
        reader: &Party,
        now: Timestamp,
        site: &Site,
    ) -> Self {
        Self {
            request,
            made_at: site.when(request.made_at),
            standing: words::standing(request, reader, now, site),
            said: words::said(request),
            asked: words::asked(request, rows, reader, site),
            begins: words::begins(request, now, site),
            history: words::history(request, rows, page, site),
        }
    }
}
