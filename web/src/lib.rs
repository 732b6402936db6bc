//! The pages and the letters of Clavis.
//!
//! Read in this order: what an installation is called (`site`) and how it looks (`look`), how times are written (`times`),
//! which there are and for whom (`routes`), the pages (`pages`) on what they stand on (`forms`,
//! `sessions`, `trusted`, `headers`, `fault`), the API for programs (`api`), and the letters (`letters`). Several installations
//! behind one listener are told apart in `front`. Nothing changes on GET or HEAD but where a provider
//! sends a browser back, every page works without script, and a recovery key is written into one
//! buffer that wipes itself (`wiped`).

mod look;
mod site;
mod times;
mod words;

mod api;
mod app;
mod assets;
mod client;
mod cookies;
mod fault;
mod forms;
mod front;
mod headers;
mod hooks;
mod limit;
mod line;
mod porter;
mod probes;
mod routes;
mod seldom;
mod sessions;
mod short;
mod trusted;
mod turns;
mod wiped;

mod pages;

mod letters;
mod mailbox;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use app::router;
pub use front::front;
pub use letters::Letters;
pub use line::Line;
pub use look::Colour;
pub use mailbox::mailbox;
pub use porter::Porter;
pub use routes::may_show_keys;
pub use seldom::Seldom;
pub use short::InShort;
pub use site::{Site, Support};
pub use trusted::{Names, TrustedHeader};
pub use words::job_in_words;
