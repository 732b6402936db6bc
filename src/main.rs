//! Clavis releases BitLocker recovery keys to the people who need them, after somebody else has
//! said yes. This is the only place that knows every part.

mod assemble;
mod commands;
mod demo;
mod organisations;
mod serve;
mod system;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Mails that could not be sent, and keys that could not be replaced
    #[command(subcommand)]
    Outbox(Outbox),
    /// Browsers that people are signed in with
    #[command(subcommand)]
    Sessions(Sessions),
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
    // The whole tree shares one crypto provider.
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.expect("nothing has run before that could have installed another");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(Arguments::parse().command)),
        Err(error) => Err(error.into()),
    };
    outcome.unwrap_or_else(|error| {
        commands::complain(&clavis_broker::causes::with_causes(&*error));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Serve { configs, log } => serve::run(&configs.config, log).await,
        Command::Check { configs } => commands::check::run(&configs.config).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Audit(Audit::Show {
            wanted,
            json,
            config,
        }) => commands::audit::show(&config.config, &wanted, json).await,
        Command::Audit(Audit::Export {
            wanted,
            format,
            config,
        }) => commands::audit::export(&config.config, &wanted, format).await,
        Command::Outbox(Outbox::List { config }) => commands::outbox::list(&config.config).await,
        Command::Outbox(Outbox::Retry { id, config }) => {
            commands::outbox::retry(&config.config, &id).await
        }
        Command::Sessions(Sessions::End { person, config }) => {
            commands::sessions::end(&config.config, &person).await
        }
        Command::Revoke { reference, config } => {
            commands::revoke::run(&config.config, &reference).await
        }
    }
}
