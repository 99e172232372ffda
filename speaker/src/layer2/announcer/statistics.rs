use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use l2::Counters;

/// What was done on each interface, for metrics.
#[derive(Clone, Debug, Default)]
pub struct Statistics(Arc<Mutex<BTreeMap<String, InterfaceStatistics>>>);

/// What was done on one interface since it appeared; all but `held` and `unheard` only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStatistics {
    /// Addresses announced there now.
    pub held: usize,
    /// Speakers that are there now and are not heard, where none is.
    pub unheard: usize,
    /// What the responders did.
    pub responder: Counters,
    /// What the agreements did.
    pub claims: claim::Counters,
    /// Frames and datagrams that were made and that the interface did not take.
    pub unsent: u64,
}

impl Statistics {
    /// The interfaces in use, and those that were in use and are still there.
    pub fn snapshot(&self) -> BTreeMap<String, InterfaceStatistics> {
        self.lock().clone()
    }

    pub(super) fn of(&self, iface: &str) -> InterfaceStatistics {
        self.lock().get(iface).copied().unwrap_or_default()
    }

    pub(super) fn record(&self, iface: &str, statistics: InterfaceStatistics) {
        let mut interfaces = self.lock();
        // Looked up first: a name is copied once in the life of an interface, not once for each frame.
        match interfaces.get_mut(iface) {
            Some(known) => *known = statistics,
            None => drop(interfaces.insert(iface.to_owned(), statistics)),
        }
    }

    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.lock().retain(|iface, _| keep(iface));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, InterfaceStatistics>> {
        // Nothing that holds the lock can panic, and numbers are right whoever wrote them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
