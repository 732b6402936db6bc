//! A running daemon: the real binary, its log, and ways to end it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Clock, until};

pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    /// The address that it listens on: `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Daemon {
    /// Starts the daemon and waits until it listens.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_logging(config, "info")
    }

    /// The same, with a log of this level and above.
    pub(crate) fn start_logging(config: &Path, level: &str) -> Self {
        Self::start_all(&[config], level)
    }

    /// The same, of several organisations; its address is that of the first listener.
    pub(crate) fn start_all(configs: &[&Path], level: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
        command.arg("serve");
        for config in configs {
            command.arg("--config").arg(config);
        }
        Self::start_command(command, level)
    }

    /// Starts a daemon that goes by a clock of its own.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn start_with_clock(config: &Path) -> (Self, Clock) {
        let clock = Clock::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_clavis"));
        command.arg("serve").arg("--config").arg(config);
        clock.set_for(&mut command, config);
        (Self::start_command(command, "info"), clock)
    }

    /// Starts a daemon that was built otherwise.
    #[allow(dead_code, reason = "for the benchmark, which shares this file")]
    pub(crate) fn start_binary(binary: &Path, config: &Path) -> Self {
        let mut command = Command::new(binary);
        command.arg("serve").arg("--config").arg(config);
        Self::start_command(command, "info")
    }

    /// Starts a daemon by a command that is whole but for where its log goes.
    pub(crate) fn start_command(mut command: Command, level: &str) -> Self {
        let mut child = command
            .env("CLAVIS_LOG", level)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("its log is piped"));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().expect("no thread has panicked").push(line);
            }
        });
        let mut daemon = Self {
            child,
            log,
            url: String::new(),
        };
        let address = until("the daemon listens", || {
            let log = daemon.log();
            if let Ok(Some(status)) = daemon.child.try_wait() {
                panic!("the daemon ended with {status}: {log}");
            }
            let ready = log.lines().find(|line| line.contains("clavis is ready"))?;
            let address = ready
                .split("\"address\":\"")
                .nth(1)?
                .split(['"', ','])
                .next()?;
            Some(address.to_owned())
        });
        daemon.url = format!("http://{address}");
        daemon
    }

    /// Its process.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no thread has panicked").join("\n")
    }

    /// Waits until it has logged this: its log comes over a pipe, and may come after an answer.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn wait_for_log(&self, text: &str) {
        until(&format!("{text:?} in the log"), || {
            self.log().contains(text).then_some(())
        });
    }

    /// What the kernel says of its process: the folder in `/proc`.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// How much memory it holds.
    #[allow(dead_code, reason = "read by the benchmark, which shares this file")]
    pub(crate) fn resident_kib(&self) -> f64 {
        self.status_kib("VmRSS:")
    }

    /// Whether its memory is locked.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn is_locked(&self) -> bool {
        self.status_kib("VmLck:") > 0.0
    }

    /// A figure that the kernel has of it (`/proc/PID/status`).
    #[allow(dead_code, reason = "read by the benchmark, which shares this file")]
    fn status_kib(&self, name: &str) -> f64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a figure");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }

    /// How much processor time it has used.
    #[allow(dead_code, reason = "read by the benchmark, which shares this file")]
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // Fields 14 and 15 of proc(5), in hundredths of a second; the name before them ends with `)`.
        let fields = stat
            .rsplit(')')
            .next()
            .expect("fields")
            .split_whitespace()
            .skip(11)
            .take(2);
        fields
            .map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0)
            .sum()
    }

    /// How many connections it has, of the address that it listens on.
    #[allow(dead_code, reason = "not for the benchmark, which shares this file")]
    pub(crate) fn connections(&self) -> usize {
        let port = self.url.rsplit(':').next().expect("a port");
        let port: u16 = port.parse().expect("a number");
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id()));
        // Address and port of ours in hexadecimal, the other side's, the state, …, and the inode of the
        // socket, which is 0 once no process has it (proc_pid_net(5)).
        let ours = format!(":{port:04X}");
        let table = table.expect("it runs");
        let lines = table.lines().skip(1).map(str::split_whitespace);
        let held = lines.filter_map(|mut fields| {
            let (at, state) = (fields.nth(1)?, fields.nth(1)?);
            let inode = fields.nth(5)?;
            (at.ends_with(&ours) && state != "0A" && inode != "0").then_some(())
        });
        held.count()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(told.expect("kill runs").success());
        let ended = until("the end of the daemon", || {
            self.child.try_wait().expect("its state")
        });
        ended.code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
