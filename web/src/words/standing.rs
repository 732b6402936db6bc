//! Where a request stands, and what comes next for its reader.

use clavis_broker::lifecycle::{Approval, Outcome, Request, State};
use clavis_broker::people::Party;
use jiff::Timestamp;

use super::{all, progress};
use crate::site::Site;

/// Where a request stands.
pub(crate) struct Standing {
    /// In two or three words.
    pub(crate) label: &'static str,
    /// How it looks: a class of the style sheet.
    pub(crate) tone: &'static str,
    /// For everybody concerned.
    pub(crate) sentence: String,
    /// For whoever asked or gets the key: what comes next, or what they can do.
    pub(crate) next: String,
}

/// Whether there is still something to take back.
pub(crate) fn is_open(request: &Request, now: Timestamp) -> bool {
    request.state.runs_out_at().is_some() && !request.is_overdue(now)
}

/// Where a request stands at `now`, for this reader. Time that has run out counts, recorded or not.
pub(crate) fn standing(request: &Request, reader: &Party, now: Timestamp, site: &Site) -> Standing {
    let about = About {
        name: &request.beneficiary.name,
        is_theirs: reader.id == request.beneficiary.id,
        site,
    };
    let mail = &request.beneficiary.mail;
    let name = about.name;
    // Nothing has ended later than now, whatever a clock that was ahead has written.
    let is_overdue = request.is_overdue(now);
    match &request.state {
        State::Pending { lapses_at, .. } if is_overdue => about.undecided(now.min(*lapses_at)),
        State::Pending { .. } => Standing {
            label: "Waiting for approval",
            tone: "waiting",
            sentence: progress(request),
            next: about.to(
                "You get a mail as soon as there is a decision.",
                format!("You and {name} get a mail as soon as there is a decision."),
            ),
        },
        State::Approved { deliver_by, .. } if is_overdue => about.undelivered(now.min(*deliver_by)),
        State::Approved { approval, .. } => Standing {
            label: label(approval),
            tone: "good",
            sentence: about.released(approval),
            next: about.to(
                format!("Your key link is on its way to {mail}. If it is not there in a few minutes, look into the folder for junk mail."),
                format!("The key link is on its way to {name}, at {mail}."),
            ),
        },
        State::LinkSent { expires_at, .. } if is_overdue => about.expired(now.min(*expires_at)),
        State::LinkSent {
            approval,
            expires_at,
            ..
        } => {
            let until = site.moment(*expires_at);
            let released = about.released(approval);
            Standing {
                label: "Key link sent",
                tone: "good",
                sentence: format!("{released} The key link was mailed to {name}."),
                next: about.to(
                    format!("Open the link from your mail until {until}. It opens once, so have the locked laptop beside you."),
                    format!("{name} can open it until {until}. It opens once."),
                ),
            }
        }
        State::Closed(closing) => about.closed(&closing.outcome, closing.at),
    }
}

fn label(approval: &Approval) -> &'static str {
    match approval {
        Approval::Votes { .. } => "Approved",
        Approval::BrokenGlass { .. } => "Released",
    }
}

/// Whose request it is, and whether the reader is who gets the key.
struct About<'a> {
    name: &'a str,
    is_theirs: bool,
    site: &'a Site,
}

impl About<'_> {
    /// Words for who gets the key, or for who asked in their stead.
    fn to(&self, beneficiary: impl Into<String>, agent: impl Into<String>) -> String {
        if self.is_theirs {
            beneficiary.into()
        } else {
            agent.into()
        }
    }

    fn released(&self, approval: &Approval) -> String {
        let who = all(approval.people().map(|party| party.name.as_str()));
        let at = approval.at().map(|at| self.site.moment(at));
        let on = at.map_or_else(String::new, |at| format!(" on {at}"));
        match approval {
            Approval::Votes { .. } => format!("{who} approved{on}."),
            Approval::BrokenGlass { .. } => {
                format!("{who} released the key{on}, without an approval.")
            }
        }
    }

    fn closed(&self, outcome: &Outcome, at: Timestamp) -> Standing {
        let moment = self.site.moment(at);
        let name = self.name;
        match outcome {
            Outcome::Redeemed { .. } => Standing {
                label: "Key retrieved",
                tone: "done",
                sentence: format!("The key link was opened and the recovery key shown on {moment}."),
                next: self.to(
                    "If that was not you, call support now. If you need the key once more, ask again.",
                    format!("If that was not {name}, the key has to be replaced. If {name} needs it once more, ask again."),
                ),
            },
            Outcome::Declined { by, .. } => Standing {
                label: "Declined",
                tone: "bad",
                sentence: format!("{} declined on {moment}.", by.name),
                next: format!("Talk to {}, or call support.", by.name),
            },
            Outcome::Withdrawn { by } => Standing {
                label: "Withdrawn",
                tone: "done",
                sentence: format!("{} withdrew the request on {moment}.", by.name),
                next: "You can ask again at any time.".to_owned(),
            },
            Outcome::Expired { .. } => self.expired(at),
            Outcome::Lapsed { approval: None } => self.undecided(at),
            Outcome::Lapsed { approval: Some(_) } => self.undelivered(at),
            Outcome::Revoked { .. } => Standing {
                label: "Stopped",
                tone: "bad",
                sentence: format!("The request was stopped on {moment}."),
                next: "Call support to learn why.".to_owned(),
            },
        }
    }

    fn expired(&self, at: Timestamp) -> Standing {
        Standing {
            label: "Link expired",
            tone: "bad",
            sentence: format!(
                "The key link was not opened in time. It ended on {}, and no key was shown.",
                self.site.moment(at)
            ),
            next: self.to(
                "Ask again when you have the locked laptop beside you.",
                format!(
                    "Ask again when {} has the locked laptop at hand.",
                    self.name
                ),
            ),
        }
    }

    fn undecided(&self, at: Timestamp) -> Standing {
        Standing {
            label: "Lapsed",
            tone: "bad",
            sentence: format!(
                "Nobody decided in time. The request lapsed on {}.",
                self.site.moment(at)
            ),
            next: self.to(
                "Ask again, and tell your approver; or call support.",
                "Ask again, and tell an approver.",
            ),
        }
    }

    fn undelivered(&self, at: Timestamp) -> Standing {
        Standing {
            label: "Lapsed",
            tone: "bad",
            sentence: format!(
                "The key was to be released, but no key link could be mailed in time. The request lapsed on {}.",
                self.site.moment(at)
            ),
            next: "Ask again, or call support.".to_owned(),
        }
    }
}
