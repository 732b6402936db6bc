//! How mails leave: implementations of the `Mailer` port.

mod compose;
mod folder;
mod smtp;

pub use folder::FolderMailer;
pub use smtp::SmtpMailer;
