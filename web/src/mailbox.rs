//! A mailbox for demonstrations: every mail that was caught, for anybody to read. It hands out
//! key links, so it is only ever served where no real mail is sent.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use clavis_broker::letters::Mail;

use crate::app::surround;
use crate::fault::Fault;
use crate::pages::{Frame, page};
use crate::site::Site;

/// Where the caught mails come from, oldest first.
type Mails = Arc<dyn Fn() -> Vec<Mail> + Send + Sync>;

#[derive(Clone)]
struct Mailbox {
    mails: Mails,
    site: Arc<Site>,
}

/// Its routes, which are no part of the table: whoever reaches a demonstration reaches them.
pub(crate) const LIST: &str = "/demo/mailbox";
pub(crate) const MAIL: &str = "/demo/mailbox/{number}";
pub(crate) const HTML: &str = "/demo/mailbox/{number}/html";

/// The page of a mail shows it in a frame; nothing else of the policy is loosened.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// A mail brings its own styles, and nothing else.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; \
    form-action 'none'";

/// The pages under `/demo/mailbox`, to be merged with [`crate::router`].
pub fn mailbox(mails: Mails, site: Arc<Site>) -> Router {
    let routes = Router::new()
        .route(LIST, get(list))
        .route(MAIL, get(show))
        .route(HTML, get(html))
        .with_state(Mailbox {
            mails,
            site: Arc::clone(&site),
        });
    surround(routes, site)
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    people: Vec<Reader<'a>>,
}

/// Somebody's mails, newest first, each with its number.
struct Reader<'a> {
    name: &'a str,
    address: &'a str,
    mails: Vec<(usize, &'a Mail)>,
}

#[derive(Template)]
#[template(path = "mailbox_mail.html")]
struct MailPage<'a> {
    frame: Frame<'a>,
    number: usize,
    mail: &'a Mail,
}

async fn list(State(mailbox): State<Mailbox>) -> Result<Response, Fault> {
    let mails = (mailbox.mails)();
    let mut people: Vec<Reader<'_>> = Vec::new();
    for (number, mail) in mails.iter().enumerate().rev() {
        let address = mail.to.as_str();
        match people.iter_mut().find(|reader| reader.address == address) {
            Some(reader) => reader.mails.push((number, mail)),
            None => people.push(Reader {
                name: &mail.to_name,
                address,
                mails: vec![(number, mail)],
            }),
        }
    }
    page(&ListPage {
        frame: Frame::plain(&mailbox.site),
        people,
    })
}

async fn show(
    State(mailbox): State<Mailbox>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let (number, mail) = mailbox.mail(&number)?;
    let page = page(&MailPage {
        frame: Frame::plain(&mailbox.site),
        number,
        mail: &mail,
    })?;
    Ok(([(CONTENT_SECURITY_POLICY, PAGE_POLICY)], page).into_response())
}

/// The mail as a mail program would show it. Its links open beside it: the pages that they lead
/// to refuse to be framed.
async fn html(
    State(mailbox): State<Mailbox>,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let (_, mail) = mailbox.mail(&number)?;
    let html = mail
        .html
        .replacen("<head>", "<head>\n<base target=\"_blank\">", 1);
    let headers = [
        (CONTENT_SECURITY_POLICY, MAIL_POLICY),
        (X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    Ok((headers, Html(html)).into_response())
}

impl Mailbox {
    fn mail(&self, number: &str) -> Result<(usize, Mail), Fault> {
        let number = number.parse::<usize>().map_err(|_| Fault::NotFound)?;
        let mail = (self.mails)().into_iter().nth(number);
        mail.map(|mail| (number, mail)).ok_or(Fault::NotFound)
    }
}
