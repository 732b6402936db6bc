//! How a request gets to the pages: its body is read first, as far as there is memory for it, then it takes
//! a place in work, or is refused at once where there is none.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, Uri, Version};
use clavis_web::{InShort, Line, Porter};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use tower::ServiceExt;

use super::Hall;
use super::bodies::{Sending, UnderWay, Unread, whole};
use super::course::Course;
use super::notices::Notice;
use super::places::Refused;

/// What is asked on one connection.
pub(crate) struct Reception {
    pub(crate) pages: Router,
    pub(crate) porter: Arc<Porter>,
    pub(crate) hall: Arc<Hall>,
    pub(crate) course: Arc<Course>,
    pub(crate) peer: SocketAddr,
    pub(crate) source: Option<IpAddr>,
}

/// These are answered however much there is to do: whoever asks wants to know just that.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What a request holds beside what it says: a page for its answer, and what the connection and the task
/// keep of it.
const LEAST: usize = 16 * 1024;
/// What a field of a head takes beside its name and value.
const FIELD: usize = 128;

impl Service<Request<Incoming>> for Reception {
    type Response = Response<Sending<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let under_way = UnderWay::new(Arc::clone(&self.course));
        let (pages, hall) = (self.pages.clone(), Arc::clone(&self.hall));
        let porter = Arc::clone(&self.porter);
        let (course, peer, source) = (Arc::clone(&self.course), self.peer, self.source);
        Box::pin(async move {
            let version = request.version();
            let (mut parts, body) = request.into_parts();
            let mut held = hall.held.none_yet(source);
            let read = match held.take(weight(&parts)) {
                Err(refused) if !is_probe(&parts.uri) => Err(Unread::NoRoom(refused)),
                _ => {
                    let announced = body.size_hint().exact();
                    let longest = porter.longest_body(peer, &parts, announced);
                    whole(body, longest, &mut held).await
                }
            };
            let mut answer = match read {
                Ok(body) => {
                    parts.extensions.insert(ConnectInfo(peer));
                    let used = if clavis_web::may_show_keys(&parts.method, parts.uri.path()) {
                        Some(Arc::clone(&hall.keys).read_owned().await)
                    } else {
                        None
                    };
                    let line = Arc::clone(&course);
                    parts
                        .extensions
                        .insert(Line::new(move || line.last_answer()));
                    let request = Request::from_parts(parts, Body::from(body));
                    let answer = answer(pages, &hall, source, request).await;
                    if let Some(used) = used.filter(|_| course.is_last()) {
                        course.has_keys(used);
                    }
                    answer
                }
                Err(unread) => {
                    let (notice, why) = match unread {
                        Unread::TooLarge => (Some(Notice::TooLarge), InShort::TooLarge),
                        Unread::TooSlow => (Some(Notice::TooSlow), InShort::TooSlow),
                        // Whoever breaks off has mostly left, which is nothing to tell of.
                        Unread::Broken => (None, InShort::TooSlow),
                        Unread::NoRoom(Refused::Full) => {
                            (Some(Notice::NoRoom), InShort::Overloaded)
                        }
                        Unread::NoRoom(Refused::OfOneSource) => {
                            (Some(Notice::NoRoomForOneSource), InShort::Overloaded)
                        }
                    };
                    if let Some(notice) = notice {
                        hall.notices.tell(notice, None);
                    }
                    // So short an answer is worth no counting, but that a client could have very many of
                    // them wait. A proxy's connection is that of others as well.
                    held.keep(0);
                    if matches!(unread, Unread::NoRoom(_)) && source.is_some() {
                        course.last_answer();
                    }
                    let mut answer = why.answer();
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(CONNECTION, close);
                    answer
                }
            };
            // There is no such header in HTTP/2 (RFC 9113, section 8.2.2).
            if version == Version::HTTP_2 {
                answer.headers_mut().remove(CONNECTION);
            }
            // Its head and its body are gone.
            held.keep(LEAST);
            Ok(answer.map(|body| under_way.sending(body, held)))
        })
    }
}

fn is_probe(uri: &Uri) -> bool {
    PROBES.contains(&uri.path())
}

/// How many bytes a request holds that has this head.
fn weight(head: &Parts) -> usize {
    let fields = head.headers.iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    LEAST + head.uri.to_string().len() + fields.sum::<usize>()
}

async fn answer(
    pages: Router,
    hall: &Hall,
    source: Option<IpAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let place = match hall.requests.take(source) {
        _ if is_probe(request.uri()) => None,
        Ok(place) => Some(place),
        Err(refused) => {
            hall.notices.tell(
                match refused {
                    Refused::Full => Notice::Overload,
                    Refused::OfOneSource => Notice::OverloadByOneSource,
                },
                None,
            );
            return InShort::Overloaded.answer();
        }
    };
    let Ok(answer) = pages.oneshot(request).await;
    drop(place);
    answer
}
