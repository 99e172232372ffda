use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ipam::Wait;
use model::{ReservationName, ServiceName};

use crate::tracked::Age;

/// What a Service may wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awaited {
    /// Something that `ipam` tells.
    Ipam(Wait),
    /// A reservation keeps other addresses, or is found to be wrong or right.
    Reservation(ReservationName),
}

type Place = (Age, ServiceName);

/// Which Service waits for what, and who is to be looked at because that has happened.
///
/// Those that wait for one thing are woken one by one, oldest first, and only while there is something left of it: of ten thousand
/// that wait for a free address the oldest gets it, and the others sleep on.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_service: BTreeMap<ServiceName, (Age, BTreeSet<Awaited>)>,
    by_awaited: BTreeMap<Awaited, BTreeSet<Place>>,
    /// What has happened: up to whom those that wait for it have been woken.
    spreading: BTreeMap<Awaited, Option<Place>>,
}

impl Waiting {
    /// A Service waits for these, and for nothing else.
    pub(crate) fn set(&mut self, age: Age, name: &ServiceName, awaiteds: BTreeSet<Awaited>) {
        let known = self.by_service.get(name);
        if known.is_some_and(|(known_age, known)| *known_age == age && *known == awaiteds) {
            return;
        }
        self.remove(name);
        if awaiteds.is_empty() {
            return;
        }
        for awaited in &awaiteds {
            let places = self.by_awaited.entry(awaited.clone()).or_default();
            places.insert((age.clone(), name.clone()));
        }
        self.by_service.insert(name.clone(), (age, awaiteds));
    }

    /// A Service waits for nothing.
    pub(crate) fn remove(&mut self, name: &ServiceName) {
        let Some((age, awaiteds)) = self.by_service.remove(name) else {
            return;
        };
        let place = (age, name.clone());
        for awaited in awaiteds {
            if let Some(places) = self.by_awaited.get_mut(&awaited) {
                places.remove(&place);
                if places.is_empty() {
                    self.by_awaited.remove(&awaited);
                }
            }
        }
    }

    /// Something has happened.
    pub(crate) fn wake(&mut self, awaited: Awaited) {
        if self.by_awaited.contains_key(&awaited) {
            self.spreading.insert(awaited, None);
        }
    }

    /// The oldest Service that is to be woken next.
    pub(crate) fn first(&mut self, is_left: impl Fn(&Awaited) -> bool) -> Option<Place> {
        let mut first: Option<Place> = None;
        let by_awaited = &self.by_awaited;
        self.spreading.retain(|awaited, woken| {
            let next = next(by_awaited, awaited, woken).filter(|_| is_left(awaited));
            let Some(next) = next else { return false };
            if first.as_ref().is_none_or(|first| next < first) {
                first = Some(next.clone());
            }
            true
        });
        first
    }

    /// A Service that [`Self::first`] gave is looked at.
    pub(crate) fn woken(&mut self, place: &Place) {
        for (awaited, woken) in &mut self.spreading {
            if next(&self.by_awaited, awaited, woken) == Some(place) {
                *woken = Some(place.clone());
            }
        }
    }
}

/// Who waits for something, after the one that was woken last.
fn next<'a>(
    by_awaited: &'a BTreeMap<Awaited, BTreeSet<Place>>,
    awaited: &Awaited,
    woken: &Option<Place>,
) -> Option<&'a Place> {
    let from = woken.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    by_awaited.get(awaited)?.range((from, Bound::Unbounded)).next()
}
