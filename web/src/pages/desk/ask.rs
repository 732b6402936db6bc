//! Asking for the keys of a device for somebody else: who that is says the directory.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use clavis_broker::devices::Device;
use clavis_broker::people::PersonId;

use super::agent;
use crate::app::App;
use crate::client::Source;
use crate::fault::Fault;
use crate::forms::{Posted, with_query};
use crate::pages::ask::{AT_DESK, OnBehalf, Typed, device_value, posted, send, show_for, typed_in};
use crate::sessions::SignedIn;

/// Where to ask for any device for a person.
pub(super) fn link(person: &PersonId) -> String {
    with_query(AT_DESK, &[("for", &person.0)])
}

/// Where to ask for a key of this device for a person.
pub(super) fn link_for(person: &PersonId, device: &Device, wanted: &str) -> String {
    with_query(
        AT_DESK,
        &[
            ("for", &person.0),
            ("asset", &device.name),
            ("device", &device_value(&device.id)),
            ("key_id", wanted),
        ],
    )
}

pub(crate) async fn form(
    State(app): State<App>,
    who: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let typed = typed_in(&uri);
    let behalf = behalf(&app, &who, &typed).await?;
    show_for(&app, &who, &behalf, &typed)
}

pub(crate) async fn ask(
    State(app): State<App>,
    Source(source): Source,
    who: Option<SignedIn>,
    form: Posted<Typed>,
) -> Result<Response, Fault> {
    let (who, typed) = posted(who, form, AT_DESK)?;
    let behalf = behalf(&app, &who, &typed).await?;
    send(&app, &who, Some(&behalf), &typed, source).await
}

async fn behalf(app: &App, who: &SignedIn, typed: &Typed) -> Result<OnBehalf, Fault> {
    let agent = agent(who)?;
    let id = PersonId(typed.for_whom.clone());
    let found = app.broker.person_of(&agent, &id).await?;
    let of = found.ok_or(Fault::NotFound)?;
    Ok(OnBehalf { agent, of })
}
