//! A request as one of its readers sees it, and what each letter tells them of it.

use clavis_broker::letters::LetterKind;
use clavis_broker::lifecycle::{Outcome, Request, State};
use clavis_broker::people::Party;
use clavis_broker::tokens::PlainToken;

use super::wording::{Address, Button, Wording, one_line};
use crate::forms::with_query;
use crate::site::Site;
use crate::times::term;
use crate::words::names;

/// A request as one of its readers sees it.
pub(super) struct About<'a> {
    request: &'a Request,
    to: &'a Party,
    site: &'a Site,
    pub(super) device: String,
    asker: String,
    /// Whether the reader asked or gets the key; otherwise they approve.
    asked: bool,
}

impl<'a> About<'a> {
    pub(super) fn new(request: &'a Request, to: &'a Party, site: &'a Site) -> Self {
        Self {
            request,
            to,
            site,
            device: one_line(&request.device.name),
            asker: one_line(&request.beneficiary.name),
            asked: request.concerns(to),
        }
    }

    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Request", self.request.reference.to_string()),
            ("Device", self.device.clone()),
        ];
        if !self.asked {
            facts.push(("For", self.asker.clone()));
        }
        facts.push(("Made on", self.site.moment(self.request.made_at)));
        facts
    }

    pub(super) fn why(&self) -> String {
        let phone = &self.site.support.phone;
        let reference = &self.request.reference;
        if self.asked {
            format!(
                "You get this mail because a recovery key was asked for in your name. If you did not ask for this, call support at {phone} and quote {reference}."
            )
        } else {
            format!(
                "You get this mail because you may approve requests of {}. If anything about it looks odd, call support at {phone} and quote {reference}.",
                self.asker
            )
        }
    }

    /// Who decided, if anybody is known to have.
    fn decider(&self) -> String {
        let by = match &self.request.state {
            State::Closed(closing) => match &closing.outcome {
                Outcome::Declined { by, .. } => Some(by),
                _ => self.request.state.approval().map(|approval| &approval.by),
            },
            state => state.approval().map(|approval| &approval.by),
        };
        by.map_or_else(|| "An approver".to_owned(), |by| one_line(&by.name))
    }

    /// ` on Tuesday, …`, if the request is over.
    fn on_closing(&self) -> String {
        match &self.request.state {
            State::Closed(closing) => format!(" on {}", self.site.moment(closing.at)),
            _ => String::new(),
        }
    }

    fn page(&self) -> Address {
        Address {
            lead: "How it stands, at any time:",
            url: self
                .site
                .url(&format!("/requests/{}", self.request.reference)),
        }
    }

    fn ask_again(&self) -> Address {
        Address {
            lead: "Ask for the key again:",
            url: self
                .site
                .url(&with_query("/requests/new", &[("asset", &self.device)])),
        }
    }

    pub(super) fn fill(&self, kind: LetterKind, link: Option<&PlainToken>, words: &mut Wording) {
        match kind {
            LetterKind::RequestConfirmation => self.confirmation(words),
            LetterKind::ApprovalNeeded => self.approval_needed(link, words),
            LetterKind::RequestApproved => self.approved(words),
            LetterKind::KeyLink => self.key_link(link, words),
            LetterKind::KeyRetrieved => self.retrieved(words),
            LetterKind::LinkExpired => self.expired(words),
            LetterKind::RequestDeclined => self.declined(words),
            LetterKind::RequestWithdrawn => self.withdrawn(words),
            LetterKind::RequestLapsed => self.lapsed(words),
            LetterKind::RequestRevoked => self.stopped(words),
            LetterKind::KeyRotated => self.rotated(words),
        }
    }

    fn confirmation(&self, words: &mut Wording) {
        let asked: Vec<_> = self
            .request
            .asked
            .iter()
            .map(|party| Party {
                name: one_line(&party.name),
                ..party.clone()
            })
            .collect();
        words.before = vec![
            format!(
                "We have your request for the recovery key of {}.",
                self.device
            ),
            format!(
                "{} can approve it. You get a mail as soon as there is a decision.",
                names(&asked)
            ),
        ];
        if let State::Pending { lapses_at } = &self.request.state {
            let at = self.site.moment(*lapses_at);
            words
                .before
                .push(format!("Without a decision, the request lapses on {at}."));
        }
        words.address = Some(self.page());
    }

    fn approval_needed(&self, link: Option<&PlainToken>, words: &mut Wording) {
        words.before = vec![
            format!(
                "{} asks for the recovery key of {}.",
                self.asker, self.device
            ),
            "Please look at the request and decide.".to_owned(),
        ];
        if let State::Pending { lapses_at } = &self.request.state {
            let at = self.site.moment(*lapses_at);
            words.before.push(format!("You can decide until {at}."));
        }
        if let Some(token) = link {
            let url = self.site.url(&format!("/review/{}", token.expose()));
            words.buttons = vec![
                Button {
                    label: "Approve",
                    url: format!("{url}?choice=approve"),
                    is_main: true,
                },
                Button {
                    label: "Decline",
                    url: format!("{url}?choice=decline"),
                    is_main: false,
                },
            ];
            words.address = Some(Address {
                lead: "Both buttons open the same page, where you decide:",
                url,
            });
        }
        words
            .after
            .push("This link is yours alone. Please do not forward it.".to_owned());
        if self.request.asked.len() > 1 {
            words
                .after
                .push("Others were asked as well. The first decision counts.".to_owned());
        }
    }

    fn approved(&self, words: &mut Wording) {
        words.before = vec![format!(
            "{} approved your request for the recovery key of {}.",
            self.decider(),
            self.device
        )];
        if self.to.id == self.request.beneficiary.id {
            words
                .before
                .push("Your key link comes in a mail of its own in a moment.".to_owned());
        }
        words.address = Some(self.page());
    }

    fn key_link(&self, link: Option<&PlainToken>, words: &mut Wording) {
        words.before = vec![
            format!("Here is your key link for {}.", self.device),
            "It opens once. Have the locked laptop beside you before you press the button on the page.".to_owned(),
        ];
        if let State::LinkSent { expires_at, .. } = &self.request.state {
            words.before.push(format!(
                "The link is valid for {}, until {}.",
                term(self.request.terms.link_valid_for),
                self.site.moment(*expires_at)
            ));
        }
        if let Some(token) = link {
            let url = self.site.url(&format!("/key/{}", token.expose()));
            words.buttons = vec![Button {
                label: "Open the key page",
                url: url.clone(),
                is_main: true,
            }];
            words.address = Some(Address {
                lead: "Or copy this address into a browser, on your phone for example:",
                url,
            });
        }
        words.after =
            vec!["Whoever has this link can open it. Please do not forward it.".to_owned()];
    }

    fn retrieved(&self, words: &mut Wording) {
        let on = self.on_closing();
        words.before = if self.asked {
            vec![
                format!(
                    "The recovery key of {} was shown{on}, through your key link.",
                    self.device
                ),
                "That was not you? Then call support now.".to_owned(),
            ]
        } else {
            vec![
                format!(
                    "The recovery key of {} was shown{on}, through the key link of {}.",
                    self.device, self.asker
                ),
                "There is nothing left for you to do.".to_owned(),
            ]
        };
        if self.asked {
            words.address = Some(self.page());
        }
    }

    fn expired(&self, words: &mut Wording) {
        let on = self.on_closing();
        if self.asked {
            words.before = vec![
                format!(
                    "Your key link for {} was not opened in time. It ended{on}.",
                    self.device
                ),
                "No key was shown. Ask again when you have the locked laptop beside you."
                    .to_owned(),
            ];
            words.address = Some(self.ask_again());
        } else {
            words.before = vec![
                format!("The key link of {} for {} was not opened in time. It ended{on}, and no key was shown.", self.asker, self.device),
                "There is nothing left for you to do. If the key is still needed, you will be asked again.".to_owned(),
            ];
        }
    }

    fn declined(&self, words: &mut Wording) {
        words.before = vec![
            format!(
                "{} declined your request for the recovery key of {}.",
                self.decider(),
                self.device
            ),
            "If they added a comment, it stands on the page of the request. If you still need the key, talk to them or call support.".to_owned(),
        ];
        words.address = Some(self.page());
    }

    fn withdrawn(&self, words: &mut Wording) {
        let on = self.on_closing();
        words.before = if self.asked {
            vec![format!(
                "Your request for the recovery key of {} was withdrawn{on}. A key link that was sent does not open any more.",
                self.device
            )]
        } else {
            vec![
                format!(
                    "The request of {} for the recovery key of {} was withdrawn{on}.",
                    self.asker, self.device
                ),
                "There is nothing left for you to do.".to_owned(),
            ]
        };
        if self.asked {
            words.address = Some(self.ask_again());
        }
    }

    fn lapsed(&self, words: &mut Wording) {
        let how = if self.request.state.approval().is_some() {
            "It was approved, but no key link could be mailed in time."
        } else {
            "Nobody decided in time."
        };
        let on = self.on_closing();
        if self.asked {
            words.before = vec![
                format!(
                    "Your request for the recovery key of {} lapsed{on}. {how}",
                    self.device
                ),
                "If you still need the key, ask again, or call support.".to_owned(),
            ];
            words.address = Some(self.ask_again());
        } else {
            words.before = vec![
                format!("The request of {} for the recovery key of {} lapsed{on}. {how}", self.asker, self.device),
                "There is nothing left for you to do. If the key is still needed, you will be asked again.".to_owned(),
            ];
        }
    }

    fn stopped(&self, words: &mut Wording) {
        let on = self.on_closing();
        if self.asked {
            words.before = vec![
                format!(
                    "Your request for the recovery key of {} was stopped{on}. A key link that was sent does not open any more.",
                    self.device
                ),
                "Call support to learn why.".to_owned(),
            ];
            words.address = Some(self.page());
        } else {
            words.before = vec![
                format!(
                    "The request of {} for the recovery key of {} was stopped{on}.",
                    self.asker, self.device
                ),
                "There is nothing left for you to do.".to_owned(),
            ];
        }
    }

    fn rotated(&self, words: &mut Wording) {
        words.before = vec![
            format!(
                "{} was told to make a new recovery key, because the one that it had was shown to you{}.",
                self.device,
                self.on_closing()
            ),
            "There is nothing for you to do. As soon as the device has been online, the key that you saw opens it no more: if you wrote it down, throw it away. If you ever need a key again, ask again.".to_owned(),
        ];
        words.address = Some(self.page());
    }
}
