//! Those who press the button of a key link: the ways that they come by, and what they do about the
//! answer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use h2::client::ResponseFuture;
use http::Request;
use http::header::CONTENT_TYPE;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::links::Link;

/// All of them live here, whether anybody waits for them or not.
pub(super) static CLIENTS: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build();
    runtime.expect("a runtime")
});

const FORM: &str = "application/x-www-form-urlencoded";

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What a client does about the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Reads it to its end, and stays connected.
    Reads,
    /// Sees that it comes, takes nothing more of it, and stays connected.
    Stalls,
    /// Goes before it comes; over HTTP/2, before anything but its head comes.
    Leaves,
}

/// Where a daemon is, and whom to trust if it speaks TLS.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection on which the answer is still to come. Whoever drops it leaves.
pub(super) enum Pressed {
    Http1(Box<dyn Stream>),
    Http2(ResponseFuture, JoinSet<()>),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Door {
    /// One that speaks TLS with this certificate, or none.
    pub(super) fn new(address: &str, certificate: Option<&Path>) -> Self {
        let tls = certificate.map(|file| {
            let mut trusted = RootCertStore::empty();
            let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
            trusted.add(certificate).expect("it can be trusted");
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("versions of TLS");
            Arc::new(config.with_root_certificates(trusted).with_no_client_auth())
        });
        Self {
            address: address.parse().expect("an address"),
            tls,
        }
    }

    /// Presses the button of a link. Over HTTP/2 a client that is not to read the answer gives it no
    /// room.
    pub(super) async fn press(&self, link: &Link, protocol: Protocol, habit: Habit) -> Pressed {
        let mut stream = self.connect(protocol).await;
        let Link { path, form, .. } = link;
        let host = self.address;
        if protocol == Protocol::Http1 {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {FORM}\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                form.len()
            );
            stream.write_all(request.as_bytes()).await.expect("sent");
            stream.flush().await.expect("sent");
            return Pressed::Http1(stream);
        }
        let mut http = h2::client::Builder::new();
        if habit != Habit::Reads {
            http.initial_window_size(0);
        }
        let (mut sender, connection) = http.handshake::<_, Bytes>(stream).await.expect("HTTP/2");
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let request = Request::post(format!("{scheme}://{host}{path}"))
            .header(CONTENT_TYPE, FORM)
            .body(())
            .expect("a request");
        let (response, mut body) = sender.send_request(request, false).expect("sent");
        body.send_data(form.clone().into(), true).expect("sent");
        Pressed::Http2(response, driver)
    }

    async fn connect(&self, protocol: Protocol) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let Some(config) = &self.tls else {
            return Box::new(stream);
        };
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = match protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        let name = ServerName::from(self.address.ip());
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        Box::new(connecting.await.expect("TLS"))
    }
}

impl Pressed {
    /// Does about the answer what a client of this habit does; gives the connection for as long as it
    /// has one.
    pub(super) async fn go_on(mut self, habit: Habit) -> Option<Box<dyn Send>> {
        match (habit, &mut self) {
            (Habit::Reads, _) => {
                let (answer, connection) = self.answer().await;
                assert!(answer.contains("id=\"key-1\""), "{answer}");
                return Some(connection);
            }
            (Habit::Stalls, Self::Http1(stream)) => {
                let mut beginning = [0; 12];
                stream.read_exact(&mut beginning).await.expect("an answer");
                assert_eq!(&beginning, b"HTTP/1.1 200");
            }
            (Habit::Leaves, Self::Http1(_)) => {}
            (_, Self::Http2(response, _)) => {
                assert_eq!(response.await.expect("an answer").status(), 200);
            }
        }
        (habit == Habit::Stalls).then(|| Box::new(self) as Box<dyn Send>)
    }

    /// The whole answer, and the connection, which may have ended.
    pub(super) async fn answer(self) -> (String, Box<dyn Send>) {
        match self {
            Self::Http1(mut stream) => {
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.expect("an answer");
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                (answer, Box::new(stream))
            }
            Self::Http2(response, driver) => {
                let response = response.await.expect("an answer");
                assert_eq!(response.status(), 200);
                let mut body = response.into_body();
                let mut answer = Vec::new();
                while let Some(data) = body.data().await {
                    let data = data.expect("a part of the answer");
                    let freed = body.flow_control().release_capacity(data.len());
                    freed.expect("room for more");
                    answer.extend_from_slice(&data);
                }
                let answer = String::from_utf8(answer).expect("text");
                (answer, Box::new((body, driver)))
            }
        }
    }
}
