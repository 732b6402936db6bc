//! The letters, as mails: text and HTML from one wording. No key, no reason, no comment, nothing
//! to load from anywhere.

mod about;
mod alarms;
mod deciding;
mod ending;
mod notices;
mod wording;

use std::sync::Arc;

use askama::Template;
use clavis_broker::letters::{Letter, Mail};
use clavis_broker::people::MailAddress;
use clavis_broker::ports::MailRenderer;
use clavis_broker::service::Gates;

use crate::site::Site;
use about::About;
use wording::{Wording, one_line};

pub(crate) use wording::title;

/// Puts letters into words.
pub struct Letters {
    site: Arc<Site>,
    gates: Gates,
}

impl Letters {
    /// Letters of this site, which say what is needed beside the links in them.
    pub fn new(site: Arc<Site>, gates: Gates) -> Self {
        Self { site, gates }
    }
}

#[derive(Template)]
#[template(path = "letters/letter.html")]
struct HtmlLetter<'a> {
    site: &'a Site,
    to: &'a str,
    words: &'a Wording,
}

#[derive(Template)]
#[template(path = "letters/letter.txt", escape = "none")]
struct TextLetter<'a> {
    site: &'a Site,
    to: &'a str,
    words: &'a Wording,
}

impl MailRenderer for Letters {
    fn render(&self, letter: &Letter<'_>, message_id: String) -> Mail {
        let site = &*self.site;
        match letter {
            Letter::OfRequest {
                kind,
                request,
                to,
                link,
            } => {
                let words = About::new(request, to, site, self.gates).write(*kind, *link);
                self.mail(&to.name, &to.mail, &words, message_id)
            }
            Letter::StandIn { to, stand_in } => {
                let words = notices::of_stand_in(to, stand_in, site);
                self.mail(&to.name, &to.mail, &words, message_id)
            }
            Letter::Alarm { to, alarm } => {
                let words = alarms::of_alarm(alarm, site);
                self.mail(OPERATOR, to, &words, message_id)
            }
            Letter::Checkpoint { to, kept } => {
                let words = notices::of_checkpoint(kept, site);
                self.mail(AUDITOR, to, &words, message_id)
            }
            Letter::SignIn {
                to,
                code,
                expires_at,
            } => {
                let words = notices::of_sign_in(code, *expires_at, site);
                self.mail(&to.name, &to.mail, &words, message_id)
            }
        }
    }
}

/// Whom an alarm greets: all that is known of its reader is an address.
const OPERATOR: &str = "operator";
/// Whom a checkpoint greets.
const AUDITOR: &str = "auditor";

impl Letters {
    fn mail(&self, name: &str, to: &MailAddress, words: &Wording, message_id: String) -> Mail {
        let name = one_line(name);
        let site = &*self.site;
        let html = HtmlLetter {
            site,
            to: &name,
            words,
        };
        let text = TextLetter {
            site,
            to: &name,
            words,
        };
        // Writing to a string fails only where a value's own `Display` does, and none does here.
        Mail {
            to: to.clone(),
            subject: words.subject.clone(),
            text: text.render().unwrap_or_else(|_| words.subject.clone()),
            html: html.render().unwrap_or_default(),
            to_name: name,
            message_id,
        }
    }
}

#[cfg(test)]
mod tests;
