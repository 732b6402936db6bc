//! Clavis releases BitLocker recovery keys to the people who need them, after somebody else has
//! said yes. This is the only place that knows every part.

mod assemble;
mod commands;
mod demo;
mod door;
mod hardening;
mod organisations;
mod output;
mod serve;
mod system;
mod tls;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::hardening::Unread;

/// Wipes all memory when it is freed, and so also that of libraries which hold a key for a moment.
#[cfg(not(feature = "stock-memory"))]
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Releases BitLocker recovery keys to the people who need them, after somebody else has said yes.
#[derive(Parser)]
#[command(name = "clavis", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon
    Serve {
        #[command(flatten)]
        configs: Configs,
        /// How log lines are written
        #[arg(long, value_enum, default_value = "json")]
        log: serve::LogFormat,
    },
    /// Read the configuration, try every part of it for real, and say what to mend
    Check {
        #[command(flatten)]
        configs: Configs,
    },
    /// Show the whole way with a company that does not exist; installs and sends nothing
    Demo(demo::Options),
    /// The audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Mails and messages that could not be sent, and keys that could not be replaced
    #[command(subcommand)]
    Outbox(Outbox),
    /// Browsers that people are signed in with
    #[command(subcommand)]
    Sessions(Sessions),
    /// Tokens, by which programs use the API
    #[command(subcommand)]
    Token(Token),
    /// Stop an open request: its key link ends at once
    Revoke {
        /// The request's reference, like K7Q-4MX2
        reference: String,
        #[command(flatten)]
        config: Config,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Print rows of the log, oldest first
    Show {
        #[command(flatten)]
        wanted: commands::audit::Wanted,
        /// One JSON object a line, with every field
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: Config,
    },
    /// Write rows of the log for other programs, oldest first
    Export {
        #[command(flatten)]
        wanted: commands::audit::Wanted,
        /// How they are written: json, csv, cef or ocsf
        #[arg(long, default_value = "json", value_parser = commands::audit::format)]
        format: clavis_broker::export::Format,
        #[command(flatten)]
        config: Config,
    },
    #[command(flatten)]
    Proof(commands::proof::Proof),
}

#[derive(Subcommand)]
enum Outbox {
    /// List what was given up, and why
    List {
        #[command(flatten)]
        config: Config,
    },
    /// Try something again that was given up
    Retry {
        /// The job's ID, as `clavis outbox list` shows it
        id: String,
        #[command(flatten)]
        config: Config,
    },
}

#[derive(Subcommand)]
enum Sessions {
    /// Sign a person out of every browser, at once
    End {
        /// Their mail address in the directory
        #[arg(long, value_name = "MAIL")]
        person: String,
        #[command(flatten)]
        config: Config,
    },
}

#[derive(Subcommand)]
enum Token {
    /// Make a token and show it, this once
    Make {
        #[command(flatten)]
        wanted: commands::token::Wanted,
        #[command(flatten)]
        config: Config,
    },
    /// List what tokens there are, for what and until when
    List {
        #[command(flatten)]
        config: Config,
    },
    /// End a token, at once
    Revoke {
        /// The program's name, as `clavis token list` shows it
        name: clavis_broker::programs::ProgramName,
        #[command(flatten)]
        config: Config,
    },
}

#[derive(clap::Args)]
struct Config {
    /// The configuration file
    #[arg(long, env = "CLAVIS_CONFIG", default_value = "/etc/clavis/clavis.toml")]
    config: PathBuf,
}

#[derive(clap::Args)]
struct Configs {
    /// The configuration file; where several are named, each is an organisation
    #[arg(
        long,
        env = "CLAVIS_CONFIG",
        value_delimiter = ':',
        default_value = "/etc/clavis/clavis.toml"
    )]
    config: Vec<PathBuf>,
}

/// What a command came to, as an error that says everything there is to say.
type Outcome = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let unread = Unread::begin();
    // The whole tree shares one crypto provider.
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.expect("nothing has run before that could have installed another");

    let outcome = run(Arguments::parse().command, unread);
    outcome.unwrap_or_else(|error| {
        commands::complain(&clavis_broker::causes::with_causes(&*error));
        ExitCode::FAILURE
    })
}

fn run(command: Command, unread: Unread) -> Outcome {
    match command {
        Command::Serve { configs, log } => serve::run(&configs.config, log, unread),
        Command::Check { configs } => block(commands::check::run(&configs.config)),
        Command::Demo(options) => block(demo::run(options)),
        Command::Audit(Audit::Show {
            wanted,
            json,
            config,
        }) => block(commands::audit::show(&config.config, &wanted, json)),
        Command::Audit(Audit::Export {
            wanted,
            format,
            config,
        }) => block(commands::audit::export(&config.config, &wanted, format)),
        Command::Audit(Audit::Proof(proof)) => block(commands::proof::run(proof)),
        Command::Outbox(Outbox::List { config }) => block(commands::outbox::list(&config.config)),
        Command::Outbox(Outbox::Retry { id, config }) => {
            block(commands::outbox::retry(&config.config, &id))
        }
        Command::Sessions(Sessions::End { person, config }) => {
            block(commands::sessions::end(&config.config, &person))
        }
        Command::Token(Token::Make { wanted, config }) => {
            block(commands::token::make(&config.config, wanted))
        }
        Command::Token(Token::List { config }) => block(commands::token::list(&config.config)),
        Command::Token(Token::Revoke { name, config }) => {
            block(commands::token::revoke(&config.config, &name))
        }
        Command::Revoke { reference, config } => {
            block(commands::revoke::run(&config.config, &reference))
        }
    }
}

/// How long calls that block may take to end when all else has, such as a write to the disk.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Does what a command does, on a runtime of its own. The daemon makes its own when it is confined.
fn block(work: impl Future<Output = Outcome>) -> Outcome {
    finish(runtime().build()?, work)
}

/// Does this work to its end. A call that blocks and never returns, such as on a file system that is
/// out of reach, does not keep the process from ending after that.
fn finish(runtime: tokio::runtime::Runtime, work: impl Future<Output = Outcome>) -> Outcome {
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_CALLS);
    outcome
}

/// A runtime whose workers leave nothing of what they have done lying about while they wait.
fn runtime() -> tokio::runtime::Builder {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all();
    if cfg!(not(feature = "stock-memory")) {
        runtime.on_thread_park(clavis_process::scrub);
    }
    runtime
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_never_returns_does_not_keep_the_process() {
        // Held until the test has ended, so that nothing ever comes.
        let (_held, never) = std::sync::mpsc::channel::<()>();
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let done = block(async {
            tokio::task::spawn_blocking(move || {
                let _ = began.send(());
                let _ = never.recv();
            });
            has_begun.await?;
            Ok(ExitCode::SUCCESS)
        });
        assert!(done.is_ok());
    }
}
