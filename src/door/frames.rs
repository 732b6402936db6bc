//! The frames of HTTP/2 (RFC 9113, section 4.1), as far as they are counted: those that ask for
//! nothing and yet cost work. Bytes are looked at as they pass by, and none is kept.

use std::time::Duration;

use tokio::time::Instant;

/// What a client of HTTP/2 says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The octets of a frame before what it carries.
const HEADER: usize = 9;

/// So many frames of this kind may come at once …
const AT_ONCE: u32 = 200;
/// … and then one more each time that this has passed.
const AGAIN: Duration = Duration::from_millis(100);

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;

/// Counts the frames of a connection.
pub(crate) struct Frames {
    at: At,
    left: u32,
    counted_at: Instant,
}

/// What came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    /// Something of a request's head.
    pub(crate) head: bool,
    /// More than there may be.
    pub(crate) flood: bool,
}

/// Where in the stream of bytes it is.
enum At {
    /// So much of the preface has come.
    Preface(usize),
    /// So much of a frame's header has come.
    Header([u8; HEADER], usize),
    /// So much is to come of what a frame carries.
    Payload(usize),
    /// This is no HTTP/2.
    Other,
}

impl Frames {
    /// From the first byte of a connection on.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            at: At::Preface(0),
            left: AT_ONCE,
            counted_at: now,
        }
    }

    /// Looks at bytes that have come.
    pub(crate) fn look(&mut self, mut bytes: &[u8], now: Instant) -> Came {
        let mut came = Came::default();
        while let Some(first) = bytes.first() {
            match &mut self.at {
                At::Other => {
                    came.head = true;
                    break;
                }
                At::Preface(known) => {
                    came.head = true;
                    if *first == PREFACE[*known] {
                        *known += 1;
                        if *known == PREFACE.len() {
                            self.at = At::Header([0; HEADER], 0);
                        }
                        bytes = &bytes[1..];
                    } else {
                        self.at = At::Other;
                    }
                }
                At::Header(header, filled) => {
                    let more = bytes.len().min(HEADER - *filled);
                    header[*filled..*filled + more].copy_from_slice(&bytes[..more]);
                    *filled += more;
                    bytes = &bytes[more..];
                    if *filled == HEADER {
                        let [a, b, c, kind, flags, ..] = *header;
                        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                        self.at = At::Payload(length);
                        came.head |= kind == HEADERS;
                        came.flood |= counts(kind, flags, length) && !self.spend(now);
                    }
                }
                At::Payload(left) => {
                    let passed = bytes.len().min(*left);
                    *left -= passed;
                    bytes = &bytes[passed..];
                    if *left == 0 {
                        self.at = At::Header([0; HEADER], 0);
                    }
                }
            }
            if matches!(self.at, At::Payload(0)) {
                self.at = At::Header([0; HEADER], 0);
            }
        }
        came
    }

    fn spend(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted_at);
        let again = u32::try_from(passed.as_millis() / AGAIN.as_millis()).unwrap_or(u32::MAX);
        self.counted_at += AGAIN * again;
        self.left = self.left.saturating_add(again).min(AT_ONCE);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// Whether a frame is one of those that are counted: all but those that carry a request, and those
/// that make room for an answer.
fn counts(kind: u8, flags: u8, length: usize) -> bool {
    match kind {
        HEADERS | WINDOW_UPDATE => false,
        DATA => length == 0 && flags & END_STREAM == 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [.., a, b, c] = length.to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER + length, 0xFF);
        frame
    }

    fn started() -> Frames {
        let mut frames = Frames::new(Instant::now());
        assert!(frames.look(PREFACE, Instant::now()).head);
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_told_apart_however_the_bytes_come() {
        let mut bytes = PREFACE.to_vec();
        for _ in 0..AT_ONCE {
            bytes.extend(frame(6, 0, 8));
            bytes.extend(frame(DATA, 0, 300));
            bytes.extend(frame(WINDOW_UPDATE, 0, 4));
        }
        let one_more = frame(6, 0, 8);
        for piece in [1, 2, 7, 9, 10, 64, 4096, bytes.len()] {
            let now = Instant::now();
            let mut frames = Frames::new(now);
            for piece in bytes.chunks(piece) {
                assert!(!frames.look(piece, now).flood, "pieces of {}", piece.len());
            }
            assert!(frames.look(&one_more, now).flood, "pieces of {piece}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_asks_for_nothing_is_counted() {
        let now = Instant::now();
        // Settings, pings, resets, priorities, continuations, unknown ones, and data that is none.
        for kind in [4, 6, 3, 2, 9, 7, 0x10, 0xAA, DATA] {
            let mut frames = started();
            let ping = frame(kind, 0, 0);
            let floods = (0..AT_ONCE).filter(|_| frames.look(&ping, now).flood);
            assert_eq!(floods.count(), 0);
            assert!(frames.look(&ping, now).flood, "{kind}");
        }
        for (kind, flags, length) in [(HEADERS, 4, 10), (WINDOW_UPDATE, 0, 4), (DATA, 1, 0)] {
            let mut frames = started();
            let sound = frame(kind, flags, length);
            assert!((0..1000).all(|_| !frames.look(&sound, now).flood), "{kind}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_time_more_may_come_and_never_more_than_at_first() {
        let mut frames = started();
        let ping = frame(6, 0, 8);
        let mut send = |count: u32| {
            let now = Instant::now();
            (0..count).all(|_| !frames.look(&ping, now).flood)
        };
        assert!(send(AT_ONCE) && !send(1));
        tokio::time::advance(AGAIN * 3).await;
        assert!(send(3) && !send(1));
        tokio::time::advance(Duration::from_hours(3)).await;
        assert!(send(AT_ONCE) && !send(1));
    }

    #[tokio::test(start_paused = true)]
    async fn anything_else_is_a_head_and_no_flood() {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        let expected = Came {
            head: true,
            flood: false,
        };
        assert_eq!(frames.look(b"P", now), expected);
        assert_eq!(frames.look(b"OST / HTTP/1.1\r\n", now), expected);
        assert_eq!(frames.look(&frame(6, 0, 8).repeat(1000), now), expected);
        let mut frames = started();
        assert!(!frames.look(&frame(6, 0, 8), now).head);
        assert!(frames.look(&frame(HEADERS, 4, 8), now).head);
    }
}

#[cfg(test)]
mod fuzz {
    use bolero::check;

    use super::*;

    #[test]
    fn any_bytes_are_counted_alike_in_whatever_pieces_they_come() {
        let now = Instant::now();
        check!().for_each(|bytes: &[u8]| {
            let (Some((size, bytes)), prefaced) =
                (bytes.split_first(), bytes.len().is_multiple_of(2))
            else {
                return;
            };
            let mut all = if prefaced {
                PREFACE.to_vec()
            } else {
                Vec::new()
            };
            // Short frames of one kind fill the rest, so that a flood comes about at all.
            all.extend_from_slice(bytes);
            all.extend([0, 0, 0, *size, 0, 0, 0, 0, 1].repeat(300));
            let mut whole = Frames::new(now);
            let at_once = whole.look(&all, now);
            let mut parts = Frames::new(now);
            let mut in_pieces = Came::default();
            for piece in all.chunks(1 + usize::from(*size)) {
                let came = parts.look(piece, now);
                in_pieces.head |= came.head;
                in_pieces.flood |= came.flood;
            }
            assert_eq!(in_pieces, at_once);
            assert_eq!(parts.left, whole.left);
        });
    }
}
