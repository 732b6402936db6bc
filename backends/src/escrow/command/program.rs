//! Running the program for one call: with an environment of its own, without a shell, and neither
//! longer nor louder than it may.

use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process_group, prlimit, waitid,
};
use rustix::thread::set_no_new_privs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::aside::Aside;
use super::requests::Call;
use super::settings::CommandSettings;
use super::trouble::Trouble;

/// The longest answer, in bytes.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;

/// All that a program finds in its environment beside what the configuration adds.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("LANG", "C.UTF-8"),
];

/// A program, and how it is run.
pub(super) struct Program {
    pub(super) settings: CommandSettings,
    /// One for each process that may run at the same time.
    places: Semaphore,
}

impl Program {
    pub(super) fn new(settings: CommandSettings) -> Self {
        Self {
            places: Semaphore::new(settings.concurrency),
            settings,
        }
    }

    /// Runs it for one call, the wait for a place included in its time. What it says beside the
    /// answer comes in any case.
    pub(super) async fn run(&self, call: &Call<'_>) -> (Result<Answer, Trouble>, Aside) {
        let limit: Duration = self.settings.timeout.unsigned_abs();
        let mut aside = Aside::default();
        let answered = tokio::time::timeout(limit, async {
            let _place = self.places.acquire().await;
            Running::start(&self.settings, call)?
                .answer(&call.to_line(), &mut aside)
                .await
        });
        let outcome = answered.await.unwrap_or(Err(Trouble::late(limit)));
        (outcome, aside)
    }
}

/// What a program wrote to its standard output. One piece of memory, which never grows, so that
/// no copy is left anywhere, and which is wiped when it is dropped.
pub(super) struct Answer {
    memory: Zeroizing<Box<[u8]>>,
    length: usize,
}

impl Answer {
    fn empty() -> Self {
        Self {
            // One byte more than may come, to tell an answer that is full from one that goes on.
            memory: Zeroizing::new(vec![0; MAX_ANSWER + 1].into_boxed_slice()),
            length: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    async fn fill(&mut self, mut from: impl AsyncRead + Unpin) -> Result<(), Trouble> {
        while self.length <= MAX_ANSWER {
            let room = &mut self.memory[self.length..];
            match from.read(room).await.map_err(Trouble::NotFollowed)? {
                0 => return Ok(()),
                more => self.length += more,
            }
        }
        Err(Trouble::TooMuch)
    }
}

/// A process that runs. It is ended with all that it started when this is dropped.
struct Running {
    child: Child,
    group: Pid,
}

impl Running {
    fn start(settings: &CommandSettings, call: &Call<'_>) -> Result<Self, Trouble> {
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .envs(settings.environment.iter())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A careless program may write a key there: it is not even read.
            .stderr(if call.is_for_keys() {
                Stdio::null()
            } else {
                Stdio::piped()
            });
        // The child inherits it from this thread: it can become no other user, by no program that
        // would let it. Clavis itself starts nothing else.
        set_no_new_privs(true).map_err(|error| Trouble::NotStarted(error.into()))?;
        let child = command.spawn().map_err(Trouble::NotStarted)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id
            .and_then(Pid::from_raw)
            .ok_or_else(|| Trouble::NotFollowed(io::Error::other("the process has no number")))?;
        let running = Self { child, group };
        // A core dump could hold a key. The limit can only not be set for a program that is gone.
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = prlimit(Some(group), Resource::Core, none);
        Ok(running)
    }

    /// Says the request, and hears the answer and the end.
    async fn answer(mut self, request: &[u8], aside: &mut Aside) -> Result<Answer, Trouble> {
        let (Some(stdin), Some(stdout)) = (self.child.stdin.take(), self.child.stdout.take())
        else {
            let error = io::Error::other("the process has no pipes");
            return Err(Trouble::NotFollowed(error));
        };
        let stderr = self.child.stderr.take();
        let mut answer = Answer::empty();
        tokio::try_join!(
            send(stdin, request),
            answer.fill(stdout),
            async { aside.listen(stderr).await.map_err(Trouble::NotFollowed) },
            self.end(),
        )?;
        let status = self.child.wait().await.map_err(Trouble::NotFollowed)?;
        if status.success() {
            Ok(answer)
        } else {
            Err(Trouble::failed(status))
        }
    }

    /// Waits until the program ends, and ends what it started and left behind, which could hold
    /// its pipes open. It is only looked at and not collected yet, so that its number stays its
    /// own.
    async fn end(&self) -> Result<(), Trouble> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let mut children = signal(SignalKind::child()).map_err(Trouble::NotFollowed)?;
        while waitid(WaitId::Pid(self.group), look)
            .map_err(|error| Trouble::NotFollowed(error.into()))?
            .is_none()
        {
            children.recv().await;
        }
        self.kill();
        Ok(())
    }

    fn kill(&self) {
        // Once the process was collected, its number may be another's.
        if self.child.id().is_some() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes the request and closes the pipe. A program may know its answer without reading it.
async fn send(mut stdin: ChildStdin, request: &[u8]) -> Result<(), Trouble> {
    match stdin.write_all(request).await {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Trouble::NotFollowed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_may_be_full_and_not_fuller() {
        let full = vec![b'x'; MAX_ANSWER];
        let mut answer = Answer::empty();
        answer.fill(&full[..]).await.unwrap();
        assert_eq!(answer.bytes(), full);
        let fuller = [&full[..], b"x"].concat();
        let outcome = Answer::empty().fill(&fuller[..]).await;
        assert!(matches!(outcome, Err(Trouble::TooMuch)));
    }
}
