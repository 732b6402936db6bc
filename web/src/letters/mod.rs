//! The letters, as mails: text and HTML from one wording. No key, no reason, no comment, nothing
//! to load from anywhere.

mod about;
mod wording;

use std::sync::Arc;

use askama::Template;
use clavis_broker::letters::{Letter, Mail};
use clavis_broker::people::Party;
use clavis_broker::ports::MailRenderer;

use crate::site::Site;
use wording::{Wording, one_line};

/// Puts letters into words.
pub struct Letters {
    site: Arc<Site>,
}

impl Letters {
    /// Letters of this site.
    pub fn new(site: Arc<Site>) -> Self {
        Self { site }
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
        let (to, words) = match letter {
            Letter::OfRequest {
                kind,
                request,
                to,
                link,
            } => (
                *to,
                wording::of_request(*kind, request, to, *link, &self.site),
            ),
            Letter::SignIn {
                to,
                code,
                expires_at,
            } => (*to, wording::of_sign_in(code, *expires_at, &self.site)),
        };
        self.mail(to, &words, message_id)
    }
}

impl Letters {
    fn mail(&self, to: &Party, words: &Wording, message_id: String) -> Mail {
        let name = one_line(&to.name);
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
            to: to.mail.clone(),
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
