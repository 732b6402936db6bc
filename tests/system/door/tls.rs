//! TLS of the daemon's own: versions, protocols, renewal, several organisations.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};

use super::wire::{Http2, connect, rest};
use crate::harness::{Daemon, Installation, Kind, until};

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A client that takes every certificate, and shows which it was.
#[derive(Debug)]
struct TakesAny(CryptoProvider);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a client says first, in one record.
pub(crate) fn hello() -> Vec<u8> {
    let mut client = client("127.0.0.1", &TLS13, "http/1.1").expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a record");
    hello
}

/// Shakes hands under this name, with this version, for this protocol.
pub(crate) fn shake(
    at: &str,
    name: &str,
    version: &'static SupportedProtocolVersion,
    protocol: &str,
) -> Result<Tls, Box<dyn std::error::Error>> {
    let mut client = client(name, version, protocol)?;
    let mut stream = connect(at);
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(client, stream))
}

fn client(
    name: &str,
    version: &'static SupportedProtocolVersion,
    protocol: &str,
) -> Result<ClientConnection, Box<dyn std::error::Error>> {
    let provider = ring::default_provider();
    let takes_any = Arc::new(TakesAny(provider.clone()));
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])?
        .dangerous()
        .with_custom_certificate_verifier(takes_any)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from(name.to_owned())?;
    Ok(ClientConnection::new(Arc::new(config), name)?)
}

fn certificate_of(stream: &Tls) -> Vec<u8> {
    let chain = stream.conn.peer_certificates().expect("a certificate");
    chain[0].to_vec()
}

/// Makes a pair for a host, `IP:…` or `DNS:…`, in the files `NAME.pem` and `NAME.key`.
pub(crate) fn make_pair(folder: &Path, name: &str, host: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=test"])
        .args(["-addext", &format!("subjectAltName={host}")])
        .args(["-keyout", &format!("{name}.key")])
        .args(["-out", &format!("{name}.pem")])
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
}

/// Puts a pair in the place of another, each file whole.
fn renew(folder: &Path, from: &str, to: &str, kinds: &[&str]) {
    for kind in kinds {
        let new = folder.join("new");
        fs::copy(folder.join(format!("{from}.{kind}")), &new).expect("a copy");
        fs::rename(new, folder.join(format!("{to}.{kind}"))).expect("in its place");
    }
}

/// Lets an installation speak TLS, as `https://HOST` with the port that it has.
pub(crate) fn with_tls(clavis: &Installation, host: &str) {
    let own = clavis.url();
    let port = own.rsplit(':').next().expect("a port");
    clavis.change(
        &format!("public_url = \"{own}\""),
        &format!(
            "public_url = \"https://{host}:{port}\"\ncertificate_file = \"tls.pem\"\n\
             private_key_file = \"tls.key\""
        ),
    );
    let name = if host.parse::<std::net::IpAddr>().is_ok() {
        format!("IP:{host}")
    } else {
        format!("DNS:{host}")
    };
    make_pair(clavis.path(), "tls", &name);
}

fn at(daemon: &Daemon) -> &str {
    super::address(daemon)
}

pub(crate) fn page(mut stream: Tls, path: &str) -> String {
    let asked = write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    );
    asked.expect("it is sent");
    String::from_utf8_lossy(&rest(&mut stream)).into_owned()
}

#[test]
fn both_versions_and_both_protocols_are_spoken_and_nothing_older() {
    let clavis = Installation::new(&Kind::Files);
    with_tls(&clavis, "127.0.0.1");
    let daemon = clavis.start();
    for (version, expected) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let stream = shake(at(&daemon), "127.0.0.1", version, "http/1.1").expect("a handshake");
        assert_eq!(stream.conn.protocol_version(), Some(expected));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = page(stream, "/sign-in");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age="));

        let stream = shake(at(&daemon), "127.0.0.1", version, "h2").expect("a handshake");
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = Http2::begin(stream, 65_535);
        client.ask(1, "/sign-in", at(&daemon), None);
        assert!(client.is_answered());
    }
    let spdy = shake(at(&daemon), "127.0.0.1", &TLS13, "spdy/3");
    assert!(spdy.is_err(), "another protocol");

    // What a client says that knows TLS 1.1 and nothing newer (RFC 4346, section 7.4.1.2).
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x00, 0x2F, 1, 0]);
    let mut record = vec![22, 3, 1, 0, 0, 1, 0, 0];
    record.push(u8::try_from(hello.len()).expect("it is small"));
    record[4] = u8::try_from(hello.len() + 4).expect("it is small");
    record.extend(hello);
    let mut stream = connect(at(&daemon));
    stream.write_all(&record).expect("it is sent");
    let answer = rest(&mut stream);
    // An alert, and a fatal one (RFC 8446, section 6).
    let alert = (answer.first(), answer.get(5));
    assert_eq!(alert, (Some(&21), Some(&2)), "{answer:?}");

    let plain = super::wire::status(at(&daemon), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(plain, None, "plain HTTP");
    daemon.wait_for_log("TLS handshakes failed");
    let checked = clavis.run(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        said.contains("server: the certificate is valid until 20"),
        "{said}"
    );
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_renewed_pair_is_taken_in_and_a_broken_one_is_not() {
    let clavis = Installation::new(&Kind::Files);
    with_tls(&clavis, "127.0.0.1");
    let daemon = clavis.start();
    let shown = || {
        let stream = shake(at(&daemon), "127.0.0.1", &TLS13, "http/1.1");
        certificate_of(&stream.expect("a handshake"))
    };
    let first = shown();
    let mut held = shake(at(&daemon), "127.0.0.1", &TLS13, "http/1.1").expect("a handshake");
    make_pair(clavis.path(), "next", "IP:127.0.0.1");
    // The key alone first: a pair of which one half is written is none.
    renew(clavis.path(), "next", "tls", &["key"]);
    daemon.wait_for_log("a new certificate cannot be used");
    assert_eq!(shown(), first, "the one before stays in use");
    daemon.wait_for_log("does not belong to the certificate");
    renew(clavis.path(), "next", "tls", &["pem"]);
    let second = until("the new certificate is shown", || {
        let now = shown();
        (now != first).then_some(now)
    });
    assert_eq!(shown(), second);
    let log = daemon.log();
    let said = log.matches("a new certificate cannot be used").count();
    assert_eq!(said, 1, "{log}");

    // Whoever is connected goes on.
    write!(held, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is sent");
    let mut answer = [0; 12];
    held.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");

    // The certificate of another host does not take the place of one that holds.
    make_pair(clavis.path(), "foreign", "DNS:elsewhere.example.com");
    renew(clavis.path(), "foreign", "tls", &["key", "pem"]);
    daemon.wait_for_log("is not for 127.0.0.1");
    assert_eq!(shown(), second);
}

#[test]
fn of_several_organisations_each_has_its_own_and_other_names_have_none() {
    let (one, two) = (
        Installation::new(&Kind::Files),
        Installation::new(&Kind::Files),
    );
    let place = |url: String| url.replace("http://", "");
    two.change(&place(two.url()), &place(one.url()));
    with_tls(&one, "one.example.com");
    with_tls(&two, "two.example.com");
    let daemon = Daemon::start_all(&[&one.config(), &two.config()], "info");
    let shown = |name: &str| shake(at(&daemon), name, &TLS13, "http/1.1");
    let [first, second] = ["one.example.com", "two.example.com"].map(|name| {
        let stream = shown(name).expect("a handshake");
        certificate_of(&stream)
    });
    assert_ne!(first, second);
    for nobody in ["three.example.com", "127.0.0.1"] {
        assert!(shown(nobody).is_err(), "{nobody}");
    }

    // One in TLS and the other in plain HTTP cannot be behind one listener.
    two.change("certificate_file = \"tls.pem\"\n", "");
    two.change("private_key_file = \"tls.key\"\n", "");
    let mut check = Command::new(env!("CARGO_BIN_EXE_clavis"));
    check.arg("check");
    for file in [one.config(), two.config()] {
        check.arg("--config").arg(file);
    }
    let said = check.output().expect("the binary runs").stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let expected = "with TLS in one and plain HTTP in the other";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_pair_that_cannot_be_used_is_told_before_anything_starts() {
    let clavis = Installation::new(&Kind::Files);
    with_tls(&clavis, "127.0.0.1");
    let said = || {
        let checked = clavis.run(&["check"]);
        let served = clavis.run(&["serve"]);
        assert_eq!(served.status.code(), Some(1));
        let (check, serve) = (checked.stdout, served.stderr);
        [check, serve].map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    make_pair(clavis.path(), "next", "DNS:other.example.com");
    renew(clavis.path(), "next", "tls", &["key"]);
    for text in said() {
        assert!(
            text.contains("does not belong to the certificate"),
            "{text}"
        );
    }
    fs::write(clavis.path().join("tls.pem"), "none").expect("written");
    for text in said() {
        assert!(text.contains("holds no certificate in PEM form"), "{text}");
    }
    renew(clavis.path(), "next", "tls", &["pem"]);
    let checked = clavis.run(&["check"]);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        text.contains("the certificate is not for 127.0.0.1"),
        "{text}"
    );
    assert_eq!(checked.status.code(), Some(1));
}
