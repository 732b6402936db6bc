//! How many may be inside at once, all in all and of one source; used for connections, for requests in
//! work, and for the bytes that requests hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::ebb::Ebb;

/// The places that there are.
pub(crate) struct Places {
    taken: Arc<Mutex<Taken>>,
    is_crowded: watch::Sender<bool>,
    ebbed: Arc<Notify>,
}

/// A place, or several for one, which are free again when it is dropped.
pub(crate) struct Place {
    taken: Arc<Mutex<Taken>>,
    is_crowded: watch::Sender<bool>,
    ebbed: Arc<Notify>,
    source: Option<IpAddr>,
    count: usize,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All are taken.
    Full,
    /// This source has as many as one may have.
    OfOneSource,
}

struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
    at_most: usize,
    of_one_at_most: usize,
    ebb: Ebb,
}

impl Places {
    /// So many places, and so many of them for one source; and so many of them that are taken make a flood.
    pub(crate) fn new(at_most: usize, of_one_at_most: usize, flood: usize) -> Self {
        let taken = Taken {
            all: 0,
            of: HashMap::new(),
            at_most,
            of_one_at_most,
            ebb: Ebb::new(flood),
        };
        Self {
            taken: Arc::new(Mutex::new(taken)),
            is_crowded: watch::Sender::new(false),
            ebbed: Arc::default(),
        }
    }

    /// A place for somebody from this source; from no one source in particular where it is `None`.
    pub(crate) fn take(&self, source: Option<IpAddr>) -> Result<Place, Refused> {
        let mut place = self.none_yet(source);
        place.take(1)?;
        Ok(place)
    }

    /// No place as yet, for somebody from this source, who takes some later.
    pub(crate) fn none_yet(&self, source: Option<IpAddr>) -> Place {
        Place {
            taken: Arc::clone(&self.taken),
            is_crowded: self.is_crowded.clone(),
            ebbed: Arc::clone(&self.ebbed),
            source,
            count: 0,
        }
    }

    /// Whether so many are taken that those who do nothing with theirs have to go sooner.
    pub(crate) fn crowded(&self) -> watch::Receiver<bool> {
        self.is_crowded.subscribe()
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all
    }

    /// Comes when a flood was there and at least half of it has gone, once for each time.
    pub(crate) async fn ebbed(&self) {
        self.ebbed.notified().await;
    }
}

impl Place {
    /// Takes so many more.
    pub(crate) fn take(&mut self, more: usize) -> Result<(), Refused> {
        self.change(|taken, source| taken.enter(source, more))?;
        self.count += more;
        Ok(())
    }

    /// Gives back all but so many.
    pub(crate) fn keep(&mut self, at_most: usize) {
        let free = self.count.saturating_sub(at_most);
        self.count -= free;
        if self.change(|taken, source| taken.leave(source, free)) {
            self.ebbed.notify_one();
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Taken, Option<IpAddr>) -> T) -> T {
        let (outcome, crowded) = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = change(&mut taken, self.source);
            (outcome, taken.is_crowded())
        };
        set(&self.is_crowded, crowded);
        outcome
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.keep(0);
    }
}

fn set(sender: &watch::Sender<bool>, to: bool) {
    sender.send_if_modified(|now| std::mem::replace(now, to) != to);
}

impl Taken {
    fn enter(&mut self, source: Option<IpAddr>, more: usize) -> Result<(), Refused> {
        if self.all.saturating_add(more) > self.at_most {
            return Err(Refused::Full);
        }
        let of_this = source.and_then(|source| self.of.get(&source));
        let of_this = of_this.copied().unwrap_or(0);
        if source.is_some() && of_this.saturating_add(more) > self.of_one_at_most {
            return Err(Refused::OfOneSource);
        }
        if let Some(source) = source.filter(|_| more > 0) {
            self.of.insert(source, of_this + more);
        }
        self.all += more;
        self.ebb.rose_to(self.all);
        Ok(())
    }

    /// Gives whether so many have left that it is worth to tell.
    fn leave(&mut self, source: Option<IpAddr>, count: usize) -> bool {
        self.all -= count;
        if let Some(source) = source {
            match self.of.get_mut(&source) {
                Some(more) if *more > count => *more -= count,
                _ => drop(self.of.remove(&source)),
            }
        }
        self.ebb.fell_to(self.all)
    }

    /// From three quarters on.
    fn is_crowded(&self) -> bool {
        self.all * 4 > self.at_most * 3
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const TWO: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn each_source_has_its_share_and_all_have_no_more_than_there_is() {
        let places = Places::new(5, 2, 500);
        let mut held = vec![places.take(ONE).unwrap(), places.take(ONE).unwrap()];
        assert_eq!(places.take(ONE).err(), Some(Refused::OfOneSource));
        held.extend((0..3).map(|_| places.take(None).unwrap()));
        assert_eq!(places.take(None).err(), Some(Refused::Full));
        assert_eq!(places.take(TWO).err(), Some(Refused::Full));
        drop(held.remove(0));
        held.push(places.take(ONE).unwrap());
        assert_eq!(places.take(TWO).err(), Some(Refused::Full));
        held.clear();
        let taken = places.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0), "nobody is remembered");
    }

    #[test]
    fn somebody_takes_several_one_after_the_other_and_gives_some_back() {
        let places = Places::new(100, 40, 500);
        let mut held = places.none_yet(ONE);
        assert_eq!(held.take(30), Ok(()));
        assert_eq!(held.take(11), Err(Refused::OfOneSource));
        assert_eq!(places.none_yet(ONE).take(11), Err(Refused::OfOneSource));
        assert_eq!(places.none_yet(None).take(71), Err(Refused::Full));
        assert_eq!(held.take(10), Ok(()));
        held.keep(50);
        assert_eq!(places.taken(), 40, "no more than there were");
        held.keep(10);
        assert_eq!(places.none_yet(ONE).take(30), Ok(()));
        drop(held);
        let taken = places.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0), "nobody is remembered");
    }

    #[tokio::test]
    async fn it_is_told_when_half_of_a_flood_has_gone() {
        let places = Places::new(100, 100, 50);
        let is_told = async || {
            let told = tokio::time::timeout(std::time::Duration::ZERO, places.ebbed());
            told.await.is_ok()
        };
        for (flood, left, tells) in [(49, 0, false), (50, 26, false), (50, 25, true)] {
            let mut held = places.none_yet(ONE);
            held.take(flood).unwrap();
            held.keep(left);
            assert_eq!(is_told().await, tells, "{flood} {left}");
            // Whoever is left may be half of them.
            drop(held);
            let _ = is_told().await;
        }
    }

    #[test]
    fn it_is_crowded_from_three_quarters_on() {
        let places = Places::new(8, 8, 500);
        let crowded = places.crowded();
        let mut held: Vec<_> = (0..6).map(|_| places.take(None).unwrap()).collect();
        assert!(!*crowded.borrow());
        held.push(places.take(None).unwrap());
        assert!(*crowded.borrow());
        held.pop();
        assert!(!*crowded.borrow());
    }
}
