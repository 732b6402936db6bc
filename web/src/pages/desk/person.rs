//! A person, as an agent sees them: their devices and their requests.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use clavis_broker::devices::Device;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::{Person, PersonId, Unfit};
use clavis_broker::service::PersonView;

use super::agent;
use super::ask::{link, link_for};
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::pages::{Frame, page};
use crate::sessions::SignedIn;
use crate::times::When;
use crate::words::{self, Standing};

#[derive(Template)]
#[template(path = "desk/person.html")]
struct PersonPage<'a> {
    frame: Frame<'a>,
    person: &'a Person,
    /// Why they can be given no key, where they cannot.
    unfit: Option<&'static str>,
    /// `None` where the directory does not answer.
    devices: Option<&'a [Device]>,
    requests: Vec<Row<'a>>,
    /// Where to ask for a device that is not listed.
    ask: String,
}

impl PersonPage<'_> {
    /// Where to ask for the key of a device for this person.
    fn ask_for(&self, device: &Device) -> String {
        link_for(&self.person.id, device, "")
    }
}

/// A request that they made or that is for them.
struct Row<'a> {
    request: &'a Request,
    standing: Standing,
    made_at: When,
}

pub(crate) async fn show(
    State(app): State<App>,
    Source(source): Source,
    who: SignedIn,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Fault> {
    let agent = agent(&who)?;
    let Path(id) = id.map_err(|_| Fault::NotFound)?;
    let found = app.broker.look_at(&agent, &PersonId(id), source).await?;
    let PersonView {
        person,
        devices,
        requests,
    } = found.ok_or(Fault::NotFound)?;
    let now = app.broker.now();
    let row = |request| Row {
        request,
        standing: words::standing(request, who.person(), now, &app.site),
        made_at: app.site.day(request.made_at),
    };
    page(&PersonPage {
        frame: Frame::signed_in(&app.site, &who),
        unfit: person.party().err().map(why_unfit),
        devices: devices.as_deref(),
        requests: requests.iter().map(row).collect(),
        ask: link(&person.id),
        person: &person,
    })
}

fn why_unfit(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Disabled => {
            "The account is disabled, so no key can be asked for. If that is wrong, it has to be \
             enabled in the directory."
        }
        Unfit::NoMail => {
            "The directory has no mail address for the account that Clavis may write to, so no key \
             can be asked for. It has to be entered there."
        }
    }
}
