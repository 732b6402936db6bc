//! Reading a ticket, with what it names.

use std::collections::HashMap;

use clavis_broker::ports::TicketError;
use clavis_broker::tickets::{AgentUnknown, AssetFault, DeskApproval, DeskUser, Ticket, TicketId};
use serde_json::Value;

use super::HaloDesk;
use super::api::{Answer, Call};
use super::budget::Haste;
use super::values::{id, id_of};
use super::{people, ticket};

impl HaloDesk {
    /// A ticket with its asset and its user.
    pub(super) async fn read(
        &self,
        ticket: &TicketId,
        haste: Haste,
    ) -> Result<Option<Ticket>, TicketError> {
        let Some(found) = self.ticket(ticket, haste).await? else {
            return Ok(None);
        };
        let asked = ticket.as_str();
        let facts = ticket::facts(&found, asked, &self.settings)
            .ok_or_else(|| TicketError::Nonsense("it is another ticket".to_owned()))?;
        let (asset, user) = tokio::join!(
            async {
                match &facts.asset {
                    Ok(asset) => self.object("Asset", asset, haste).await.map(Ok),
                    Err(fault) => Ok(Err(*fault)),
                }
            },
            async {
                match &facts.user {
                    Some(user) => self.user(user, haste).await,
                    None => Ok(None),
                }
            }
        );
        let asset = match (asset?, &facts.asset) {
            (Ok(Some(asset)), Ok(asked)) => people::asset(&asset, asked, &self.settings.devices_by),
            (Err(fault), _) => Err(fault),
            _ => Err(AssetFault::Unknown),
        };
        let raised_by = match &facts.raised_by {
            Some(written) => self.agent(written, haste).await?.map(Some),
            None => Ok(None),
        };
        let approvals = self.confirmed(facts.approvals, haste).await?;
        Ok(Some(Ticket {
            id: ticket.clone(),
            standing: facts.standing,
            user: user?,
            raised_by,
            asset,
            reason: facts.reason,
            approvals,
        }))
    }

    /// A ticket as Halo tells it; `None` for one that is gone.
    pub(super) async fn ticket(
        &self,
        ticket: &TicketId,
        haste: Haste,
    ) -> Result<Option<Value>, TicketError> {
        // Halo's IDs are numbers, so nothing else is one.
        let asked = Value::String(ticket.as_str().to_owned());
        if id_of(&asked).as_deref() != Some(ticket.as_str()) {
            return Ok(None);
        }
        let path = ["Tickets", ticket.as_str()];
        let call = Call::get(&path, &[("includedetails", "true")]);
        let found = good(self.api.ask(&call, haste).await?, "read:tickets")?;
        Ok(found.filter(|found| id(found, "id").is_some() && !ticket::is_gone(found)))
    }

    /// The rows of approvals that were answered, each with all that Halo knows of the account that it
    /// names. Of one with another address than its account's own nobody knows whose it is. Where
    /// approvals at the desk count for nothing, they stay as told.
    async fn confirmed(
        &self,
        mut approvals: Vec<DeskApproval>,
        haste: Haste,
    ) -> Result<Vec<DeskApproval>, TicketError> {
        if !self.approves {
            return Ok(approvals);
        }
        let mut accounts: HashMap<String, Option<DeskUser>> = HashMap::new();
        for row in approvals.iter_mut().filter(|row| row.verdict.is_some()) {
            let Some(told) = &mut row.approver else {
                continue;
            };
            if !accounts.contains_key(&told.id) {
                let found = self.user(&told.id, haste).await?;
                accounts.insert(told.id.clone(), found);
            }
            let account = accounts[&told.id].as_ref();
            let is_own = |account: &&DeskUser| {
                let mut known = told.known_as.iter();
                !told.known_as.is_empty() && known.all(|it| account.known_as.contains(it))
            };
            match account.filter(is_own) {
                Some(account) => told.clone_from(account),
                None => told.known_as.clear(),
            }
        }
        Ok(approvals)
    }

    /// An agent as a ticket writes them. Whoever is an ID there is asked for; the application may have
    /// no permission for that.
    pub(super) async fn agent(
        &self,
        written: &str,
        haste: Haste,
    ) -> Result<Result<DeskUser, AgentUnknown>, TicketError> {
        let Some(agent) = id_of(&Value::String(written.to_owned())) else {
            return Ok(Ok(people::agent(written)));
        };
        let path = ["Agent", agent.as_str()];
        let answer = self.api.ask(&Call::get(&path, &[]), haste).await?;
        let found = match &answer {
            Answer::Good(found) => Some(found),
            Answer::Missing | Answer::Unsigned(_) | Answer::Refused { .. } => None,
        };
        Ok(found
            .and_then(|found| people::agent_of_id(found, &agent))
            .ok_or(AgentUnknown))
    }

    async fn user(&self, user: &str, haste: Haste) -> Result<Option<DeskUser>, TicketError> {
        let found = self.object("Users", user, haste).await?;
        Ok(found.and_then(|found| people::user(&found, user)))
    }

    async fn object(
        &self,
        kind: &str,
        id: &str,
        haste: Haste,
    ) -> Result<Option<Value>, TicketError> {
        let scope = if kind == "Asset" {
            "read:assets"
        } else {
            "read:customers"
        };
        let path = [kind, id];
        good(self.api.ask(&Call::get(&path, &[]), haste).await?, scope)
    }
}

/// The rows of a list, and how many there are on all pages, where that was said.
pub(super) fn rows(answer: &Value) -> Option<(&[Value], Option<usize>)> {
    let total = id(answer, "record_count").and_then(|count| count.parse().ok());
    let rows = match answer {
        Value::Array(rows) => rows,
        list => list
            .get("tickets")
            .or_else(|| list.get("actions"))?
            .as_array()?,
    };
    Some((rows, total))
}

/// An answer that is no refusal. `scope` is what it takes.
pub(super) fn good(answer: Answer, scope: &str) -> Result<Option<Value>, TicketError> {
    match answer {
        Answer::Good(value) => Ok(Some(value)),
        Answer::Missing => Ok(None),
        Answer::Unsigned(_) => Err(TicketError::Denied("it wants a token".to_owned())),
        Answer::Refused { status, .. } => Err(TicketError::Denied(format!(
            "HTTP {status}, for want of {scope} perhaps"
        ))),
    }
}
