//! A syslog collector on this machine, over TCP or TLS, that can be away, stall, and die in the
//! middle of what it is sent.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How often threads look whether something has changed.
const TICK: Duration = Duration::from_millis(10);

/// A collector; it is gone when this is dropped.
pub(crate) struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    messages: Vec<String>,
    /// How many connections there were.
    connections: usize,
    is_away: bool,
    is_stalled: bool,
    /// After how many more messages the next connection dies, with all that it was sent besides.
    dies_after: Option<usize>,
}

impl Collector {
    /// One that takes messages over plain TCP.
    pub(crate) fn plain() -> Self {
        Self::new(None)
    }

    /// One that takes them over TLS, with a certificate for `localhost` of an authority of its own;
    /// both are made in this folder.
    pub(crate) fn tls(folder: &Path) -> (Self, PathBuf) {
        let (certificate, key, authority) = certificates(folder);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate with its key");
        (Self::new(Some(Arc::new(config))), authority)
    }

    fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        let state = Mutex::new(State {
            is_away: true,
            ..State::default()
        });
        let mut collector = Self {
            address: ([127, 0, 0, 1], 0).into(),
            shared: Arc::new(Shared { tls, state }),
            listening: Mutex::default(),
        };
        collector.address = collector.listen();
        collector
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The messages that it has kept, without the lengths in front, in the order of their arrival.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.state().messages.clone()
    }

    /// The numbers of the rows among them.
    pub(crate) fn seqs(&self) -> Vec<i64> {
        let messages = self.messages();
        let seqs = messages.iter().filter_map(|message| {
            let (_, rest) = message.split_once("[clavis@32473 seq=\"")?;
            rest.split('"').next()?.parse().ok()
        });
        seqs.collect()
    }

    /// Waits until it has what is looked for.
    pub(crate) fn until(&self, what: &str, has: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !has(self) {
            let waited = begun.elapsed();
            let seqs = self.seqs();
            assert!(
                waited < Duration::from_mins(2),
                "{what} did not come: {seqs:?}"
            );
            std::thread::sleep(TICK);
        }
    }

    /// How many connections there were.
    #[allow(
        dead_code,
        reason = "not for the stories of the system, which share this file"
    )]
    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    /// Ends every connection, and takes no other.
    pub(crate) fn go_away(&self) {
        self.state().is_away = true;
        let listening = self.listening.lock().expect("no panic").take();
        if let Some(listening) = listening {
            listening.join().expect("the collector's thread");
        }
    }

    /// Listens again at the same address.
    pub(crate) fn come_back(&self) {
        self.listen();
    }

    /// Reads nothing from now, or reads again.
    #[allow(
        dead_code,
        reason = "not for the stories of the system, which share this file"
    )]
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.state().is_stalled = is_stalled;
    }

    /// Keeps so many more messages; then the connection dies once, with what it was sent besides.
    pub(crate) fn die_after(&self, messages: usize) {
        self.state().dies_after = Some(messages);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic")
    }

    fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind(self.address).expect("an address to listen at");
        let address = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("a listener");
        self.state().is_away = false;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::spawn(move || serve(&listener, &shared));
        *self.listening.lock().expect("no panic") = Some(thread);
        address
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.is_away = true;
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    while !shared.state.lock().expect("no panic").is_away {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(TICK);
            continue;
        };
        stream.set_nonblocking(false).expect("a connection");
        let handle = stream.try_clone().expect("a connection");
        let shared = Arc::clone(shared);
        connections.push((handle, std::thread::spawn(move || take(stream, &shared))));
    }
    for (stream, thread) in connections {
        let _ = stream.shutdown(Shutdown::Both);
        thread.join().expect("the thread of a connection");
    }
}

fn take(stream: TcpStream, shared: &Shared) {
    shared.state.lock().expect("no panic").connections += 1;
    stream.set_read_timeout(Some(TICK)).expect("a connection");
    let handle = stream.try_clone().expect("a connection");
    match &shared.tls {
        None => read_messages(stream, shared),
        Some(config) => {
            let connection = ServerConnection::new(Arc::clone(config)).expect("a connection");
            read_messages(StreamOwned::new(connection, stream), shared);
        }
    }
    // Whoever else holds it would keep it open.
    let _ = handle.shutdown(Shutdown::Both);
}

/// Reads messages with their lengths in front, until the connection ends or is to end.
fn read_messages(mut stream: impl Read, shared: &Shared) {
    let mut unread: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let (is_away, is_stalled) = {
            let state = shared.state.lock().expect("no panic");
            (state.is_away, state.is_stalled)
        };
        if is_away {
            return;
        }
        if is_stalled {
            std::thread::sleep(TICK);
            continue;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => unread.extend_from_slice(&buffer[..count]),
            Err(error) if would_wait(&error) => continue,
            Err(_) => return,
        }
        while let Some((message, length)) = first(&unread) {
            let mut state = shared.state.lock().expect("no panic");
            match &mut state.dies_after {
                Some(0) => {
                    state.dies_after = None;
                    return;
                }
                Some(left) => *left -= 1,
                None => {}
            }
            state.messages.push(message);
            unread.drain(..length);
        }
    }
}

fn would_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// The first message that is there as a whole, and how many bytes it and its length take.
fn first(bytes: &[u8]) -> Option<(String, usize)> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = std::str::from_utf8(&bytes[..space]).expect("a length");
    let length: usize = length
        .parse()
        .unwrap_or_else(|_| panic!("{length:?} is no length"));
    let message = bytes.get(space + 1..space + 1 + length)?;
    let message = String::from_utf8(message.to_vec()).expect("UTF-8");
    Some((message, space + 1 + length))
}

/// A certificate for `localhost` with its key, and the file of the authority that issued it.
fn certificates(folder: &Path) -> (CertificateDer<'static>, PrivateKeyDer<'static>, PathBuf) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (authority, key, certificate) = (
        file("collector-ca.pem"),
        file("collector.key"),
        file("collector.pem"),
    );
    let curve = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ];
    let request = |out: &str, key: &str, more: &[&str]| {
        let arguments = ["req", "-x509", "-days", "30", "-out", out, "-keyout", key];
        openssl(&[&arguments[..], &curve, more].concat());
    };
    let authority_key = file("collector-ca.key");
    request(&authority, &authority_key, &["-subj", "/CN=Collectors"]);
    let leaf = [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-CA",
        &authority,
        "-CAkey",
        &authority_key,
    ];
    request(&certificate, &key, &leaf);
    (
        CertificateDer::from_pem_file(&certificate).expect("a certificate"),
        PrivateKeyDer::from_pem_file(&key).expect("a key"),
        PathBuf::from(authority),
    )
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output();
    let output = output.expect("openssl runs; tests/run installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
}
