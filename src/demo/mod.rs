//! `clavis demo`: the real daemon for a company that does not exist. The people, the devices and
//! the keys come from files that ship with the binary; mails are caught in a page.

mod caught;
mod client;
mod walk;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clavis_broker::ports::Mailer;

use crate::assemble::Settings;
use crate::door::{Door, OpenFiles};
use crate::organisations::Organisation;
use crate::output::say;
use crate::{Outcome, assemble, serve};
use caught::CaughtMails;

/// The company, file by file.
const FILES: [(&str, &str); 3] = [
    ("clavis.toml", include_str!("../../demo/clavis.toml")),
    ("people.toml", include_str!("../../demo/people.toml")),
    ("escrow.toml", include_str!("../../demo/escrow.toml")),
];

/// How the demonstration runs.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Go through one whole request without anybody's help, print what happened, and end
    #[arg(long)]
    walk: bool,
    /// Where to listen on this machine; 0 takes any free port
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where to keep the files of the demonstration; without it they are gone when it ends
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Runs the demonstration.
pub(crate) async fn run(options: Options) -> Outcome {
    let folder = Folder::prepare(options.data)?;
    let port = if options.walk { 0 } else { options.port };
    let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let mut settings = assemble::load(&folder.path.join("clavis.toml"))?;
    settings.server.listen = listener.local_addr()?;
    settings.server.public_url = format!("http://{}", settings.server.listen);

    let mails = Arc::new(CaughtMails::default());
    let site = assemble::site(&settings);
    let supplies = assemble::supplies(&settings);
    let mailer = Arc::clone(&mails) as Arc<dyn Mailer>;
    let broker = assemble::broker(
        &settings,
        assemble::store(&settings)?,
        &supplies,
        &site,
        mailer,
    )?;
    let caught = Arc::clone(&mails);
    let mailbox = clavis_web::mailbox(Arc::new(move || caught.all()), Arc::clone(&site));
    let pages = clavis_web::router(Arc::clone(&broker), Arc::clone(&site)).merge(mailbox);
    let doors = vec![Door {
        listener,
        pages,
        // Its configuration has no service desks.
        porter: Arc::default(),
        proxies: Vec::new(),
        tls: None,
    }];
    let company = Organisation {
        listen: settings.server.listen,
        tls: None,
        room: settings.server.room,
        site,
        broker: Arc::clone(&broker),
        sinks: Vec::new(),
    };

    let files = OpenFiles::raise();
    if options.walk {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let end = async {
                let _ = ended.await;
            };
            serve::serve(doors, &[company], files, false, end).await
        });
        let walked = walk::walk(&settings, &broker, &mails).await;
        drop(end);
        serving.await??;
        walked?;
    } else {
        introduce(&settings, &folder.path);
        let stop = serve::told_to_stop()?;
        serve::serve(doors, &[company], files, false, stop).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn introduce(settings: &Settings, folder: &Path) {
    let url = &settings.server.public_url;
    say!(
        "\
Clavis, with a company that does not exist. Nothing is installed, and no mail leaves this machine.

  1. Sign in at            {url}/
     as                    anna.berg@example.com
     The code is in the    {url}/demo/mailbox
  2. Ask for the key of    LT-0042
  3. Her manager's mail, with Approve and Decline, is in the mailbox: open it, and approve.
  4. The next mail is to Anna: a link that opens once and shows the keys.

Others to be: clara.winter@example.com has no manager, so somebody else is asked;
jonas.keller@example.com asks for LT-0088, for which nothing is escrowed, or for LT-0007, of which
there are two; lena.huber@example.com has a damaged key on LT-0093; tom.reuter@example.com has left.
paula.stein@example.com is an agent and asks for others at the desk; jonas.keller@example.com is one as
well, and may release a key without an approval; simon.adler@example.com is an auditor and searches the
log on a page.

The audit log:  clavis audit show --config {}
Ctrl-C ends the demonstration.",
        folder.join("clavis.toml").display()
    );
}

/// The folder of the demonstration; removed when it was ours alone.
struct Folder {
    path: PathBuf,
    is_ours: bool,
}

impl Folder {
    fn prepare(given: Option<PathBuf>) -> std::io::Result<Self> {
        let is_ours = given.is_none();
        let ours = || std::env::temp_dir().join(format!("clavis-demo-{}", std::process::id()));
        let folder = Self {
            path: given.unwrap_or_else(ours),
            is_ours,
        };
        if is_ours {
            // Made by us or not at all: in a folder that others can write to, somebody may have
            // put one there before us.
            let mut builder = std::fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder.path)?;
        } else {
            std::fs::create_dir_all(&folder.path)?;
        }
        for (name, text) in FILES {
            let file = folder.path.join(name);
            if is_ours || !file.exists() {
                std::fs::write(file, text)?;
            }
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
