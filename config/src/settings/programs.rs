//! Programs and channels elsewhere that are told by HTTP.

use std::path::PathBuf;

use clavis_broker::programs::{ProgramName, Scope};
use jiff::SignedDuration;
use secrecy::{SecretSlice, SecretString};

/// A program elsewhere that is told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its address, https:// or, on this machine, http://.
    pub url: String,
    /// What messages are signed with: 24 to 64 bytes, read from a file.
    pub secret: SecretSlice<u8>,
    /// What they are signed with as well, until the other side knows the new one.
    pub previous_secret: Option<SecretSlice<u8>>,
    /// The authorities to trust, and no others; those of the machine without it.
    pub ca_file: Option<PathBuf>,
    /// How long it may take to answer.
    pub timeout: SignedDuration,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
}

/// A program elsewhere that is told what becomes of requests.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// Its name in logs; unique among all who are told.
    pub name: String,
    /// How it is told.
    pub webhook: Webhook,
    /// Of what.
    pub events: Vec<String>,
}

/// A program elsewhere that sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Its name, which its address ends with; unique among senders and desks.
    pub name: ProgramName,
    /// What its messages may be signed with, the newest first; at least one.
    pub secrets: Vec<SecretSlice<u8>>,
    /// What its messages are good for.
    pub scopes: Vec<Scope>,
}

/// A channel that is told of reviews that wait.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name in logs; unique among all who are told.
    pub name: String,
    /// Of which kind it is.
    pub kind: ChannelKind,
    /// Its address, which is a secret: whoever has it can write into the channel.
    pub url: SecretString,
    /// The authorities to trust, and no others; those of the machine without it.
    pub ca_file: Option<PathBuf>,
    /// How long it may take to answer.
    pub timeout: SignedDuration,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
}

/// The kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Of Microsoft Teams, by a workflow.
    Teams,
    /// Of Slack, by an incoming webhook.
    Slack,
}
