//! The desk: finding, asking for somebody, the queue, and what agents can do about a request.

mod asking;
mod finding;
mod glass;
mod helping;

use axum::http::StatusCode;
use clavis_broker::letters::Mail;
use clavis_broker::people::PersonId;
use clavis_broker::policy::{Escalation, Policy, Rule};
use clavis_broker::ports::{GroupName, LogQuery};
use jiff::SignedDuration;

use crate::testing::{Answer, Browser, LAPTOP, REASON, World};

const AGENT: &str = "agents@example.com";
const BREAKER: &str = "break_glass@example.com";
const WHY: &str = "The surgeon <script>alert(5)</script> needs the images.";

impl World {
    async fn agent(&self) -> Browser {
        self.signed_in(AGENT).await
    }

    /// Another agent, who may break the glass as well.
    async fn breaker(&self) -> Browser {
        let agents = ["agents", "break_glass"].map(|id| PersonId(id.to_owned()));
        self.directory.set_group("agents", agents.to_vec());
        self.signed_in(BREAKER).await
    }

    async fn settle(&self) {
        while self.broker.tend_once().await.unwrap() > 0 {}
    }

    /// The agent asks for anna; gives the path of the request at the desk.
    async fn ask_for_anna(&self, agent: &mut Browser) -> String {
        let made = ask(agent, "anna", &[("asset", LAPTOP), ("reason", REASON)]).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
        self.settle().await;
        made.location()
    }

    async fn events(&self) -> Vec<String> {
        let everything = LogQuery {
            limit: usize::MAX,
            ..LogQuery::default()
        };
        let rows = self.broker.store().log(&everything).await.unwrap();
        rows.iter()
            .map(|row| row.entry.event.name().to_owned())
            .collect()
    }

    async fn decide(&self, choice: &str) {
        let review = self.link("Approval Needed", "review").await;
        let mut boss = self.browser();
        let token = boss.get(&review).await.form_token();
        let fields = [("form_token", token.as_str()), ("choice", choice)];
        boss.post(&review, &fields).await;
        self.settle().await;
    }

    /// How often a mail of this subject was sent to this address.
    fn sent(&self, subject: &str, to: &str) -> usize {
        let mails = self.mails().into_iter();
        let fits = |mail: &Mail| mail.subject.starts_with(subject) && mail.to.as_str() == to;
        mails.filter(fits).count()
    }
}

async fn ask(agent: &mut Browser, whom: &str, fields: &[(&str, &str)]) -> Answer {
    let form = agent.get(&format!("/desk/new?for={whom}")).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    let token = form.form_token();
    let fields: Vec<_> = [("form_token", token.as_str()), ("for", whom)]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    agent.post("/desk/new", &fields).await
}

/// Presses a button of a page without any fields.
async fn press(browser: &mut Browser, page: &str, button: &str) -> Answer {
    let token = browser.get(page).await.form_token();
    let path = format!("{page}/{button}");
    browser.post(&path, &[("form_token", token)]).await
}

/// A world in which a group is asked as well after a day.
fn with_last_resort() -> World {
    let rule = Rule {
        escalation: Escalation {
            last_resort: Some((
                SignedDuration::from_hours(24),
                GroupName("auditors".to_owned()),
            )),
            ..Escalation::default()
        },
        ..Rule::manager_else(Vec::new())
    };
    World::with(|parts| parts.policy = Policy::new(Vec::new(), rule))
}
