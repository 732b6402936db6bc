//! Directories beside which no backend has people's devices.

use std::sync::Arc;

use clavis_broker::people::PersonId;
use clavis_broker::ports::Directory;
use clavis_broker::testing::{CountingRandom, SetClock, sample};
use clavis_config::settings::{
    AdDirectory, AdDomain, Cloud, Controllers, Entra, EntraIdentity, LdapSecurity,
};
use jiff::SignedDuration;
use secrecy::SecretString;

use super::{ActiveDirectoryPeople, EntraPeople};
use crate::entra::{Tenant, Uses};

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";

fn domain() -> AdDomain {
    AdDomain {
        controllers: Controllers::Named(vec![NOWHERE.into()]),
        security: LdapSecurity::Ldaps,
        ca_file: None,
        bind_name: "svc-clavis@example.com".into(),
        password: SecretString::from("none"),
        timeout: SignedDuration::from_secs(5),
    }
}

fn tenant(clock: &Arc<SetClock>) -> Arc<Tenant> {
    let nowhere = Some(format!("http://{NOWHERE}"));
    let settings = Entra {
        name: "cloud".into(),
        identity: EntraIdentity::Managed { client_id: None },
        cloud: Cloud::Global,
        graph_url: nowhere.clone(),
        login_url: nowhere.clone(),
        identity_url: nowhere,
        timeout: SignedDuration::from_secs(5),
    };
    let random = Arc::new(CountingRandom::default());
    let clock = Arc::clone(clock) as _;
    Arc::new(Tenant::new(settings, Uses::default(), clock, random))
}

#[tokio::test]
async fn nobodys_devices_are_listed_and_nobody_is_asked() {
    let clock = Arc::new(SetClock::at(sample::monday()));
    let settings = AdDirectory {
        domain: domain(),
        search_base: None,
        escrow: None,
        owner_attribute: "managedBy".into(),
    };
    let directories: [Arc<dyn Directory>; 2] = [
        Arc::new(EntraPeople::new(tenant(&clock), None)),
        Arc::new(ActiveDirectoryPeople::new(settings, clock)),
    ];
    let anna = PersonId("6731de76-14a6-49ae-97bc-6eba6914391e".into());
    for directory in directories {
        assert_eq!(directory.devices_of(&anna).await.unwrap(), []);
    }
}
