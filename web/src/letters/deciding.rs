//! Letters about a decision: asked for, reminded of, taken, and done without.

use clavis_broker::lifecycle::{Approval, State};
use clavis_broker::service::ReviewGate;
use clavis_broker::tokens::PlainToken;

use super::about::{About, Reader, breaker};
use super::wording::{Address, Button, Wording, one_line};
use crate::words::{all, asked_later, either};

impl About<'_> {
    pub(super) fn confirmation(&self, words: &mut Wording) {
        let asked = self.request.asked().map(|seat| one_line(&seat.party.name));
        let (needed, device) = (self.request.panel.needed(), &self.device);
        let can = if needed == 1 {
            format!("{} can approve it.", either(asked))
        } else {
            format!("{needed} of {} must approve it.", all(asked))
        };
        let made = match (self.reader, &self.agent) {
            (Reader::Beneficiary, Some(agent)) => {
                format!("{agent} asked for the recovery key of {device} for you.")
            }
            _ => format!("We have {}.", self.the_request()),
        };
        words.before = vec![
            made,
            format!("{can} You get a mail as soon as there is a decision."),
        ];
        if let State::Pending { lapses_at, .. } = &self.request.state {
            let at = self.site.moment(*lapses_at);
            words
                .before
                .push(format!("Without a decision, the request lapses on {at}."));
        }
        words.address = Some(self.page());
    }

    pub(super) fn approval_needed(&self, link: Option<&PlainToken>, words: &mut Wording) {
        let waiting = self.seat;
        let waiting = waiting.and_then(|seat| asked_later(self.request, seat, self.site));
        self.ask(waiting, link, words);
    }

    /// `waiting`: since when it waits, for whom that is news.
    fn ask(&self, waiting: Option<String>, link: Option<&PlainToken>, words: &mut Wording) {
        let (name, device) = (&self.beneficiary, &self.device);
        words.before = vec![match &self.agent {
            Some(agent) => format!("{agent} asks for the recovery key of {device}, for {name}."),
            None => format!("{name} asks for the recovery key of {device}."),
        }];
        words.before.extend(waiting);
        if let Some(of) = self.absent() {
            words
                .before
                .push(format!("You are asked in place of {of}, who is away."));
        }
        words
            .before
            .push("Please look at the request and decide.".to_owned());
        if let State::Pending { lapses_at, .. } = &self.request.state {
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
        if self.gates.review == ReviewGate::SignIn {
            let sign_in = "You sign in before you decide.";
            words.after.push(sign_in.to_owned());
        }
        let needed = self.request.panel.needed();
        if needed > 1 {
            words.after.push(format!(
                "{needed} people must approve; each counts once. One who declines ends the request."
            ));
        } else if self.request.asked().count() > 1 {
            words
                .after
                .push("Others were asked as well. The first decision counts.".to_owned());
        }
    }

    pub(super) fn approval_reminder(&self, link: Option<&PlainToken>, words: &mut Wording) {
        let since = self.site.moment(self.request.made_at);
        let waiting = format!("It has been waiting for a decision since {since}.");
        self.ask(Some(waiting), link, words);
    }

    pub(super) fn approved(&self, words: &mut Wording) {
        words.before = vec![
            format!("{} approved {}.", self.deciders(), self.the_request()),
            self.link_to_come(),
        ];
        words.address = Some(self.page());
    }

    pub(super) fn declined(&self, words: &mut Wording) {
        words.before = vec![
            format!("{} declined {}.", self.deciders(), self.the_request()),
            "If they added a comment, it stands on the page of the request. If the key is still needed, talk to them or call support.".to_owned(),
        ];
        words.address = Some(self.page());
    }

    /// Why it was done is never mailed.
    pub(super) fn glass_broken(&self, words: &mut Wording) {
        let (device, name) = (&self.device, &self.beneficiary);
        let who = breaker(self.request);
        let by = match who {
            Some(who) if who.id == self.to.id => "You".to_owned(),
            Some(who) => one_line(&who.name),
            None => "Somebody".to_owned(),
        };
        let at = self.request.state.approval().and_then(Approval::at);
        let on = at.map_or_else(String::new, |at| format!(" on {}", self.site.moment(at)));
        let for_whom = match &self.agent {
            _ if self.reader == Reader::Beneficiary => String::new(),
            Some(agent) if self.reader == Reader::Approver => {
                format!(", which {agent} had asked for, for {name}")
            }
            _ => format!(" for {name}"),
        };
        let waited_for = if self.reader == Reader::Approver {
            "you or anybody else who could have approved"
        } else {
            "anybody who could have approved"
        };
        words.before = match self.reader {
            Reader::Beneficiary | Reader::Agent => vec![
                format!("{by} released the recovery key of {device}{for_whom}{on}, without an approval."),
                self.link_to_come(),
                "The log marks it, and everybody who could have approved is told. Why it was done stands on the page of the request.".to_owned(),
            ],
            Reader::GlassBreaker | Reader::Approver => vec![
                format!("{by} released the recovery key of {device}{for_whom}{on}, without waiting for {waited_for}."),
                "The log marks it. Why it was done stands there, and on the page that your review link opens, if you were sent one.".to_owned(),
                format!("There is nothing that you must do. If it looks odd to you, call support now: {}.", self.site.support.in_words()),
            ],
        };
        if self.is_asker() {
            words.address = Some(self.page());
        }
    }

    fn link_to_come(&self) -> String {
        if self.reader == Reader::Beneficiary {
            "Your key link comes in a mail of its own in a moment.".to_owned()
        } else {
            let name = &self.beneficiary;
            format!("The key link goes to {name} in a mail of its own.")
        }
    }
}
