//! How mails leave: implementations of the `Mailer` port.

mod compose;
mod folder;
mod graph;
mod smtp;

pub use folder::FolderMailer;
pub use graph::GraphMailer;
pub use smtp::SmtpMailer;
