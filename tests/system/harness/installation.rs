//! A configuration in a folder of its own.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Cloud, Daemon, Mails};

/// What an installation reaches.
pub(crate) enum Kind {
    /// The files of the demonstration, and a folder for mails.
    Files,
    /// A domain controller and a mail server, which `tests/run` has started; `controllers` are
    /// `host:port`, and the real one where none is given.
    Servers { controllers: Vec<String> },
    /// The domain controller, and a folder for mails.
    #[allow(dead_code, reason = "for the benchmark")]
    Domain,
    /// The files of the demonstration, and the mail server.
    MailServer,
    /// A tenant of Entra ID for keys, people and mails.
    Cloud(Cloud),
    /// A tenant for keys, the files of the demonstration for people, and a folder for mails.
    #[allow(dead_code, reason = "for the benchmark")]
    CloudKeys(Cloud),
    /// A tenant for people, a folder for mails, and keys from wherever is added.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    CloudPeople(Cloud),
    /// The domain controller for keys and people, the tenant for further keys, and a folder for
    /// mails; `controllers` as above.
    Hybrid {
        cloud: Cloud,
        controllers: Vec<String>,
    },
}

pub(crate) struct Installation {
    folder: tempfile::TempDir,
    /// The mails that it has sent.
    pub(crate) mails: Mails,
    /// The folder that the domain controller lives in, where there is one.
    pub(crate) controller: Option<PathBuf>,
}

impl Installation {
    pub(crate) fn new(kind: &Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let (escrow_and_people, mail, mails, controller) = match kind {
            Kind::Files => {
                copy_files(folder.path());
                let mails = folder.path().join("mails");
                (files(), folder_mail(&mails), Mails::in_folder(mails), None)
            }
            Kind::MailServer => {
                copy_files(folder.path());
                let mail_server = server_folder("CLAVIS_TEST_MAIL");
                let from = sender(port);
                let mail = smtp(&mail_server, &from, folder.path());
                (
                    files(),
                    mail,
                    Mails::of_server(mail_server.join("mail"), from),
                    None,
                )
            }
            Kind::Domain => {
                let dc = server_folder("CLAVIS_TEST_DC");
                let mails = folder.path().join("mails");
                let domain = domain(&dc, &controllers_of(&dc, &[]));
                (
                    domain,
                    folder_mail(&mails),
                    Mails::in_folder(mails),
                    Some(dc),
                )
            }
            Kind::Cloud(cloud) => (
                entra(cloud, folder.path()) + ENTRA_PEOPLE,
                "[mail]\nkind = \"graph\"\nentra = \"contoso\"\nfrom = \"clavis@example.com\"\n"
                    .to_owned(),
                Mails::of_cloud(cloud.clone()),
                None,
            ),
            Kind::CloudKeys(cloud) => {
                copy_files(folder.path());
                let mails = folder.path().join("mails");
                let people = PEOPLE_FILE.replace("demo", "cloud");
                let parts = entra(cloud, folder.path()) + &people;
                (parts, folder_mail(&mails), Mails::in_folder(mails), None)
            }
            Kind::CloudPeople(cloud) => {
                let mails = folder.path().join("mails");
                let people = cloud.section(folder.path()) + ENTRA_PEOPLE;
                (people, folder_mail(&mails), Mails::in_folder(mails), None)
            }
            Kind::Hybrid { cloud, controllers } => {
                let dc = server_folder("CLAVIS_TEST_DC");
                let mails = folder.path().join("mails");
                let both =
                    domain(&dc, &controllers_of(&dc, controllers)) + &entra(cloud, folder.path());
                (both, folder_mail(&mails), Mails::in_folder(mails), Some(dc))
            }
            Kind::Servers { controllers } => {
                let dc = server_folder("CLAVIS_TEST_DC");
                let mail_server = server_folder("CLAVIS_TEST_MAIL");
                let controllers = controllers_of(&dc, controllers);
                let from = sender(port);
                let mail = smtp(&mail_server, &from, folder.path());
                (
                    domain(&dc, &controllers),
                    mail,
                    Mails::of_server(mail_server.join("mail"), from),
                    Some(dc),
                )
            }
        };
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
             trusted_proxies = [\"127.0.0.1\"]\n\
             [organisation]\nname = \"Example Corp\"\ntime_zone = \"Europe/Berlin\"\n\
             [support]\nphone = \"+49 30 555 0100\"\nhours = \"always\"\n\
             [store]\nkind = \"sqlite\"\npath = \"clavis.db\"\n\
             {escrow_and_people}\n{mail}\n"
        );
        fs::write(folder.path().join("clavis.toml"), text).expect("the configuration");
        Self {
            folder,
            mails,
            controller,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("clavis.toml")
    }

    /// The address that people use.
    pub(crate) fn url(&self) -> String {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        let url = text.split("public_url = \"").nth(1);
        let url = url.and_then(|rest| rest.split('"').next());
        url.expect("it is there").to_owned()
    }

    pub(crate) fn start(&self) -> Daemon {
        Daemon::start(&self.config())
    }

    /// Starts a second daemon on the same database, at another address.
    pub(crate) fn start_another(&self) -> Daemon {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        let listen = text
            .lines()
            .find(|line| line.starts_with("listen"))
            .expect("it listens")
            .to_owned();
        let other = self.path().join("another.toml");
        fs::write(
            &other,
            text.replace(&listen, &format!("listen = \"127.0.0.1:{}\"", free_port())),
        )
        .expect("a file");
        Daemon::start(&other)
    }

    /// Adds to the configuration, or changes it: every `from` becomes `to`.
    pub(crate) fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        assert!(text.contains(from), "the configuration has no {from:?}");
        fs::write(self.config(), text.replace(from, to)).expect("the configuration");
    }

    /// Lets people sign in at a tenant, and be found as `person_by` says; `more` goes into the same
    /// section.
    pub(crate) fn let_sign_in_at(&self, cloud: &Cloud, name: &str, person_by: &str, more: &str) {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        let url = self.url();
        let slug = name.to_lowercase().replace(' ', "-");
        cloud.change(&serde_json::json!({
            "redirectUris": [format!("{url}/sign-in/from/{slug}")],
            "signedOutUris": [format!("{url}/sign-in")],
        }));
        let secret = self.path().join(format!("{slug}.secret"));
        private(&secret, &cloud.text("client_secret"));
        let section = format!(
            "[[sign_in.provider]]\nname = \"{name}\"\nissuer = \"{}\"\nclient_id = \"{}\"\n\
             client_secret_file = \"{}\"\nperson_by = \"{person_by}\"\n{more}\n",
            cloud.text("issuer"),
            cloud.text("client_id"),
            secret.display(),
        );
        fs::write(self.config(), text + &section).expect("the configuration");
    }

    /// Lets it sign its log with a new key, and bring checkpoints to a folder; the public key.
    pub(crate) fn sign_the_log(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
        let command = command.args(["audit", "new-key", "--name", "keys.example.com/log"]);
        let made = command.arg(self.path().join("audit.key")).output();
        let made = made.expect("the binary runs");
        let text = fs::read_to_string(self.config()).expect("the configuration");
        let section =
            "[audit]\nsigning_key_file = \"audit.key\"\ncheckpoint_folder = \"checkpoints\"\n";
        fs::write(self.config(), text + section).expect("the configuration");
        let key = String::from_utf8(made.stdout).expect("UTF-8");
        key.trim().to_owned()
    }

    /// Runs a command of the binary on this configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// A command of the binary on this configuration, to be run in another environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
        command.args(arguments).arg("--config").arg(self.config());
        command
    }

    /// The audit log, a JSON object a row.
    pub(crate) fn audit(&self) -> String {
        let output = self.run(&["audit", "show", "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// The folder of a server that `tests/run` has started.
pub(crate) fn server_folder(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable);
    folder.map_or_else(
        || panic!("{variable} is not set: run tests/run, which starts the servers"),
        PathBuf::from,
    )
}

/// A port that no connection is given by chance (those of Linux begin at 32768), so that a daemon
/// finds it free when it comes back. Tests that run as processes of their own look elsewhere.
pub(crate) fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(32).wrapping_add(tried) % 16_000;
        let port = 16_000 + u16::try_from(offset).expect("it is small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn files() -> String {
    "[[escrow]]\nname = \"demo\"\nkind = \"file\"\npath = \"escrow.toml\"\n".to_owned()
        + PEOPLE_FILE
}

const PEOPLE_FILE: &str = "[directory]\nkind = \"file\"\npath = \"people.toml\"\nescrow = \"demo\"\n\
                           [approval]\nnominated = [\"simon.adler@example.com\"]\n";

fn folder_mail(path: &Path) -> String {
    format!(
        "[mail]\nkind = \"folder\"\nfrom = \"clavis@example.com\"\npath = \"{}\"\n",
        path.display()
    )
}

/// The domain controller as a place of keys, reached in this way.
#[allow(dead_code, reason = "not for the benchmark, which shares this file")]
pub(crate) fn domain_escrow(security: &str) -> String {
    let dc = server_folder("CLAVIS_TEST_DC");
    keys_of_domain(&dc, &controllers_of(&dc, &[]), security)
}

fn domain(dc: &Path, controllers: &[String]) -> String {
    keys_of_domain(dc, controllers, "ldaps")
        + "[directory]\nkind = \"active_directory\"\ndomain = \"corp\"\n\
           [approval]\nnominated = []\n"
}

fn keys_of_domain(dc: &Path, controllers: &[String], security: &str) -> String {
    format!(
        "[active_directory.corp]\ncontrollers = {controllers:?}\nsecurity = \"{security}\"\nca_file = \"{0}/ca.pem\"\n\
         bind_name = \"svc-clavis@corp.example.com\"\npassword_file = \"{0}/svc-clavis.password\"\ntimeout = \"5s\"\n\
         [[escrow]]\nname = \"corp\"\nkind = \"active_directory\"\ndomain = \"corp\"\nknown_device = \"LT-0001\"\n",
        dc.display()
    )
}

/// These controllers, or the real one where none is given.
fn controllers_of(dc: &Path, given: &[String]) -> Vec<String> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let address = fs::read_to_string(dc.join("address")).expect("its address");
    vec![address.trim().to_owned()]
}

/// The tenant as a place of keys.
fn entra(cloud: &Cloud, folder: &Path) -> String {
    cloud.section(folder) + "[[escrow]]\nname = \"cloud\"\nkind = \"entra\"\nentra = \"contoso\"\n"
}

const ENTRA_PEOPLE: &str = "[directory]\nkind = \"entra\"\nentra = \"contoso\"\n\
                            [approval]\nnominated = []\n";

fn copy_files(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    for name in ["people.toml", "escrow.toml"] {
        fs::copy(shipped.join(name), folder.join(name)).expect("a demo file");
    }
}

/// Each installation writes from an address of its own, by which its mails are told from those
/// of others at the same server.
fn sender(port: u16) -> String {
    format!("clavis-{port}-{}@example.com", std::process::id())
}

fn smtp(mail_server: &Path, from: &str, folder: &Path) -> String {
    let address = fs::read_to_string(mail_server.join("address.json")).expect("its address");
    let address: serde_json::Value = serde_json::from_str(&address).expect("JSON");
    let password = folder.join("smtp.password");
    private(
        &password,
        address["password"].as_str().expect("its password"),
    );
    format!(
        "[mail]\nkind = \"smtp\"\nfrom = \"{from}\"\nhost = \"127.0.0.1\"\nport = {}\n\
         ca_file = \"{}/ca.pem\"\nusername = {}\npassword_file = \"{}\"\ntimeout = \"5s\"\n",
        address["tls"],
        mail_server.display(),
        address["user"],
        password.display()
    )
}

/// Writes a file that nobody else may read.
pub(crate) fn private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}
