//! A TCP proxy before a server, which can be cut and mended.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Passes everything on until it is cut; then all connections end, and new ones at once.
pub(crate) struct Proxy {
    at: SocketAddr,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy on a port of 127.0.0.1 before `server`, which is `host:port`.
    pub(crate) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = listener.local_addr().expect("its address");
        let line = Arc::new(Mutex::new(Line::default()));
        let (lines, server) = (Arc::clone(&line), server.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // One that cannot be connected is dropped, which ends it.
                let _ = connect(near, &server, &lines);
            }
        });
        Self { at, line }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    /// Ends all connections, and new ones at once.
    pub(crate) fn cut(&self) {
        let mut line = self.line.lock().expect("no thread has panicked");
        line.is_cut = true;
        for stream in line.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets new connections through again.
    pub(crate) fn mend(&self) {
        self.line.lock().expect("no thread has panicked").is_cut = false;
    }
}

fn connect(near: TcpStream, server: &str, lines: &Mutex<Line>) -> io::Result<()> {
    let mut line = lines.lock().expect("no thread has panicked");
    if line.is_cut {
        return Ok(());
    }
    let far = TcpStream::connect(server)?;
    line.open.extend([near.try_clone()?, far.try_clone()?]);
    relay(near.try_clone()?, far.try_clone()?);
    relay(far, near);
    Ok(())
}

fn relay(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
