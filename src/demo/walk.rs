//! One whole request, walked through over real HTTP, with everything that happened printed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clavis_broker::letters::Mail;
use clavis_broker::ports::LogQuery;
use clavis_broker::service::Broker;

use super::caught::CaughtMails;
use super::client::{Browser, Page};
use crate::assemble::Settings;
use crate::commands::audit::line;
use crate::output::say;

type Failure = Box<dyn Error + Send + Sync>;

/// How long a mail may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Walks, and prints the timeline, the mails and the audit log. Fails where anything is not as it
/// should be.
pub(crate) async fn walk(
    settings: &Settings,
    broker: &Arc<Broker>,
    mails: &Arc<CaughtMails>,
) -> Result<(), Failure> {
    let walk = Walk {
        base: settings.server.public_url.clone(),
        mails: Arc::clone(mails),
    };

    step("Anna is locked out. On her phone she signs in with a code that is mailed to her.");
    let anna = walk.sign_in("anna.berg@example.com").await?;

    step("She asks for the key of LT-0042.");
    let form = walk
        .blocking(&anna, |browser| browser.open("/requests/new?asset=LT-0042"))
        .await?;
    let asked = walk
        .blocking(&anna, move |browser| {
            browser.submit(
                &form,
                &[
                    ("asset", "LT-0042"),
                    ("reason", "It wants a key since the update."),
                    ("key_id", ""),
                ],
            )
        })
        .await?;
    expect(&asked, 200, "/requests/")?;
    walk.mail("Request Confirmation", 0).await?;
    let review = walk.mail("Approval Needed", 0).await?;

    step("Her manager opens the mail and approves.");
    let manager = Arc::new(Browser::new(&walk.base));
    let link = walk.link(&review, "/review/")?;
    let page = walk
        .blocking(&manager, move |browser| browser.open(&link))
        .await?;
    expect(&page, 200, "/review/")?;
    let decided = walk
        .blocking(&manager, move |browser| {
            browser.submit(&page, &[("choice", "approve"), ("comment", "")])
        })
        .await?;
    expect(&decided, 200, "/review/")?;
    walk.mail("Request Approved", 0).await?;
    let sent = walk.mail("Your Secure Key Link", 0).await?;

    step("Anna opens the link, and presses the button.");
    let link = walk.link(&sent, "/key/")?;
    let again = link.clone();
    let landing = walk
        .blocking(&anna, move |browser| browser.open(&link))
        .await?;
    expect(&landing, 200, "/key/")?;
    let keys = walk
        .blocking(&anna, move |browser| browser.submit(&landing, &[]))
        .await?;
    expect(&keys, 200, "/key/")?;
    let (ids, digits) = (
        keys.texts("<span class=\"keyid\""),
        keys.texts("<code class=\"digits\""),
    );
    for (id, digits) in ids.iter().zip(&digits) {
        say!("    {id}\n        {digits}");
    }
    if digits.is_empty() {
        return Err("the key page shows no key".into());
    }
    walk.mail("Key Retrieved", 0).await?;

    step("The link is used up.");
    let used = walk
        .blocking(&anna, move |browser| browser.open(&again))
        .await?;
    say!("    {} {}", used.status, used.texts("<h1").join(" "));
    expect(&used, 410, "/key/")?;

    step("The audit log says all of it.");
    // The last rows are written just after the mails that they tell of.
    let rows = broker
        .store()
        .log(&LogQuery {
            limit: 1000,
            ..LogQuery::default()
        })
        .await?;
    for row in &rows {
        say!("{}", line(row));
    }
    Ok(())
}

struct Walk {
    base: String,
    mails: Arc<CaughtMails>,
}

impl Walk {
    async fn sign_in(&self, mail: &'static str) -> Result<Arc<Browser>, Failure> {
        let browser = Arc::new(Browser::new(&self.base));
        let code_page = self
            .blocking(&browser, move |browser| {
                let page = browser.open("/sign-in")?;
                browser.submit(&page, &[("mail", mail)])
            })
            .await?;
        expect(&code_page, 200, "/sign-in/code")?;
        let letter = self.mail("Your Sign-In Code", 0).await?;
        let code = code_in(&letter.text).ok_or("the mail holds no code")?;
        let home = self
            .blocking(&browser, move |browser| {
                browser.submit(&code_page, &[("code", &code)])
            })
            .await?;
        expect(&home, 200, "/")?;
        Ok(browser)
    }

    /// Waits for a mail and prints it.
    async fn mail(&self, subject: &str, since: usize) -> Result<Mail, Failure> {
        let late = || {
            format!(
                "no mail {subject:?} came within {} seconds",
                PATIENCE.as_secs()
            )
        };
        let mail = tokio::time::timeout(PATIENCE, self.mails.first(subject, since))
            .await
            .map_err(|_| late())?;
        say!(
            "    ┌ to {} <{}>\n    │ {}\n    │",
            mail.to_name,
            mail.to,
            mail.subject
        );
        for line in mail.text.lines() {
            say!("    │ {line}");
        }
        say!("    └");
        Ok(mail)
    }

    fn link(&self, mail: &Mail, path: &str) -> Result<String, Failure> {
        let link = mail
            .text
            .split_whitespace()
            .find(|word| word.starts_with(&format!("{}{path}", self.base)));
        Ok(link.ok_or("the mail holds no link")?.to_owned())
    }

    async fn blocking(
        &self,
        browser: &Arc<Browser>,
        act: impl FnOnce(&Browser) -> Result<Page, Failure> + Send + 'static,
    ) -> Result<Page, Failure> {
        let browser = Arc::clone(browser);
        tokio::task::spawn_blocking(move || act(&browser)).await?
    }
}

fn step(what: &str) {
    say!("\n• {what}");
}

fn expect(page: &Page, status: u16, path: &str) -> Result<(), Failure> {
    if page.status == status && page.path.starts_with(path) {
        return Ok(());
    }
    let title = page.texts("<h1").join(" ");
    Err(format!(
        "expected {status} at {path}…, got {} at another page: {title}",
        page.status
    )
    .into())
}

/// `7KQ2M-X9C4T`, wherever it stands.
fn code_in(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        word.len() == 11
            && word.as_bytes()[5] == b'-'
            && word
                .bytes()
                .filter(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                .count()
                == 10
    };
    text.split_whitespace().find(is_code).map(str::to_owned)
}
