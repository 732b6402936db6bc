//! HTTP by hand: what no well-behaved client sends, byte by byte.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A connection on which a read fails rather than wait for ever.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let minute = Some(Duration::from_mins(1));
    stream.set_read_timeout(minute).expect("a socket");
    stream.set_write_timeout(minute).expect("a socket");
    stream
}

/// Everything that comes until the connection ends, by whichever way.
pub(crate) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return all,
            Ok(more) => all.extend_from_slice(&piece[..more]),
            Err(error) if is_of_time(&error) => panic!("the connection is still there"),
            Err(_) => return all,
        }
    }
}

/// Sends a request as it is written, and gives the status of the answer; none where there is none.
pub(crate) fn status(address: &str, request: &[u8]) -> Option<u16> {
    let mut stream = connect(address);
    // Who is refused in the middle may not get rid of the rest.
    let _ = stream.write_all(request);
    let answer = rest(&mut stream);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

pub(crate) fn is_of_time(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// HTTP/2 (RFC 9113).
pub(crate) struct Http2<S>(pub(crate) S);

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl<S: Read + Write> Http2<S> {
    /// Says the preface; the client has this much room for each answer.
    pub(crate) fn begin(stream: S, window: u32) -> Self {
        let mut this = Self(stream);
        let sent = this.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        sent.expect("it is sent");
        let mut settings = vec![0, 4];
        settings.extend(window.to_be_bytes());
        this.send(SETTINGS, 0, 0, &settings).expect("it is sent");
        this
    }

    pub(crate) fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut frame = header(kind, flags, stream, payload.len());
        frame.extend(payload);
        self.0.write_all(&frame)?;
        self.0.flush()
    }

    /// Asks for a page, or sends a form.
    pub(crate) fn ask(&mut self, stream: u32, path: &str, host: &str, form: Option<&str>) {
        let method = if form.is_some() { "POST" } else { "GET" };
        let mut fields = head(method, path, host);
        if form.is_some() {
            fields.extend(field("content-type", "application/x-www-form-urlencoded"));
        }
        let end = if form.is_some() { 0 } else { END_STREAM };
        let asked = self.send(HEADERS, END_HEADERS | end, stream, &fields);
        asked.expect("it is sent");
        if let Some(form) = form {
            let sent = self.send(DATA, END_STREAM, stream, form.as_bytes());
            sent.expect("it is sent");
        }
    }

    /// The next frame; none once the connection has ended.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        self.fill(&mut header)?;
        let [a, b, c, kind, flags, stream @ ..] = header;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let mut payload = vec![0; length];
        self.fill(&mut payload)?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & (u32::MAX >> 1),
            payload,
        })
    }

    /// Whether the answer that comes next is one of status 200.
    pub(crate) fn is_answered(&mut self) -> bool {
        let frame = std::iter::from_fn(|| self.next()).find(|frame| frame.kind == HEADERS);
        frame.is_some_and(|frame| frame.is_ok())
    }

    /// The body of the answer that has begun, to its end.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let frame = self.next().expect("a frame");
            if frame.kind == DATA {
                body.extend(frame.payload);
                if frame.flags & END_STREAM != 0 {
                    return body;
                }
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.0.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if is_of_time(&error) => panic!("the connection is still there"),
            Err(_) => None,
        }
    }
}

impl Frame {
    /// Whether it is the head of an answer of status 200 (RFC 7541, appendix A).
    pub(crate) fn is_ok(&self) -> bool {
        self.kind == HEADERS && self.payload.first() == Some(&0x88)
    }
}

/// What stands before the payload of a frame.
pub(crate) fn header(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
    let [.., a, b, c] = length.to_be_bytes();
    let mut header = vec![a, b, c, kind, flags];
    header.extend(stream.to_be_bytes());
    header
}

/// The head of a request.
pub(crate) fn head(method: &str, path: &str, host: &str) -> Vec<u8> {
    let fields = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", host),
    ];
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

/// A field that is not to be remembered (RFC 7541, section 6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.extend(length(text.len()));
        field.extend(text.as_bytes());
    }
    field
}

/// The length of a text (RFC 7541, section 5.1).
pub(crate) fn length(mut length: usize) -> Vec<u8> {
    if length < 127 {
        return vec![u8::try_from(length).expect("it is small")];
    }
    let mut bytes = vec![127];
    length -= 127;
    while length >= 128 {
        bytes.push(u8::try_from(length % 128 + 128).expect("a byte"));
        length /= 128;
    }
    bytes.push(u8::try_from(length).expect("a byte"));
    bytes
}
