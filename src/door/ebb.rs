//! Memory that connections have held goes back to the kernel once many of them have gone. By itself
//! the C library keeps it for the next ones, for good.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Hall;

/// So many connections at once make a flood. What fewer have held is worth no work.
const MANY: usize = 500;
/// Those that go do so together. They have gone when in this time nobody has, or after so many times.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSES: usize = 30;

/// The most that were there since memory was given back.
#[derive(Default)]
pub(super) struct Ebb {
    most: usize,
}

impl Ebb {
    /// There are more now.
    pub(super) fn rose_to(&mut self, there: usize) {
        self.most = self.most.max(there);
    }

    /// There are fewer now; gives whether at least half of very many have gone.
    pub(super) fn fell_to(&mut self, there: usize) -> bool {
        let has_ebbed = self.most >= MANY && there * 2 <= self.most;
        if has_ebbed {
            self.most = there;
        }
        has_ebbed
    }
}

/// Gives memory back whenever connections have ebbed away, for as long as it is polled.
pub(super) async fn tend(hall: Arc<Hall>) {
    loop {
        hall.connections.ebbed().await;
        let mut there = hall.connections.taken();
        for _ in 0..PAUSES {
            sleep(PAUSE).await;
            let before = std::mem::replace(&mut there, hall.connections.taken());
            if there >= before {
                break;
            }
        }
        let begun = Instant::now();
        let done = tokio::task::spawn_blocking(clavis_process::give_memory_back).await;
        match done {
            Ok(Ok(())) => {
                let took = begun.elapsed().as_secs_f64();
                tracing::debug!(
                    seconds = took,
                    "memory that connections held was given back"
                );
            }
            Ok(Err(error)) => tracing::error!(
                %error,
                remedy = "see that the limit of locked memory stays as it was when the daemon began (`LimitMEMLOCK=infinity`), and restart it",
                "memory was given back after many connections, and is no longer locked"
            ),
            Err(error) => tracing::error!(%error, "memory could not be given back"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_back_when_half_of_many_have_gone_and_again_with_half_of_the_rest() {
        let mut ebb = Ebb::default();
        ebb.rose_to(10_000);
        let given: Vec<_> = (0..10_000).rev().filter(|it| ebb.fell_to(*it)).collect();
        assert_eq!(given, [5000, 2500, 1250, 625, 312]);
    }

    #[test]
    fn who_comes_and_goes_every_day_makes_no_work() {
        let mut ebb = Ebb::default();
        for _ in 0..3 {
            ebb.rose_to(MANY - 1);
            assert!((0..MANY).rev().all(|it| !ebb.fell_to(it)));
        }
        ebb.rose_to(1000);
        for _ in 0..3 {
            assert!((600..1000).rev().all(|it| !ebb.fell_to(it)));
            ebb.rose_to(1000);
        }
    }
}
