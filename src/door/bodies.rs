//! The bodies of requests and answers: a request's is read whole before anybody works on it, and an
//! answer's says whether it waits for the client.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::course::{Answer, Course};
use super::places::{Place, Refused};

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
    /// There is no memory for it.
    NoRoom(Refused),
}

/// The whole of a request's body, of at most so many bytes. What it takes of memory is added to what its
/// request holds.
pub(crate) async fn whole<B>(body: B, longest: usize, held: &mut Place) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > longest as u64 {
        return Err(Unread::TooLarge);
    }
    let gathered = timeout(TIME, gather(body, longest, held)).await;
    gathered.unwrap_or(Err(Unread::TooSlow))
}

/// Copies all pieces of a body into one buffer: each by itself may be a byte that keeps the whole of what
/// the connection read at once.
async fn gather<B>(body: B, longest: usize, held: &mut Place) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::Broken)?;
        // What is no data are fields after it, which nobody asks for.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        let length = whole.len() + piece.len();
        if length > longest {
            return Err(Unread::TooLarge);
        }
        if length > whole.capacity() {
            let room = length.max(whole.capacity() * 2).min(longest);
            let more = room - whole.capacity();
            held.take(more).map_err(Unread::NoRoom)?;
            whole.reserve_exact(room - whole.len());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
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

    /// The body of the answer, with what it holds. From now on it waits for the client, unless it says
    /// otherwise.
    pub(crate) fn sending<B>(self, body: B, held: Place) -> Sending<B> {
        self.course.waits_for_client(self.answer);
        Sending {
            body,
            rest: Bytes::new(),
            of: self,
            _held: held,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.course.answered(self.answer);
    }
}

/// An answer goes in pieces of so many bytes. One that is handed on lies where nobody counts it until
/// the client has room for all of it.
const PIECE: usize = 1024;

/// The body of an answer on its way to the client.
pub(crate) struct Sending<B> {
    body: B,
    /// What it gave and has not been handed on.
    rest: Bytes,
    of: UnderWay,
    _held: Place,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Sending<B> {
    type Data = Bytes;
    type Error = B::Error;

    /// Asked for more, the client has taken what there was.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = if this.rest.is_empty() {
            Pin::new(&mut this.body).poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest)))))
        };
        match &frame {
            Poll::Pending => this.of.course.waits_for_us(this.of.answer),
            Poll::Ready(_) => this.of.course.waits_for_client(this.of.answer),
        }
        frame.map_ok(|frame| this.piece(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl<B> Sending<B> {
    /// The beginning of a frame, whose rest comes later. A last answer goes as a whole: its connection ends
    /// soon, whoever has read it.
    fn piece(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(mut data) if data.len() > PIECE && !self.of.course.is_last() => {
                self.rest = data.split_off(PIECE);
                Frame::data(data)
            }
            Ok(data) => Frame::data(data),
            Err(no_data) => no_data,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{Full, StreamBody};
    use tokio::time::Instant;

    use super::super::course::End;
    use super::super::places::Places;
    use super::*;

    const LONGEST: usize = 32 * 1024;
    const MANY: usize = 1 << 30;

    /// Room for whatever comes.
    fn held() -> Place {
        Places::new(MANY, MANY, MANY).none_yet(None)
    }

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
        let read = whole(Full::new(Bytes::from_static(b"a=b")), LONGEST, &mut held()).await;
        assert_eq!(read, Ok(Bytes::from_static(b"a=b")));
        let announced = Full::new(Bytes::from(vec![0; LONGEST + 1]));
        let read = whole(announced, LONGEST, &mut held()).await;
        assert_eq!(read, Err(Unread::TooLarge));
        let longest = Full::new(Bytes::from(vec![0; LONGEST]));
        assert_eq!(
            whole(longest, LONGEST, &mut held())
                .await
                .map(|it| it.len()),
            Ok(LONGEST)
        );

        let (send, body) = pieces();
        for _ in 0..=LONGEST / 1024 {
            send.try_send(Bytes::from(vec![0; 1024])).unwrap();
        }
        assert_eq!(
            whole(body, LONGEST, &mut held()).await,
            Err(Unread::TooLarge),
            "unannounced"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_room_as_it_comes_and_ends_where_there_is_none() {
        let places = Places::new(10_000, 6000, MANY);
        let (send, body) = pieces();
        let mut one = places.none_yet(Some([192, 0, 2, 1].into()));
        let mut reading = Box::pin(whole(body, LONGEST, &mut one));
        let moment = Duration::from_millis(1);
        for (piece, taken) in [(0, 0), (1000, 1000), (500, 2000), (500, 2000), (3000, 5000)] {
            send.try_send(Bytes::from(vec![b'a'; piece])).unwrap();
            assert!(timeout(moment, &mut reading).await.is_err());
            assert_eq!(places.taken(), taken);
        }
        send.try_send(Bytes::from(vec![b'a'; 1001])).unwrap();
        let read = reading.await;
        assert_eq!(read, Err(Unread::NoRoom(Refused::OfOneSource)));
        let mut other = places.none_yet(None);
        let body = Full::new(Bytes::from(vec![b'a'; 5001]));
        let read = whole(body, LONGEST, &mut other).await;
        assert_eq!(read, Err(Unread::NoRoom(Refused::Full)));
        drop(one);
        assert_eq!(places.taken(), 0);
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
        let read = whole(body, LONGEST, &mut held()).await;
        assert_eq!(read, Err(Unread::TooSlow));
        assert_eq!(begun.elapsed(), TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_for_the_client_from_its_beginning_and_whenever_a_piece_was_taken() {
        let course = Arc::new(Course::new());
        let stalls = |course: &Course| matches!(course.due(false), Some((_, End::Stalled)));
        let (send, body) = pieces();
        let mut sending = UnderWay::new(Arc::clone(&course)).sending(body, held());
        assert!(stalls(&course), "nothing has asked for it yet");
        let next = timeout(Duration::from_secs(1), sending.frame());
        assert!(next.await.is_err() && !stalls(&course), "it is being made");
        send.try_send(Bytes::from_static(b"a")).unwrap();
        assert!(sending.frame().await.unwrap().is_ok());
        assert!(stalls(&course), "it has to be taken");
        drop(sending);
        assert!(matches!(course.due(false), Some((_, End::Idle))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_goes_in_pieces_unless_it_is_the_last() {
        for is_last in [false, true] {
            let course = Arc::new(Course::new());
            let page: Vec<u8> = (0..=u8::MAX).cycle().take(PIECE * 2 + 1).collect();
            let body = Full::new(Bytes::from(page.clone()));
            let under_way = UnderWay::new(Arc::clone(&course));
            if is_last {
                course.last_answer();
            }
            let mut sending = under_way.sending(body, held());
            let mut lengths = Vec::new();
            let mut whole = Vec::new();
            while !sending.is_end_stream() {
                let left = page.len() - whole.len();
                assert_eq!(sending.size_hint().exact(), Some(left as u64));
                let piece = sending.frame().await.unwrap().unwrap();
                let piece = piece.into_data().unwrap();
                lengths.push(piece.len());
                whole.extend(piece);
            }
            assert_eq!(whole, page);
            let in_pieces = [PIECE, PIECE, 1];
            assert_eq!(lengths.len(), if is_last { 1 } else { in_pieces.len() });
            assert!(is_last || lengths == in_pieces, "{lengths:?}");
        }
    }
}
