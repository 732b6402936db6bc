//! Letters about a key link, and about a request that is over.

use clavis_broker::lifecycle::State;
use clavis_broker::service::KeyGate;
use clavis_broker::tokens::PlainToken;

use super::about::{About, Reader, breaker};
use super::wording::{Address, Button, Wording};
use crate::times::term;

/// For readers who have a say in the request and no part in it.
const NOTHING_LEFT: &str = "There is nothing left for you to do.";
/// Likewise, where the key may still be needed.
const ASKED_AGAIN: &str =
    "There is nothing left for you to do. If the key is still needed, you will be asked again.";

impl About<'_> {
    pub(super) fn here_is_the_key_link(&self, link: Option<&PlainToken>, words: &mut Wording) {
        words.before = vec![match &self.agent {
            Some(agent) => format!(
                "{agent} asked for the recovery key of {} for you. Here is your key link.",
                self.device
            ),
            None => format!("Here is your key link for {}.", self.device),
        }];
        words.before.push("It opens once. Have the locked laptop beside you before you press the button on the page.".to_owned());
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
        let who_opens = match self.gates.key {
            KeyGate::Link => "Whoever has this link can open it.".to_owned(),
            KeyGate::SignIn => "It opens for you alone, once you are signed in.".to_owned(),
            KeyGate::Code => {
                let page = self.page().url;
                format!("You need the pick-up code from the page of the request: {page}")
            }
        };
        words.after = match self.gates.key {
            KeyGate::Link | KeyGate::SignIn => {
                vec![format!("{who_opens} Please do not forward it.")]
            }
            // An address ends its line.
            KeyGate::Code => vec![who_opens, "Please do not forward this link.".to_owned()],
        };
    }

    pub(super) fn retrieved(&self, words: &mut Wording) {
        let shown = format!(
            "The recovery key of {} was shown{}, through {}.",
            self.device,
            self.on_closing(),
            self.key_link()
        );
        let next = match self.reader {
            Reader::Beneficiary => "That was not you? Then call support now.".to_owned(),
            Reader::Agent => format!("You asked for it, for {}.", self.beneficiary),
            Reader::GlassBreaker | Reader::Approver => NOTHING_LEFT.to_owned(),
        };
        words.before = vec![shown, next];
        if self.is_asker() {
            words.address = Some(self.page());
        }
    }

    pub(super) fn expired(&self, words: &mut Wording) {
        let (device, on) = (&self.device, self.on_closing());
        words.before = match self.reader {
            Reader::Beneficiary => vec![
                format!("Your key link for {device} was not opened in time. It ended{on}."),
                "No key was shown. Ask again when you have the locked laptop beside you."
                    .to_owned(),
            ],
            Reader::Agent => vec![
                format!(
                    "The key link of {} for {device} was not opened in time. It ended{on}.",
                    self.beneficiary
                ),
                format!(
                    "No key was shown. Ask again when {} has the locked laptop at hand.",
                    self.beneficiary
                ),
            ],
            Reader::GlassBreaker | Reader::Approver => vec![
                format!(
                    "The key link of {} for {device} was not opened in time. It ended{on}, and no key was shown.",
                    self.beneficiary
                ),
                ASKED_AGAIN.to_owned(),
            ],
        };
        if self.is_asker() {
            words.address = Some(self.ask_again());
        }
    }

    pub(super) fn withdrawn(&self, words: &mut Wording) {
        let (request, on) = (self.the_request_first(), self.on_closing());
        words.before = if self.is_asker() {
            vec![format!(
                "{request} was withdrawn{on}. A key link that was sent does not open any more."
            )]
        } else {
            vec![
                format!("{request} was withdrawn{on}."),
                NOTHING_LEFT.to_owned(),
            ]
        };
        if self.is_asker() {
            words.address = Some(self.ask_again());
        }
    }

    pub(super) fn lapsed(&self, words: &mut Wording) {
        let how = if self.request.state.approval().is_none() {
            "Nobody decided in time."
        } else if breaker(self.request).is_some() {
            "It was released without an approval, but no key link could be mailed in time."
        } else {
            "It was approved, but no key link could be mailed in time."
        };
        let lapsed = format!(
            "{} lapsed{}. {how}",
            self.the_request_first(),
            self.on_closing()
        );
        let next = if self.is_asker() {
            words.address = Some(self.ask_again());
            "If the key is still needed, ask again, or call support."
        } else {
            ASKED_AGAIN
        };
        words.before = vec![lapsed, next.to_owned()];
    }

    pub(super) fn stopped(&self, words: &mut Wording) {
        let (request, on) = (self.the_request_first(), self.on_closing());
        words.before = if self.is_asker() {
            words.address = Some(self.page());
            vec![
                format!(
                    "{request} was stopped{on}. A key link that was sent does not open any more."
                ),
                "Call support to learn why.".to_owned(),
            ]
        } else {
            vec![
                format!("{request} was stopped{on}."),
                NOTHING_LEFT.to_owned(),
            ]
        };
    }

    pub(super) fn rotated(&self, words: &mut Wording) {
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
