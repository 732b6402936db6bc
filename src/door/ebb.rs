//! Memory that connections and requests have held goes back to the kernel once many of them have gone. By
//! itself the C library keeps it for the next ones, for good.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::{Instant, sleep};

use super::Hall;

/// Those that go do so together. They have gone when in this time nobody has, or after so many times.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSES: usize = 30;
/// Between giving memory back and doing so again: whoever can make a flood cannot keep it unlocked.
const REST: Duration = Duration::from_secs(30);
/// So often memory is tried to be locked again where it has to be.
const TRIES: usize = 3;

/// The most that were there since memory was given back.
pub(super) struct Ebb {
    most: usize,
    /// So much at once makes a flood. What less has held is worth no work.
    flood: usize,
}

impl Ebb {
    /// Of what makes a flood from so much on.
    pub(super) fn new(flood: usize) -> Self {
        Self { most: 0, flood }
    }

    /// There are more now.
    pub(super) fn rose_to(&mut self, there: usize) {
        self.most = self.most.max(there);
    }

    /// There are fewer now; gives whether at least half of a flood have gone.
    pub(super) fn fell_to(&mut self, there: usize) -> bool {
        let has_ebbed = self.most >= self.flood && there * 2 <= self.most;
        if has_ebbed {
            self.most = there;
        }
        has_ebbed
    }
}

/// Memory that has to be locked is so no longer.
#[derive(Debug, thiserror::Error)]
#[error(
    "memory was given back after a flood and cannot be locked again, and `mode = \"require\"` \
     in [hardening]: {0}. See that the limit of locked memory stays as it was when the daemon began \
     (`LimitMEMLOCK=infinity`), and start Clavis anew"
)]
pub(crate) struct Unlocked(io::Error);

/// What is asked of the process.
trait Memory: Send + Sync + 'static {
    /// Gives back what is free. Where that fails, memory may be locked no longer.
    fn give_back(&self) -> io::Result<()>;
    /// Locks it again, unless it is as it should be.
    fn lock_again(&self) -> io::Result<()>;
}

struct OfProcess;

impl Memory for OfProcess {
    fn give_back(&self) -> io::Result<()> {
        clavis_process::give_memory_back()
    }

    fn lock_again(&self) -> io::Result<()> {
        clavis_process::lock_memory_again()
    }
}

/// Gives memory back whenever a flood has ebbed away, of connections or of what requests hold, for as long
/// as it is polled; until it has to be locked and cannot be.
pub(super) async fn tend(hall: Arc<Hall>, has_to_be_locked: bool) -> Unlocked {
    let there = || [hall.connections.taken(), hall.held.taken()];
    loop {
        tokio::select! {
            () = hall.connections.ebbed() => {}
            () = hall.held.ebbed() => {}
        }
        let mut before = there();
        for _ in 0..PAUSES {
            sleep(PAUSE).await;
            let now = there();
            let mut each = now.iter().zip(&before);
            if each.all(|(now, before)| now >= before) {
                break;
            }
            before = now;
        }
        let memory = Arc::new(OfProcess);
        if let Err(unlocked) = give_back(&hall.keys, memory, has_to_be_locked).await {
            return unlocked;
        }
        sleep(REST).await;
    }
}

/// Gives memory back while nobody has keys in it: it is unlocked for that. Where it cannot be locked
/// again at once, that is tried until it can be; and if it has to be locked, nobody gets keys before it
/// is.
async fn give_back(
    keys: &Arc<RwLock<()>>,
    memory: Arc<impl Memory>,
    has_to_be_locked: bool,
) -> Result<(), Unlocked> {
    // Whoever waited for it would keep those waiting who come for keys.
    let alone = loop {
        match Arc::clone(keys).try_write_owned() {
            Ok(alone) => break alone,
            Err(_) => sleep(PAUSE).await,
        }
    };
    let begun = Instant::now();
    let giver = Arc::clone(&memory);
    // It goes on when nobody waits for it any more, and so has to hold the lock by itself.
    let done = tokio::task::spawn_blocking(move || (giver.give_back(), alone)).await;
    let (error, alone) = match done {
        Ok((Ok(()), _)) => {
            let took = begun.elapsed().as_secs_f64();
            tracing::debug!(seconds = took, "memory that a flood held was given back");
            return Ok(());
        }
        Ok((Err(error), alone)) => (error, Some(alone)),
        Err(error) => (io::Error::other(error), None),
    };
    tracing::error!(
        %error,
        remedy = "see that the limit of locked memory stays as it was when the daemon began (`LimitMEMLOCK=infinity`)",
        "memory was given back after a flood, and is no longer locked; that is tried again"
    );
    let _alone = alone.filter(|_| has_to_be_locked);
    let mut tries = 0;
    loop {
        sleep(PAUSE).await;
        tries += 1;
        match memory.lock_again() {
            Ok(()) => break,
            Err(error) if has_to_be_locked && tries >= TRIES => return Err(Unlocked(error)),
            Err(_) => {}
        }
    }
    tracing::info!("memory is locked again");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use super::*;

    #[test]
    fn memory_goes_back_when_half_of_many_have_gone_and_again_with_half_of_the_rest() {
        let mut ebb = Ebb::new(500);
        ebb.rose_to(10_000);
        let given: Vec<_> = (0..10_000).rev().filter(|it| ebb.fell_to(*it)).collect();
        assert_eq!(given, [5000, 2500, 1250, 625, 312]);
    }

    #[test]
    fn who_comes_and_goes_every_day_makes_no_work() {
        let mut ebb = Ebb::new(500);
        for _ in 0..3 {
            ebb.rose_to(499);
            assert!((0..500).rev().all(|it| !ebb.fell_to(it)));
        }
        ebb.rose_to(1000);
        for _ in 0..3 {
            assert!((600..1000).rev().all(|it| !ebb.fell_to(it)));
            ebb.rose_to(1000);
        }
    }

    /// A process whose memory cannot be locked so often.
    struct Stubborn {
        refusals: AtomicUsize,
        was_given: AtomicBool,
    }

    impl Stubborn {
        fn new(refusals: usize) -> Arc<Self> {
            Arc::new(Self {
                refusals: refusals.into(),
                was_given: false.into(),
            })
        }

        fn lock(&self) -> io::Result<()> {
            let less = |left: usize| left.checked_sub(1);
            match self.refusals.fetch_update(SeqCst, SeqCst, less) {
                Ok(_) => Err(io::ErrorKind::PermissionDenied.into()),
                Err(_) => Ok(()),
            }
        }
    }

    impl Memory for Stubborn {
        fn give_back(&self) -> io::Result<()> {
            self.was_given.store(true, SeqCst);
            self.lock()
        }

        fn lock_again(&self) -> io::Result<()> {
            self.lock()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_locked_again_as_soon_as_it_can_be_and_who_requires_it_ends_without() {
        let keys = Arc::default();
        for (refusals, has_to_be_locked, is_well) in [
            (0, true, true),
            (3, true, true),
            (4, true, false),
            (100, false, true),
        ] {
            let memory = Stubborn::new(refusals);
            let outcome = give_back(&keys, memory, has_to_be_locked).await;
            assert_eq!(outcome.is_ok(), is_well, "{refusals}");
            if let Err(error) = outcome {
                assert!(error.to_string().contains("LimitMEMLOCK"), "{error}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_not_given_back_while_somebody_has_keys_in_it() {
        let keys: Arc<RwLock<()>> = Arc::default();
        let used = Arc::clone(&keys).read_owned().await;
        let memory = Stubborn::new(0);
        let waiting = {
            let (keys, memory) = (Arc::clone(&keys), Arc::clone(&memory));
            tokio::spawn(async move { give_back(&keys, memory, true).await })
        };
        sleep(PAUSE * 10).await;
        assert!(!memory.was_given.load(SeqCst));
        // Others get theirs meanwhile.
        drop(Arc::clone(&keys).read_owned().await);
        drop(used);
        waiting.await.unwrap().unwrap();
        assert!(memory.was_given.load(SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_keys_into_memory_that_has_to_be_locked_and_is_not() {
        let keys: Arc<RwLock<()>> = Arc::default();
        let waiting = {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { give_back(&keys, Stubborn::new(3), true).await })
        };
        while keys.try_read().is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
        let _used = keys.read().await;
        assert!(waiting.await.unwrap().is_ok());
    }
}
