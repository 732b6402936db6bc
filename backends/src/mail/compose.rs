//! A mail as the message that goes over the wire (RFC 5322, MIME).

use std::time::SystemTime;

use clavis_broker::letters::Mail;
use clavis_broker::people::MailAddress;
use clavis_broker::ports::MailError;
use clavis_config::settings;
use jiff::Timestamp;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

/// The message of a mail, from the sender of the settings, dated `now`.
///
/// Every text that came from outside is held to one line in the head, and encoded there.
///
/// # Errors
/// [`MailError::Permanent`] where an address or the message ID cannot stand in a message.
pub(super) fn compose(
    mail: &Mail,
    sender: &settings::Mail,
    now: Timestamp,
) -> Result<Message, MailError> {
    let from = mailbox(&sender.from_name, &sender.from)?;
    let to = mailbox(&mail.to_name, &mail.to)?;
    let domain = domain_of(&sender.from);
    let date = SystemTime::try_from(now)
        .map_err(|_| MailError::Permanent("its date is out of range".into()))?;
    if !is_plain(&mail.message_id) {
        return Err(MailError::Permanent("its message ID is unusable".into()));
    }
    Message::builder()
        .from(from)
        .to(to)
        .subject(in_one_line(&mail.subject))
        .message_id(Some(format!("<{}@{domain}>", mail.message_id)))
        .date(date)
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(
            mail.text.clone(),
            mail.html.clone(),
        ))
        .map_err(|_| MailError::Permanent("no message can be made of it".into()))
}

/// The part of an address after the `@`.
pub(super) fn domain_of(address: &MailAddress) -> &str {
    address
        .as_str()
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain)
}

fn mailbox(name: &str, address: &MailAddress) -> Result<Mailbox, MailError> {
    let address: Address = address
        .as_str()
        .parse()
        .map_err(|_| MailError::Permanent("an address is not one that SMTP can carry".into()))?;
    let name = in_one_line(name);
    Ok(Mailbox::new((!name.is_empty()).then_some(name), address))
}

/// The text without line breaks and other control characters, which could begin a header of
/// somebody else's choosing.
fn in_one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a text can be the left part of a message ID, and the name of a file.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && !id.starts_with('.')
        && !id.ends_with('.')
        && !id.contains("..")
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// `Auto-Submitted: auto-generated` (RFC 3834): no out-of-office replies, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

#[cfg(test)]
mod tests {
    use clavis_broker::testing::sample;

    use super::*;

    pub(super) fn mail() -> Mail {
        Mail {
            to_name: "Anna Bärg, \"IT\"".into(),
            to: MailAddress::parse("anna@example.com").unwrap(),
            subject: "Ihr Schlüssel für LT-0042".into(),
            text: "Größe\n.\nEnde\n".into(),
            html: "<p>Größe</p>".into(),
            message_id: "0190-abc.1".into(),
        }
    }

    pub(super) fn sender() -> settings::Mail {
        settings::Mail {
            from: MailAddress::parse("clavis@example.com").unwrap(),
            from_name: "Clavis".into(),
            kind: settings::MailKind::Folder { path: "x".into() },
        }
    }

    fn head(mail: &Mail) -> Vec<String> {
        let message = compose(mail, &sender(), sample::monday()).unwrap();
        let text = String::from_utf8(message.formatted()).expect("ASCII");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        head.replace("\r\n ", " ")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_head_says_who_when_and_that_a_machine_wrote_it() {
        let head = head(&mail());
        for line in [
            "From: Clavis <clavis@example.com>",
            "Message-ID: <0190-abc.1@example.com>",
            "Date: Mon, 23 Nov 2026 09:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(head.iter().any(|it| it == line), "{line}: {head:#?}");
        }
        assert!(head.iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn no_text_can_begin_a_header_of_its_own() {
        let mut mail = mail();
        mail.subject = "Hello\r\nBcc: eve@example.com\n\n<b>".into();
        mail.to_name = "Eve\r\nBcc: eve@example.com".into();
        let head = head(&mail);
        assert!(!head.iter().any(|line| line.starts_with("Bcc")), "{head:?}");
        assert!(
            head.iter()
                .any(|line| line == "Subject: Hello Bcc: eve@example.com <b>")
        );
    }

    #[test]
    fn a_message_id_that_is_no_plain_word_is_refused() {
        for id in [
            "",
            "a b",
            "a\r\nb",
            "../a",
            ".a",
            "a..b",
            "a@b",
            "<a>",
            "ä",
            &"a".repeat(129),
        ] {
            let mut mail = mail();
            mail.message_id = id.into();
            let error = compose(&mail, &sender(), sample::monday()).unwrap_err();
            assert!(matches!(error, MailError::Permanent(_)), "{id}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;
    use clavis_broker::testing::{sample, spelled};

    use super::tests::{mail, sender};
    use super::*;

    #[test]
    fn whatever_a_mail_is_about_its_head_has_our_lines_and_no_others() {
        let pieces = [
            "\r\n",
            "\n",
            "\r",
            "\r\n\r\n",
            "Bcc: eve@example.com",
            "<",
            ">",
            "\"",
            "=?utf-8?b?",
            "?=",
            "é",
            "\u{2028}",
            "\u{85}",
            "\u{202e}",
            "@",
            ",",
            "\0",
            " ",
            "\t",
            "鍵鍵鍵鍵鍵鍵",
        ];
        let ours = [
            "From",
            "To",
            "Subject",
            "Message-ID",
            "Date",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        check!().for_each(|bytes: &[u8]| {
            let text = spelled(bytes, &pieces);
            let (one, other) = text.split_once('|').unwrap_or((&text, &text));
            let mut mail = mail();
            one.clone_into(&mut mail.subject);
            other.clone_into(&mut mail.to_name);
            other.clone_into(&mut mail.text);
            if let Ok(address) = MailAddress::parse(one) {
                mail.to = address;
            }
            let Ok(message) = compose(&mail, &sender(), sample::monday()) else {
                return;
            };
            let raw = String::from_utf8(message.formatted()).expect("text");
            let (head, _) = raw.split_once("\r\n\r\n").expect("a head");
            let begins: Vec<_> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split_once(':').expect("a name").0)
                .collect();
            assert_eq!(begins.len(), ours.len(), "{head}");
            assert!(begins.iter().all(|name| ours.contains(name)), "{head}");
            let whole = head.replace("\r\n", "");
            assert!(!whole.contains(['\r', '\n', '\0']), "{head:?}");
        });
    }
}
