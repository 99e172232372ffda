use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::ServiceName;

use crate::tracked::Age;
use crate::waiting::{Awaited, Waiting};

/// How long a change of the pools' use may wait before it is written to their status.
pub(crate) const STATUS_DELAY: Duration = Duration::from_secs(1);

/// What the reconciler has to look at, and when.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Services to compare with what they should be, oldest first.
    dirty: BTreeSet<(Age, ServiceName)>,
    /// Services to look at again at a time: after a write that failed, or when an old address has to go.
    later: BTreeSet<(Instant, ServiceName)>,
    publish_at: Option<Instant>,
    /// Services to look at when something happens.
    waiting: Waiting,
}

impl Agenda {
    /// A Service may differ from what it should be.
    pub(crate) fn look_at(&mut self, age: Age, name: ServiceName) {
        self.dirty.insert((age, name));
    }

    /// A Service is to be looked at when any of these happens.
    pub(crate) fn look_when(&mut self, age: Age, name: &ServiceName, awaited: BTreeSet<Awaited>) {
        self.waiting.set(age, name, awaited);
    }

    /// A Service waits for nothing.
    pub(crate) fn forget(&mut self, name: &ServiceName) {
        self.waiting.remove(name);
    }

    /// Something has happened.
    pub(crate) fn happened(&mut self, awaited: Awaited) {
        self.waiting.wake(awaited);
    }

    /// The oldest Service to look at. One that waits for what has happened is not looked at if nothing of that `is_left`.
    pub(crate) fn next(&mut self, is_left: impl Fn(&Awaited) -> bool) -> Option<ServiceName> {
        let woken = self.waiting.first(is_left);
        let first = woken.into_iter().chain(self.dirty.first().cloned()).min()?;
        self.dirty.remove(&first);
        self.waiting.woken(&first);
        Some(first.1)
    }

    /// A Service is to be looked at again then.
    pub(crate) fn look_later(&mut self, at: Instant, name: ServiceName) {
        self.later.insert((at, name));
    }

    /// The Services whose time to be looked at again has come; each is given once.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<ServiceName> {
        let mut due = Vec::new();
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            due.extend(self.later.pop_first().map(|(_, name)| name));
        }
        due
    }

    /// The status of the custom resources is out of date; what else changes soon is written with it.
    pub(crate) fn publish_soon(&mut self, now: Instant) {
        self.publish_at.get_or_insert(now + STATUS_DELAY);
    }

    /// Whether that status is to be written now; true once.
    pub(crate) fn publication_due(&mut self, now: Instant) -> bool {
        self.publish_at.take_if(|at| *at <= now).is_some()
    }

    /// When a Service is to be looked at next, apart from those that are to be looked at already.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    /// When something is due next, apart from what is to be looked at already.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_look().into_iter().chain(self.publish_at).min()
    }
}
