//! How many may be inside at once, all in all and of one source; used for connections, and for
//! requests in work.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The places that there are.
pub(crate) struct Places {
    taken: Arc<Mutex<Taken>>,
    is_crowded: watch::Sender<bool>,
}

/// A place, which is free again when it is dropped.
pub(crate) struct Place {
    taken: Arc<Mutex<Taken>>,
    is_crowded: watch::Sender<bool>,
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
}

impl Places {
    /// So many places, and so many of them for one source.
    pub(crate) fn new(at_most: usize, of_one_at_most: usize) -> Self {
        let taken = Taken {
            all: 0,
            of: HashMap::new(),
            at_most,
            of_one_at_most,
        };
        Self {
            taken: Arc::new(Mutex::new(taken)),
            is_crowded: watch::Sender::new(false),
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
            source,
        })
    }

    /// Whether so many are taken that those who do nothing with theirs have to go sooner.
    pub(crate) fn crowded(&self) -> watch::Receiver<bool> {
        self.is_crowded.subscribe()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let crowded = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.leave(self.source);
            taken.is_crowded()
        };
        set(&self.is_crowded, crowded);
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
        Ok(())
    }

    fn leave(&mut self, source: Option<IpAddr>) {
        self.all -= 1;
        let Some(source) = source else { return };
        match self.of.get_mut(&source) {
            Some(more) if *more > 1 => *more -= 1,
            _ => drop(self.of.remove(&source)),
        }
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
