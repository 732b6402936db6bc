//! The first page of somebody who is signed in: their devices and their requests.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use clavis_broker::devices::Device;
use clavis_broker::lifecycle::Request;
use clavis_broker::people::Party;

use super::{Frame, page};
use crate::app::App;
use crate::fault::Fault;
use crate::forms::with_query;
use crate::pages::ask::device_value;
use crate::sessions::SignedIn;
use crate::times::When;
use crate::words::{Standing, standing};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    name: &'a str,
    /// `None` where the directory does not answer: the rest of the page stands without it.
    devices: Option<Vec<DeviceRow>>,
    requests: Vec<RequestRow>,
    /// Who stands in for them, and until when.
    away: Option<(String, When)>,
}

struct DeviceRow {
    name: String,
    detail: Option<String>,
    ask: String,
}

struct RequestRow {
    reference: String,
    device: String,
    /// Who gets the key, where somebody else does.
    for_whom: Option<String>,
    made_at: When,
    standing: Standing,
}

pub(crate) async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Fault> {
    let person = who.person();
    let devices = app.broker.devices_of(&person.id).await;
    let requests = app.broker.requests_of(&person.id).await?;
    let stand_in = app.broker.stand_in_of(person).await?;
    if let Err(error) = &devices {
        let error: &(dyn std::error::Error + 'static) = error;
        tracing::warn!(error, "a person's devices could not be listed");
    }
    page(&HomePage {
        frame: Frame::signed_in(&app.site, &who),
        name: &person.name,
        devices: devices
            .ok()
            .map(|devices| devices.into_iter().map(DeviceRow::from).collect()),
        requests: requests
            .iter()
            .map(|request| RequestRow::of(request, person, &app))
            .collect(),
        away: stand_in.map(|it| (it.by.name, app.site.when(it.until))),
    })
}

impl From<Device> for DeviceRow {
    fn from(device: Device) -> Self {
        let value = device_value(&device.id);
        let ask = with_query(
            "/requests/new",
            &[("asset", &device.name), ("device", &value)],
        );
        Self {
            name: device.name,
            detail: device.detail,
            ask,
        }
    }
}

impl RequestRow {
    fn of(request: &Request, reader: &Party, app: &App) -> Self {
        let beneficiary = &request.beneficiary;
        let is_theirs = beneficiary.id == reader.id;
        Self {
            reference: request.reference.to_string(),
            device: request.device.name.clone(),
            for_whom: (!is_theirs).then(|| beneficiary.name.clone()),
            made_at: app.site.day(request.made_at),
            standing: standing(request, reader, app.broker.now(), &app.site),
        }
    }
}
