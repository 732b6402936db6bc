//! A request as one of its readers sees it: who asked for whom, and why they are written to.

use clavis_broker::letters::LetterKind;
use clavis_broker::lifecycle::{Approval, Outcome, Request, State};
use clavis_broker::people::Party;
use clavis_broker::policy::Seat;
use clavis_broker::service::Gates;
use clavis_broker::tokens::PlainToken;

use super::wording::{Address, Wording, one_line, title};
use crate::site::Site;
use crate::words::all;

/// A request as one of its readers sees it.
pub(super) struct About<'a> {
    pub(super) request: &'a Request,
    pub(super) to: &'a Party,
    pub(super) site: &'a Site,
    pub(super) gates: Gates,
    pub(super) device: String,
    /// Who gets the key.
    pub(super) beneficiary: String,
    /// Who asked for them, where they did not ask themselves.
    pub(super) agent: Option<String>,
    pub(super) reader: Reader,
    /// The seat that the reader decides from, where they have one.
    pub(super) seat: Option<&'a Seat>,
}

/// What the reader has to do with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// They get the key.
    Beneficiary,
    /// They asked for somebody else.
    Agent,
    /// They released the key without an approval.
    GlassBreaker,
    /// They may decide, or could have.
    Approver,
}

impl<'a> About<'a> {
    pub(super) fn new(request: &'a Request, to: &'a Party, site: &'a Site, gates: Gates) -> Self {
        let (beneficiary, requester) = (&request.beneficiary, &request.requester);
        let reader = if to.id == beneficiary.id {
            Reader::Beneficiary
        } else if to.id == requester.id {
            Reader::Agent
        } else if breaker(request).is_some_and(|who| who.id == to.id) {
            Reader::GlassBreaker
        } else {
            Reader::Approver
        };
        let by_another = requester.id != beneficiary.id;
        Self {
            request,
            to,
            site,
            gates,
            device: one_line(&request.device.name),
            beneficiary: one_line(&beneficiary.name),
            agent: by_another.then(|| one_line(&requester.name)),
            reader,
            seat: request.seat_of(&to.id),
        }
    }

    /// A letter of this kind.
    pub(super) fn write(&self, kind: LetterKind, link: Option<&PlainToken>) -> Wording {
        let title = title(kind);
        let mut words = Wording {
            subject: format!("{title}: {} ({})", self.request.reference, self.device),
            title,
            facts: self.facts(),
            why: self.why(),
            ..Wording::default()
        };
        self.fill(kind, link, &mut words);
        words
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Request", self.request.reference.to_string()),
            ("Device", self.device.clone()),
        ];
        if let Some(agent) = &self.agent {
            facts.push(("Asked by", agent.clone()));
        }
        if self.agent.is_some() || self.reader != Reader::Beneficiary {
            facts.push(("For", self.beneficiary.clone()));
        }
        facts.push(("Made on", self.site.moment(self.request.made_at)));
        facts
    }

    fn why(&self) -> String {
        let phone = &self.site.support.phone;
        let reference = &self.request.reference;
        let name = &self.beneficiary;
        let because = match (self.reader, &self.agent) {
            (Reader::Beneficiary, None) => {
                "a recovery key was asked for in your name. If you did not ask for this".to_owned()
            }
            (Reader::Beneficiary, Some(agent)) => {
                format!("{agent} asked for a recovery key for you. If you know nothing of this")
            }
            (Reader::Agent, _) => {
                format!("you asked for a recovery key for {name}. If you did not ask for this")
            }
            (Reader::GlassBreaker, _) => {
                "you released a recovery key without an approval. If you did not do this".to_owned()
            }
            (Reader::Approver, _) => {
                format!("{}. If anything about it looks odd", self.why_asked())
            }
        };
        format!(
            "You get this mail because {because}, call support at {phone} and quote {reference}."
        )
    }

    fn why_asked(&self) -> String {
        let name = &self.beneficiary;
        match self.absent() {
            Some(of) => format!("you stand in for {of}, who may approve requests of {name}"),
            None => format!("you may approve requests of {name}"),
        }
    }

    /// Whom the reader stands in for.
    pub(super) fn absent(&self) -> Option<String> {
        let of = self.seat?.in_place_of.as_ref()?;
        Some(one_line(&of.name))
    }

    /// Whether the request was the reader's wish, or made for them.
    pub(super) fn is_asker(&self) -> bool {
        matches!(self.reader, Reader::Beneficiary | Reader::Agent)
    }

    /// The request, with who asked for whom: `your request for the recovery key of LT-42`.
    pub(super) fn the_request(&self) -> String {
        let (device, name) = (&self.device, &self.beneficiary);
        match (self.reader, &self.agent) {
            (Reader::Beneficiary, None) => format!("your request for the recovery key of {device}"),
            (Reader::Beneficiary, Some(agent)) => {
                format!("the request of {agent} for the recovery key of {device}, for you")
            }
            (Reader::Agent, _) => {
                format!("your request for the recovery key of {device}, for {name}")
            }
            (_, Some(agent)) => {
                format!("the request of {agent} for the recovery key of {device}, for {name}")
            }
            (_, None) => format!("the request of {name} for the recovery key of {device}"),
        }
    }

    /// At the beginning of a sentence.
    pub(super) fn the_request_first(&self) -> String {
        let text = self.the_request();
        let (head, tail) = text.split_at(1);
        format!("{}{tail}", head.to_ascii_uppercase())
    }

    /// The key link, as the reader calls it.
    pub(super) fn key_link(&self) -> String {
        if self.reader == Reader::Beneficiary {
            "your key link".to_owned()
        } else {
            format!("the key link of {}", self.beneficiary)
        }
    }

    /// Who decided, as far as is known.
    pub(super) fn deciders(&self) -> String {
        let names: Vec<_> = match &self.request.state {
            State::Closed(closing) => match &closing.outcome {
                Outcome::Declined { by, .. } => vec![one_line(&by.name)],
                _ => self.approvers(),
            },
            _ => self.approvers(),
        };
        if names.is_empty() {
            "An approver".to_owned()
        } else {
            all(names)
        }
    }

    fn approvers(&self) -> Vec<String> {
        let approval = self.request.state.approval().into_iter();
        let people = approval.flat_map(Approval::people);
        people.map(|party| one_line(&party.name)).collect()
    }

    /// ` on Tuesday, …`, if the request is over.
    pub(super) fn on_closing(&self) -> String {
        match &self.request.state {
            State::Closed(closing) => format!(" on {}", self.site.moment(closing.at)),
            _ => String::new(),
        }
    }

    pub(super) fn page(&self) -> Address {
        Address {
            lead: "How it stands, at any time:",
            url: self
                .site
                .url(&format!("/requests/{}", self.request.reference)),
        }
    }

    /// Where the button to ask once more is: an agent does so where they asked the first time.
    pub(super) fn ask_again(&self) -> Address {
        if self.reader != Reader::Agent {
            let lead = "Ask for the key again, on the page of the request:";
            return Address {
                lead,
                ..self.page()
            };
        }
        let page = format!("/desk/requests/{}", self.request.reference);
        Address {
            lead: "Ask for the key again, at the desk:",
            url: self.site.url(&page),
        }
    }

    fn fill(&self, kind: LetterKind, link: Option<&PlainToken>, words: &mut Wording) {
        match kind {
            LetterKind::RequestConfirmation => self.confirmation(words),
            LetterKind::ApprovalNeeded => self.approval_needed(link, words),
            LetterKind::ApprovalReminder => self.approval_reminder(link, words),
            LetterKind::RequestApproved => self.approved(words),
            LetterKind::KeyLink => self.here_is_the_key_link(link, words),
            LetterKind::KeyRetrieved => self.retrieved(words),
            LetterKind::LinkExpired => self.expired(words),
            LetterKind::RequestDeclined => self.declined(words),
            LetterKind::RequestWithdrawn => self.withdrawn(words),
            LetterKind::RequestLapsed => self.lapsed(words),
            LetterKind::RequestRevoked => self.stopped(words),
            LetterKind::GlassBroken => self.glass_broken(words),
            LetterKind::KeyRotated => self.rotated(words),
        }
    }
}

/// Who released the keys without an approval, if somebody did.
pub(super) fn breaker(request: &Request) -> Option<&Party> {
    match request.state.approval()? {
        Approval::BrokenGlass { who, .. } => Some(who),
        Approval::Votes { .. } => None,
    }
}
