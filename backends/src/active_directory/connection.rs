//! One connection to one controller: opened, trusted, signed in, searched, closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clavis_config::settings::{AdDomain, LdapSecurity};
use ldap3::adapters::{Adapter, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::controllers::Controller;
use super::trouble::code;
use super::{Entry, Search, Trouble};

/// Entries on a page; controllers give out at most 1,000 (`MaxPageSize`, `[MS-ADTS]`, section
/// 3.1.1.3.4.6).
const PAGE: i32 = 500;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// A connection that is signed in. Nothing on it has a deadline of its own: the caller sets one
/// around each call, and drops the connection when it passes.
pub(super) struct Connection {
    controller: Controller,
    ldap: Ldap,
    driver: JoinHandle<()>,
    has_told_of_referrals: AtomicBool,
}

impl Connection {
    /// Connects, proves the controller's certificate and signs in.
    pub(super) async fn open(
        controller: &Controller,
        settings: &AdDomain,
        trust: Arc<ClientConfig>,
    ) -> Result<Self, Trouble> {
        let stream = connect(controller).await.map_err(Trouble::Connect)?;
        // Without this the small writes of TLS wait for each other's acknowledgements.
        stream.set_nodelay(true).map_err(Trouble::Connect)?;
        let stream = stream.into_std().map_err(Trouble::Connect)?;
        let scheme = match settings.security {
            LdapSecurity::Ldaps => "ldaps",
            LdapSecurity::StartTls => "ldap",
        };
        let how = LdapConnSettings::new()
            .set_config(trust)
            .set_starttls(settings.security == LdapSecurity::StartTls)
            .set_std_stream(StdStream::Tcp(stream));
        let url = format!("{scheme}://{controller}");
        let (connection, ldap) = LdapConnAsync::with_settings(how, &url).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "A connection to a domain controller ended.");
            }
        });
        let mut connection = Self {
            controller: controller.clone(),
            ldap,
            driver,
            has_told_of_referrals: AtomicBool::new(false),
        };
        connection.sign_in(settings).await?;
        Ok(connection)
    }

    /// All that the search finds. An entry limit that is reached is no trouble.
    pub(super) async fn search(&self, search: &Search) -> Result<Vec<Entry>, Trouble> {
        let mut ldap = self.ldap.clone();
        ldap.with_search_options(search.options());
        ldap.with_controls(search.controls());
        let paging: Vec<Box<dyn Adapter<'_, String, Vec<String>>>> =
            vec![Box::new(PagedResults::new(PAGE))];
        let mut stream = ldap
            .streaming_search_with(
                paging,
                &search.base,
                search.scope,
                &search.filter,
                search.attributes.clone(),
            )
            .await?;
        let mut entries = Vec::new();
        let mut referrals = 0_u32;
        while let Some(raw) = stream.next().await? {
            if raw.is_ref() {
                referrals += 1;
            } else if !raw.is_intermediate() {
                entries.push(Entry::read(raw)?);
            }
        }
        let result = stream.finish().await;
        // Another domain would need its own trust and account: it is another backend. Every search
        // of a whole domain finds some, so once for a connection is enough to say so.
        if referrals > 0 && !self.has_told_of_referrals.swap(true, Ordering::Relaxed) {
            tracing::info!(
                controller.name = %self.controller.name,
                referrals,
                "the directory refers to other directories, which are not asked"
            );
        }
        match result.rc {
            0 => Ok(entries),
            code::SIZE_LIMIT_EXCEEDED if search.at_most.is_some() => Ok(entries),
            _ => Err(ldap3::LdapError::from(result).into()),
        }
    }

    /// The controller at the other side.
    pub(super) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Whether the other side has ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// Says farewell and waits until nothing of the connection is left in memory.
    pub(super) async fn close(mut self) {
        let farewell = async {
            let _ = self.ldap.unbind().await;
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.driver.abort();
        let _ = (&mut self.driver).await;
    }

    async fn sign_in(&mut self, settings: &AdDomain) -> Result<(), Trouble> {
        let password = settings.password.expose_secret();
        // An empty password would be taken as no sign-in at all, and succeed (RFC 4513, section
        // 5.1.2).
        if settings.bind_name.is_empty() || password.is_empty() {
            return Err(Trouble::Refused {
                code: code::INVALID_CREDENTIALS,
                text: "the name or the password is empty".into(),
            });
        }
        let answer = self.ldap.simple_bind(&settings.bind_name, password).await?;
        answer.success()?;
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn connect(controller: &Controller) -> std::io::Result<TcpStream> {
    if controller.addresses.is_empty() {
        return TcpStream::connect((controller.name.as_str(), controller.port)).await;
    }
    let addresses: Vec<SocketAddr> = (controller.addresses.iter())
        .map(|address| SocketAddr::new(*address, controller.port))
        .collect();
    TcpStream::connect(addresses.as_slice()).await
}
