//! The bodies of requests and answers: a request's is read whole before anybody works on it, and an
//! answer's says whether it waits for the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::course::{Answer, Course};

/// The time for a body, from the end of the head.
const TIME: Duration = Duration::from_secs(15);

/// Why there is no whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is too large.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// The client broke it off.
    Broken,
}

/// The whole of a request's body, of at most so many bytes.
pub(crate) async fn whole<B>(body: B, longest: usize) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > longest as u64 {
        return Err(Unread::TooLarge);
    }
    match timeout(TIME, Limited::new(body, longest).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// An answer that is under way, from when its request came until it was handed on or given up.
pub(crate) struct UnderWay {
    course: Arc<Course>,
    answer: Answer,
}

impl UnderWay {
    /// Of the request that has just come.
    pub(crate) fn new(course: Arc<Course>) -> Self {
        let answer = course.request_came();
        Self { course, answer }
    }

    /// The body of the answer. From now on it waits for the client, unless it says otherwise.
    pub(crate) fn sending<B>(self, body: B) -> Sending<B> {
        self.course.waits_for_client(self.answer);
        Sending { body, of: self }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.course.answered(self.answer);
    }
}

/// The body of an answer on its way to the client.
pub(crate) struct Sending<B> {
    body: B,
    of: UnderWay,
}

impl<B: Body + Unpin> Body for Sending<B> {
    type Data = B::Data;
    type Error = B::Error;

    /// Asked for more, the client has taken what there was.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(context);
        match &frame {
            Poll::Pending => this.of.course.waits_for_us(this.of.answer),
            Poll::Ready(_) => this.of.course.waits_for_client(this.of.answer),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{Full, StreamBody};
    use tokio::time::Instant;

    use super::super::course::End;
    use super::*;

    const LONGEST: usize = 32 * 1024;

    type Pieces = StreamBody<futures_channel::Pieces>;

    /// A body of which pieces come when they are sent.
    mod futures_channel {
        use super::*;

        pub(super) struct Pieces(pub(super) tokio::sync::mpsc::Receiver<Bytes>);

        impl futures_util::Stream for Pieces {
            type Item = Result<Frame<Bytes>, Infallible>;

            fn poll_next(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<Option<Self::Item>> {
                let piece = self.0.poll_recv(context);
                piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn pieces() -> (tokio::sync::mpsc::Sender<Bytes>, Pieces) {
        let (send, receive) = tokio::sync::mpsc::channel(100);
        (send, StreamBody::new(futures_channel::Pieces(receive)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_there_whole_or_not_at_all() {
        let read = whole(Full::new(Bytes::from_static(b"a=b")), LONGEST).await;
        assert_eq!(read, Ok(Bytes::from_static(b"a=b")));
        let announced = Full::new(Bytes::from(vec![0; LONGEST + 1]));
        assert_eq!(whole(announced, LONGEST).await, Err(Unread::TooLarge));
        let longest = Full::new(Bytes::from(vec![0; LONGEST]));
        assert_eq!(
            whole(longest, LONGEST).await.map(|it| it.len()),
            Ok(LONGEST)
        );

        let (send, body) = pieces();
        for _ in 0..=LONGEST / 1024 {
            send.try_send(Bytes::from(vec![0; 1024])).unwrap();
        }
        assert_eq!(
            whole(body, LONGEST).await,
            Err(Unread::TooLarge),
            "unannounced"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_byte_by_byte_has_no_more_time_than_any_other() {
        let (send, body) = pieces();
        tokio::spawn(async move {
            while send.send(Bytes::from_static(b"a")).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let begun = Instant::now();
        assert_eq!(whole(body, LONGEST).await, Err(Unread::TooSlow));
        assert_eq!(begun.elapsed(), TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_for_the_client_from_its_beginning_and_whenever_a_piece_was_taken() {
        let course = Arc::new(Course::new());
        let stalls = |course: &Course| matches!(course.due(false), Some((_, End::Stalled)));
        let (send, body) = pieces();
        let mut sending = UnderWay::new(Arc::clone(&course)).sending(body);
        assert!(stalls(&course), "nothing has asked for it yet");
        let next = timeout(Duration::from_secs(1), sending.frame());
        assert!(next.await.is_err() && !stalls(&course), "it is being made");
        send.try_send(Bytes::from_static(b"a")).unwrap();
        assert!(sending.frame().await.unwrap().is_ok());
        assert!(stalls(&course), "it has to be taken");
        drop(sending);
        assert!(matches!(course.due(false), Some((_, End::Idle))));
    }
}
