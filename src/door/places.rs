//! How many may be inside at once, all in all and of one source; used for connections, and for
//! requests in work.

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

/// A place, which is free again when it is dropped.
pub(crate) struct Place {
    taken: Arc<Mutex<Taken>>,
    is_crowded: watch::Sender<bool>,
    ebbed: Arc<Notify>,
    source: Option<IpAddr>,
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
    /// So many places, and so many of them for one source.
    pub(crate) fn new(at_most: usize, of_one_at_most: usize) -> Self {
        let taken = Taken {
            all: 0,
            of: HashMap::new(),
            at_most,
            of_one_at_most,
            ebb: Ebb::default(),
        };
        Self {
            taken: Arc::new(Mutex::new(taken)),
            is_crowded: watch::Sender::new(false),
            ebbed: Arc::default(),
        }
    }

    /// A place for somebody from this source; from no one source in particular where it is `None`.
    pub(crate) fn take(&self, source: Option<IpAddr>) -> Result<Place, Refused> {
        let crowded = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.enter(source)?;
            taken.is_crowded()
        };
        set(&self.is_crowded, crowded);
        Ok(Place {
            taken: Arc::clone(&self.taken),
            is_crowded: self.is_crowded.clone(),
            ebbed: Arc::clone(&self.ebbed),
            source,
        })
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

    /// Comes when very many were there and at least half of them have gone, once for each time.
    pub(crate) async fn ebbed(&self) {
        self.ebbed.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (crowded, has_ebbed) = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let has_ebbed = taken.leave(self.source);
            (taken.is_crowded(), has_ebbed)
        };
        set(&self.is_crowded, crowded);
        if has_ebbed {
            self.ebbed.notify_one();
        }
    }
}

fn set(sender: &watch::Sender<bool>, to: bool) {
    sender.send_if_modified(|now| std::mem::replace(now, to) != to);
}

impl Taken {
    fn enter(&mut self, source: Option<IpAddr>) -> Result<(), Refused> {
        if self.all >= self.at_most {
            return Err(Refused::Full);
        }
        if let Some(source) = source {
            let of_this = self.of.get(&source).copied().unwrap_or(0);
            if of_this >= self.of_one_at_most {
                return Err(Refused::OfOneSource);
            }
            self.of.insert(source, of_this + 1);
        }
        self.all += 1;
        self.ebb.rose_to(self.all);
        Ok(())
    }

    /// Gives whether so many have left that it is worth to tell.
    fn leave(&mut self, source: Option<IpAddr>) -> bool {
        self.all -= 1;
        if let Some(source) = source {
            match self.of.get_mut(&source) {
                Some(more) if *more > 1 => *more -= 1,
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
        let places = Places::new(5, 2);
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
    fn it_is_crowded_from_three_quarters_on() {
        let places = Places::new(8, 8);
        let crowded = places.crowded();
        let mut held: Vec<_> = (0..6).map(|_| places.take(None).unwrap()).collect();
        assert!(!*crowded.borrow());
        held.push(places.take(None).unwrap());
        assert!(*crowded.borrow());
        held.pop();
        assert!(!*crowded.borrow());
    }
}
