//! Trying Halo for real, and looking at what in its settings makes its approvals weak.

use std::fmt::Display;

use clavis_broker::ports::{Finding, TicketError};
use clavis_broker::tickets::AgentUnknown;
use jiff::SignedDuration;
use serde_json::Value;

use super::HaloDesk;
use super::api::{Answer, Call};
use super::budget::Haste;
use super::list::rows;
use super::ticket::is_automatic;
use super::token::SCOPES;
use super::values::{id, moment, truth};

/// Where Halo's own settings about approvals are.
const WHERE: &str = "in Halo's configuration, under Approval Processes and under Advanced Settings";

/// From which difference on the clocks are warned of: that of a time zone, and no slow answer's.
const APART: SignedDuration = SignedDuration::from_mins(30);

/// Whether whoever has the link of a mail approves.
const ANONYMOUS: &str = "allow_anonymous_approvals";

/// Whether approvers sign in once more.
const SIGN_IN_AGAIN: &str = "reauthorizeforapprovals";

/// How deep steps of an approval process may lie in its answer.
const DEEPEST: usize = 8;

impl HaloDesk {
    /// Signs in, reads what the settings name, and judges how Halo's approvals are made.
    pub(super) async fn look_over(&self) -> Vec<Finding> {
        let scopes = match self.api.in_time(self.api.scopes()).await {
            Ok(scopes) => scopes,
            Err(error) => {
                return vec![Finding::failure(
                    format!("the sign-in does not work: {error}"),
                    "Correct `url`, `client_id`, `client_secret_file` and `tenant`, or name the file \
                     with the authority of its certificate in `ca_file`.",
                )];
            }
        };
        let mut findings = vec![Finding::ok("Halo is reached, and the application signs in")];
        findings.extend(missing_scopes(scopes.as_deref()));
        let kind = self.settings.ticket_type.to_string();
        let path = ["TicketType", kind.as_str()];
        let (kind_found, statuses) =
            tokio::join!(self.configuration(&path), self.configuration(&["Status"]),);
        findings.push(self.judge_kind(&kind_found));
        findings.extend(self.judge_statuses(&statuses));
        let outcome = self.settings.outcome.to_string();
        let outcome = self.configuration(&["Outcome", &outcome]).await;
        findings.push(self.judge_outcome(&outcome));
        findings.push(if self.settings.webhook.is_some() {
            Finding::ok("webhooks with the user name and password of the settings are taken")
        } else {
            Finding::ok("no webhook is set, so that tickets are looked for every two minutes")
        });
        findings.extend(apart(self.api.ahead(), "by its answers"));
        findings.push(self.judge_agents().await);
        findings.extend(self.judge_newest().await);
        findings.extend(self.judge_approvals(kind_found.ok().as_ref()).await);
        findings
    }

    /// Something of the configuration.
    async fn configuration(&self, path: &[&str]) -> Result<Value, Unread> {
        let call = Call::get(path, &[("includedetails", "true")]);
        match self.api.in_time(self.api.ask(&call, Haste::None)).await {
            Ok(Answer::Good(value)) => Ok(value),
            Ok(Answer::Missing) => Err(Unread::Missing),
            Ok(Answer::Unsigned(_) | Answer::Refused { .. }) => Err(Unread::Refused),
            Err(error) => Err(Unread::Failed(error)),
        }
    }

    fn judge_kind(&self, found: &Result<Value, Unread>) -> Finding {
        let number = self.settings.ticket_type;
        match found {
            Ok(kind) if id(kind, "id") == Some(number.to_string()) => {
                Finding::ok(format!("the ticket type {number} is there"))
            }
            Ok(_) | Err(Unread::Missing) => Finding::failure(
                format!("there is no ticket type {number}"),
                "Write the ID of the type of the tickets that ask for keys in `ticket_type`.",
            ),
            Err(Unread::Refused) => Finding::warning(
                format!("whether there is a ticket type {number} cannot be read"),
                "Make sure of it yourself: its ID stands in the address of its page in Halo.",
            ),
            Err(Unread::Failed(error)) => unread("the ticket type", error),
        }
    }

    fn judge_statuses(&self, found: &Result<Value, Unread>) -> Vec<Finding> {
        let statuses = match found {
            Ok(Value::Array(statuses)) => statuses,
            Ok(_) | Err(Unread::Missing | Unread::Refused) => {
                return vec![Finding::warning(
                    "which statuses there are cannot be read",
                    "Make sure of those in `statuses` yourself.",
                )];
            }
            Err(Unread::Failed(error)) => return vec![unread("the statuses", error)],
        };
        let is_there =
            |status: u32| (statuses.iter()).any(|it| id(it, "id") == Some(status.to_string()));
        let mut findings: Vec<_> = (self.settings.statuses.all())
            .filter(|(_, status)| !is_there(*status))
            .map(|(name, status)| {
                Finding::failure(
                    format!("there is no status {status}, which `statuses` names for `{name}`"),
                    "Write the ID that Halo shows with the status.",
                )
            })
            .collect();
        if self.settings.statuses.all().count() < 3 {
            findings.push(Finding::warning(
                "not every ending has a status, so that some tickets stay open once they are told",
                "Name `done`, `declined` and `ended` in `statuses`, unless your people close them.",
            ));
        } else if findings.is_empty() {
            findings.push(Finding::ok(
                "the statuses that tickets are brought to are there",
            ));
        }
        findings
    }

    /// Whether an outcome may be used depends on the ticket: that it is there is all that can be told.
    fn judge_outcome(&self, found: &Result<Value, Unread>) -> Finding {
        let number = self.settings.outcome;
        match found {
            Ok(_) => Finding::ok(format!(
                "the outcome {number} is there; whether a ticket takes it is only seen when it is used"
            )),
            Err(Unread::Missing) => Finding::failure(
                format!("there is no outcome {number}"),
                "Write the ID of an action of the ticket type's workflow in `outcome`, or remove it.",
            ),
            Err(Unread::Refused) => Finding::ok(format!(
                "whether there is an outcome {number} may not be read, and is seen when it is used"
            )),
            Err(Unread::Failed(error)) => unread("the outcome", error),
        }
    }

    /// Whether it can be told who raised a ticket for somebody: of one agent, where Halo lists any.
    async fn judge_agents(&self) -> Finding {
        let unreadable = || {
            Finding::failure(
                "agents cannot be read, so that no request is made of a ticket that one raised for \
                 somebody",
                "Let the agent as whom the application logs in read agents in Halo.",
            )
        };
        let call = Call::get(&["Agent"], &[("count", "1")]);
        let listed = match self.api.in_time(self.api.ask(&call, Haste::None)).await {
            Ok(Answer::Good(listed)) => listed,
            Ok(Answer::Missing | Answer::Unsigned(_) | Answer::Refused { .. }) => {
                return unreadable();
            }
            Err(error) => return unread("the agents", &error),
        };
        let agents = match &listed {
            Value::Array(agents) => Some(agents),
            list => list.get("agents").and_then(Value::as_array),
        };
        let Some(agents) = agents else {
            return unreadable();
        };
        if let Some(one) = agents.iter().find_map(|agent| id(agent, "id")) {
            match self.api.in_time(self.agent(&one, Haste::None)).await {
                Ok(Ok(_)) => {}
                Ok(Err(AgentUnknown)) => return unreadable(),
                Err(error) => return unread("the agents", &error),
            }
        }
        Finding::ok("agents can be read, so that it can be told who raised a ticket for somebody")
    }

    /// Whether the ticket that was changed last was changed in a time that has not come. One that lies
    /// back shows nothing.
    async fn judge_newest(&self) -> Option<Finding> {
        let query = [
            ("count", "1"),
            ("order", "last_update"),
            ("orderdesc", "true"),
        ];
        let call = Call::get(&["Tickets"], &query);
        let answer = self.api.in_time(self.api.ask(&call, Haste::None)).await;
        let Ok(Answer::Good(answer)) = answer else {
            return None;
        };
        let (tickets, _) = rows(&answer)?;
        let changes = tickets.iter().filter_map(|it| moment(it, "last_update"));
        let ahead = changes.max()?.duration_since(self.api.now());
        apart(
            Some(ahead).filter(SignedDuration::is_positive),
            "by the change of a ticket",
        )
    }

    /// What makes an approval in Halo less than the word of the person who was asked.
    async fn judge_approvals(&self, kind: Option<&Value>) -> Vec<Finding> {
        let process = kind.and_then(process_of);
        let control = self.configuration(&["Control"]).await;
        let steps = match &process {
            Some(process) => Some(self.configuration(&["ApprovalProcess", process]).await),
            None => None,
        };
        let mut findings = Vec::new();
        let mut unread = Vec::new();
        match &control {
            Ok(control) => {
                findings.extend(self.judge_control(control));
                let fields = [ANONYMOUS, SIGN_IN_AGAIN].into_iter();
                unread.extend(fields.filter(|field| says(control, field).is_none()));
            }
            Err(_) => unread.push("its settings"),
        }
        match &steps {
            Some(Ok(steps)) => findings.extend(self.judge_steps(steps)),
            Some(Err(_)) => unread.push("the approval process of the ticket type"),
            None if kind.is_none() => unread.push("the ticket type"),
            None => unread.push("which approval process the ticket type has"),
        }
        if !unread.is_empty() {
            let what = format!("{} cannot be read", unread.join(" and "));
            let look = format!(
                "Look yourself {WHERE}: no anonymous approvals, sign-in again for approvals, and no \
                 step that is approved automatically."
            );
            findings.push(if self.approves {
                Finding::warning(
                    format!("{what}, so that nobody knows what an approval there is worth"),
                    look,
                )
            } else {
                Finding::ok(format!(
                    "{what}, and need not be: Clavis asks approvers itself"
                ))
            });
        } else if findings.is_empty() {
            findings.push(Finding::ok(
                "nothing is seen that makes approvals in Halo weak",
            ));
        }
        if self.approves {
            findings.push(Finding::warning(
                "approvals in the ticket count, and whoever may edit tickets by Halo's API can set them",
                "Write `approval = \"clavis\"` where approvers can answer on Clavis' own page; else \
                 keep the applications with `edit:tickets` few.",
            ));
        }
        findings
    }

    fn judge_control(&self, control: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        if says(control, ANONYMOUS) == Some(true) {
            findings.push(self.weak(
                "Halo lets whoever has the link of its mail approve, without signing in \
                 (`allow_anonymous_approvals`)",
            ));
        }
        if says(control, SIGN_IN_AGAIN) == Some(false) {
            findings.push(self.weak(
                "Halo does not have approvers sign in again (`reauthorizeforapprovals`), so that an \
                 open browser can approve",
            ));
        }
        findings
    }

    fn judge_steps(&self, process: &Value) -> Vec<Finding> {
        let mut names = Vec::new();
        automatic(process, DEEPEST, &mut names);
        names.sort();
        names.dedup();
        let findings = names.into_iter().map(|name| {
            self.weak(format!(
                "a step of the ticket type's approval process is approved by a rule (`{name}`)"
            ))
        });
        findings.collect()
    }

    /// Something that makes approvals weak: with `approval = "desk"` keys hang on it.
    fn weak(&self, what: impl Display) -> Finding {
        if self.approves {
            Finding::failure(
                format!("{what}, and `approval = \"desk\"` takes that for a yes"),
                format!("Change it {WHERE}, or write `approval = \"clavis\"`."),
            )
        } else {
            Finding::warning(
                what.to_string(),
                format!(
                    "Change it {WHERE}. Keys do not hang on it as long as Clavis asks approvers itself."
                ),
            )
        }
    }
}

/// Why something was not read.
enum Unread {
    /// It is not there.
    Missing,
    /// The application may not.
    Refused,
    /// There was no answer.
    Failed(TicketError),
}

/// What is said of Halo's clock, where it is `ahead` of ours, or behind it, by a time zone.
fn apart(ahead: Option<SignedDuration>, by: &str) -> Option<Finding> {
    let ahead = ahead.filter(|it| it.abs() >= APART)?;
    let minutes = ahead.abs().as_mins();
    let side = if ahead.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    Some(Finding::warning(
        format!("Halo's clock is {minutes} minutes {side} this machine's, {by}"),
        "Correct the clock of this machine, or have Halo's server and its database keep UTC: changes \
         are found too late, and approvals there do not count.",
    ))
}

fn unread(what: &str, error: &TicketError) -> Finding {
    Finding::failure(
        format!("{what} could not be read: {error}"),
        "Try it again later.",
    )
}

/// What a setting of Halo's says, where it is there.
fn says(control: &Value, field: &str) -> Option<bool> {
    let said = control.get(field).filter(|said| !said.is_null())?;
    Some(truth(said, true))
}

/// The scopes that are missing, where that was said.
fn missing_scopes(granted: Option<&[String]>) -> Vec<Finding> {
    let Some(granted) = granted else {
        return Vec::new();
    };
    // `edit:` lets read as well, and `all` is everything.
    let has = |scope: &str| {
        granted
            .iter()
            .any(|it| it == scope || it == "all" || scope.replacen("read:", "edit:", 1) == *it)
    };
    let missing = SCOPES.iter().filter(|scope| !has(scope));
    missing
        .map(|scope| {
            Finding::failure(
                format!("the application lacks the permission {scope}"),
                "Grant it to the API application in Halo.",
            )
        })
        .collect()
}

/// The approval process of a ticket type, whatever the field is called.
fn process_of(kind: &Value) -> Option<String> {
    [
        "approval_process_id",
        "approvalprocess_id",
        "default_approval_process_id",
    ]
    .iter()
    .find_map(|field| id(kind, field))
}

/// The names of all flags in an answer that have something approved by a rule.
fn automatic(value: &Value, depth: usize, names: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::Array(values) => {
            for value in values {
                automatic(value, depth, names);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if is_automatic(name) && is_word && truth(value, true) {
                    names.push(name.clone());
                }
                automatic(value, depth, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flags_that_approve_by_a_rule_are_found_wherever_they_are() {
        let process = json!({
            "id": 3, "autoapprove": false,
            "steps": [{ "autoapproveifrequester": true }, { "rules": [{ "auto_approve_vip": 1 }] }],
        });
        let mut names = Vec::new();
        automatic(&process, DEEPEST, &mut names);
        names.sort();
        assert_eq!(names, ["auto_approve_vip", "autoapproveifrequester"]);
    }

    #[test]
    fn clocks_that_are_a_time_zone_apart_are_warned_of() {
        let mins = SignedDuration::from_mins;
        for near in [None, Some(mins(29)), Some(mins(-29))] {
            assert!(apart(near, "x").is_none(), "{near:?}");
        }
        let words = |ahead| apart(Some(ahead), "by x").unwrap().what;
        assert!(words(mins(60)).contains("60 minutes ahead of this machine's, by x"));
        assert!(words(mins(-30)).contains("30 minutes behind this machine's"));
    }

    #[test]
    fn a_scope_to_edit_reads_too() {
        let missing = |granted: &[&str]| {
            let granted: Vec<_> = granted.iter().map(|&it| it.to_owned()).collect();
            missing_scopes(Some(&granted)).len()
        };
        assert_eq!(missing(&SCOPES), 0);
        assert_eq!(missing(&["all"]), 0);
        assert_eq!(
            missing(&["edit:tickets", "read:customers", "read:assets"]),
            0
        );
        assert_eq!(missing(&["read:tickets", "read:customers"]), 2);
        assert!(missing_scopes(None).is_empty());
    }
}
