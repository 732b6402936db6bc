//! Mails by SMTP with a token.
