//! One connection to the mail server: reached, protected, signed in.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use clavis_broker::causes::with_causes;
use clavis_config::read_at_most;
use clavis_config::settings::{Smtp, SmtpProof, SmtpSecurity, SmtpSignIn};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use super::trouble::Trouble;
use crate::authorities::LONGEST;
use crate::entra::{Scope, Tenant};

/// The way to the mail server.
pub(super) struct Door {
    server: Smtp,
    tenant: Option<Arc<Tenant>>,
    hello: ClientId,
    /// Reading the machine's certificates takes 10 to 20 ms, so it waits for the first connection.
    tls: OnceCell<TlsParameters>,
}

impl Door {
    /// The way to this server, to which Clavis introduces itself as `hello`, with tokens of
    /// `tenant` where it signs in with one.
    pub(super) fn new(server: Smtp, tenant: Option<Arc<Tenant>>, hello: String) -> Self {
        Self {
            server,
            tenant,
            hello: ClientId::Domain(hello),
            tls: OnceCell::new(),
        }
    }

    /// The settings of the server.
    pub(super) fn server(&self) -> &Smtp {
        &self.server
    }

    /// Who gives out tokens for it, where it wants one.
    pub(super) fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_deref()
    }

    /// A connection over which mails can be sent.
    pub(super) async fn open(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let mut connection = self.enter().await?;
        self.sign_in(&mut connection).await?;
        Ok(connection)
    }

    /// A connection over TLS, to a server whose certificate is trusted.
    pub(super) async fn enter(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let tls = self.tls().await?;
        let address = (self.server.host.as_str(), self.server.port);
        let at_once = (self.server.security == SmtpSecurity::Tls).then(|| tls.clone());
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, at_once, None)
                .await
                .map_err(|error| Trouble::of(&error))?;
        if self.server.security == SmtpSecurity::StartTls {
            if !connection.can_starttls() {
                return Err(Trouble::NoStartTls);
            }
            connection
                .starttls(tls, &self.hello)
                .await
                .map_err(|error| Trouble::of(&error))?;
        }
        Ok(connection)
    }

    /// Signs in, where there are credentials to sign in with.
    pub(super) async fn sign_in(
        &self,
        connection: &mut AsyncSmtpConnection,
    ) -> Result<(), Trouble> {
        let Some(SmtpSignIn { username, proof }) = &self.server.sign_in else {
            return Ok(());
        };
        match proof {
            SmtpProof::Password(password) => {
                let mechanisms = [Mechanism::Plain, Mechanism::Login];
                offered(connection, &mechanisms)?;
                let secret = password.expose_secret().to_owned();
                connection
                    .auth(&mechanisms, &Credentials::new(username.clone(), secret))
                    .await
                    .map_err(|error| Trouble::of(&error).in_signing_in())?;
            }
            SmtpProof::Token { entra } => {
                let mechanisms = [Mechanism::Xoauth2];
                offered(connection, &mechanisms)?;
                let no_token = |why: String| Trouble::NoToken(why);
                let tenant = (self.tenant.as_ref())
                    .ok_or_else(|| no_token(format!("[entra.{entra}] is not there")))?;
                let token = tenant.token_for(Scope::Outlook).await;
                let token = token.map_err(|trouble| no_token(with_causes(&trouble)))?;
                let secret = token.expose_secret().to_owned();
                let outcome = connection
                    .auth(&mechanisms, &Credentials::new(username.clone(), secret))
                    .await;
                if let Err(error) = outcome {
                    // The next sign-in asks for another one.
                    tenant.forget_token(Scope::Outlook).await;
                    return Err(Trouble::of(&error).in_showing_a_token());
                }
            }
        }
        Ok(())
    }

    async fn tls(&self) -> Result<TlsParameters, Trouble> {
        let tls = self.tls.get_or_try_init(|| async {
            let host = self.server.host.clone();
            let ca_file = self.server.ca_file.clone();
            tokio::task::spawn_blocking(move || tls_to(host, ca_file.as_deref()))
                .await
                .unwrap_or_else(|_| Err(Trouble::BadAuthorities("they were not read".into())))
        });
        tls.await.cloned()
    }
}

fn offered(connection: &AsyncSmtpConnection, mechanisms: &[Mechanism]) -> Result<(), Trouble> {
    let server = connection.server_info();
    match server.get_auth_mechanism(mechanisms) {
        Some(_) => Ok(()),
        None => Err(Trouble::NoMechanism),
    }
}

fn tls_to(host: String, ca_file: Option<&Path>) -> Result<TlsParameters, Trouble> {
    let bad = |why: String| Trouble::BadAuthorities(why);
    let mut tls = TlsParameters::builder(host);
    if let Some(path) = ca_file {
        let pem = read_at_most(path, LONGEST)
            .map_err(|error| bad(format!("{} cannot be read: {error}", path.display())))?;
        let holds_none = || bad(format!("{} holds no certificate", path.display()));
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(holds_none());
        }
        let authorities = Certificate::from_pem(&pem).map_err(|_| holds_none())?;
        tls = tls
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authorities);
    }
    tls.build()
        .map_err(|_| bad("a certificate in it is damaged".into()))
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Whether a name in the settings is an address, which certificates seldom bear.
pub(super) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}
