//! The bytes of a connection on their way between socket and HTTP, which tell how it fares: whether
//! a head is coming, whether the client takes what it is sent, whether it floods.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::course::Course;
use super::frames::Frames;

/// A stream over a socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The stream of a connection, watched.
pub(crate) struct Wire<S> {
    stream: S,
    course: Arc<Course>,
    frames: Frames,
    has_room: bool,
}

/// The room that the kernel is asked to have for a last answer, so that all of it leaves this process
/// at once, however slowly the client reads.
const ROOM: usize = 128 * 1024;

impl<S: Stream> Wire<S> {
    pub(crate) fn new(stream: S, course: Arc<Course>) -> Self {
        Self {
            stream,
            course,
            frames: Frames::new(Instant::now()),
            has_room: false,
        }
    }

    fn before_write(&mut self) {
        if !self.has_room && self.course.is_last() {
            self.has_room = true;
            // Where the kernel refuses, the answer leaves as fast as the client reads.
            let socket = socket2::SockRef::from(self.stream.socket());
            let _ = socket.set_send_buffer_size(ROOM);
        }
    }

    fn after_write<T>(&self, outcome: &Poll<io::Result<T>>) {
        match outcome {
            Poll::Pending => self.course.write_blocked(),
            Poll::Ready(_) => self.course.write_moved(),
        }
    }
}

impl<S: Stream> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            let came = this.frames.look(new, Instant::now());
            if came.head {
                this.course.head_comes();
            }
            if came.flood {
                this.course.flooded();
            }
        }
        outcome
    }
}

impl<S: Stream> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.before_write();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.after_write(&outcome);
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.before_write();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.after_write(&outcome);
        outcome
    }

    /// Without it, pages would be copied together before they are sent.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        this.after_write(&outcome);
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_shutdown(context);
        this.after_write(&outcome);
        outcome
    }
}
