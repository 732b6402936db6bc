//! Rows of the log to a syslog collector, over TLS (RFC 5425) or plain TCP (RFC 6587).
//!
//! A collector acknowledges nothing: what was written to a connection may be lost with it. So rows
//! count as delivered only once the connection has stayed whole for a while after they were written,
//! and TCP had them acknowledged in less; otherwise all of them are sent again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clavis_broker::audit::LogRow;
use clavis_broker::export::{Format, HostName, announcement, message};
use clavis_broker::ports::{Finding, LogSink, SinkError};
use clavis_config::settings::{Syslog, SyslogSecurity};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::trouble::{Trouble, finding};
use crate::authorities::client_config;

/// How long a connection has to stay whole after rows were written to it.
const SETTLING: Duration = Duration::from_secs(5);
/// How long connecting may take, the handshake included.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long a collector may take nothing while rows are written to it.
const WRITING: Duration = Duration::from_secs(30);

/// A syslog collector.
pub struct SyslogSink {
    name: String,
    collector: Syslog,
    format: Format,
    host: HostName,
    settling: Duration,
    /// The connection of the last rows, where it was whole.
    kept: Mutex<Option<Connection>>,
}

/// Whatever bytes go through both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection(Box<dyn Stream>);

impl SyslogSink {
    /// A sink that sends to this collector, as `host`. It connects when the first rows are sent.
    pub fn new(name: String, collector: Syslog, format: Format, host: HostName) -> Self {
        Self {
            name,
            collector,
            format,
            host,
            settling: SETTLING,
            kept: Mutex::default(),
        }
    }

    /// Lets a connection stay whole for this long before rows count as delivered.
    #[must_use]
    pub fn settling_for(self, settling: Duration) -> Self {
        Self { settling, ..self }
    }

    async fn deliver(&self, messages: &[u8]) -> Result<(), Trouble> {
        let mut kept = self.kept.lock().await;
        // Taken out: a connection on which anything went wrong, or that was given up, is no more.
        let earlier = match kept.take() {
            Some(mut connection) => connection.is_whole().await.then_some(connection),
            None => None,
        };
        let mut connection = match earlier {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.write(messages).await?;
        connection.stays_whole(self.settling).await?;
        *kept = Some(connection);
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        timeout(CONNECTING, self.connect_at_leisure())
            .await
            .unwrap_or(Err(Trouble::Slow))
    }

    async fn connect_at_leisure(&self) -> Result<Connection, Trouble> {
        let address = (self.collector.host.as_str(), self.collector.port);
        let stream = TcpStream::connect(address)
            .await
            .map_err(Trouble::Unreachable)?;
        // What is not acknowledged in this time breaks the connection (tcp(7), TCP_USER_TIMEOUT),
        // and that shows while it is watched.
        let limit = u32::try_from(self.settling.as_millis() * 4 / 5).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(&stream, limit)
            .map_err(|error| Trouble::Broken(error.into()))?;
        let SyslogSecurity::Tls { ca_file } = &self.collector.security else {
            return Ok(Connection(Box::new(stream)));
        };
        let config = client_config(ca_file.as_deref())
            .await
            .map_err(Trouble::Authorities)?;
        let name = ServerName::try_from(self.collector.host.clone())
            .map_err(|error| Trouble::Authorities(error.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(&config));
        let stream = connector.connect(name, stream).await;
        Ok(Connection(Box::new(stream.map_err(Trouble::of_handshake)?)))
    }
}

impl Connection {
    /// Whether it is whole now, as far as this side knows.
    async fn is_whole(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.ends() => false,
            () = std::future::ready(()) => true,
        }
    }

    async fn stays_whole(&mut self, time: Duration) -> Result<(), Trouble> {
        match timeout(time, self.ends()).await {
            Ok(trouble) => Err(trouble),
            Err(_) => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = timeout(WRITING, self.0.write(rest)).await;
            match written.map_err(|_| Trouble::Stalled)? {
                Ok(0) => return Err(Trouble::Closed),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => return Err(Trouble::Broken(error)),
            }
        }
        let flushed = timeout(WRITING, self.0.flush()).await;
        flushed
            .map_err(|_| Trouble::Stalled)?
            .map_err(Trouble::Broken)
    }

    /// Comes when the other side has ended it, or it is broken. What a collector says means nothing.
    async fn ends(&mut self) -> Trouble {
        let mut said = [0; 256];
        loop {
            match self.0.read(&mut said).await {
                Ok(0) => return Trouble::Closed,
                Ok(_) => {}
                Err(error) => return Trouble::Broken(error),
            }
        }
    }
}

#[async_trait]
impl LogSink for SyslogSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, rows: &[LogRow]) -> Result<(), SinkError> {
        let mut messages = String::new();
        for row in rows {
            let message = message(row, self.format, &self.host);
            messages +=
                &message.map_err(|error| SinkError(format!("a row cannot be written: {error}")))?;
        }
        if messages.is_empty() {
            return Ok(());
        }
        let delivered = self.deliver(messages.as_bytes()).await;
        delivered.map_err(|trouble| SinkError(trouble.told(&self.collector)))
    }

    async fn check(&self) -> Vec<Finding> {
        let tried = async {
            let mut connection = self.connect().await?;
            connection
                .write(announcement(&self.host).as_bytes())
                .await?;
            let moment = self.settling.min(Duration::from_secs(2));
            connection.stays_whole(moment).await
        };
        vec![finding(tried.await, &self.collector)]
    }
}
