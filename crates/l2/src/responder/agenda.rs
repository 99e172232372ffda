use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

/// What a responder has to do at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Announce the address.
    Announce(IpAddr),
    /// See whether the stranger that claimed the address is still there.
    Watch(IpAddr),
    /// The address was asked for, and nobody has said that it has it: ask once more, or begin.
    Begin(IpAddr),
    /// Look once more whether the address was in use before.
    FirstUse(IpAddr),
    /// Nobody waits for an answer about the address any more.
    Forget(IpAddr),
}

/// When to do what; each task at one time at most.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    at: BTreeMap<Task, Instant>,
    due: BTreeSet<(Instant, Task)>,
}

impl Agenda {
    /// Sets the task to this time, whatever it was set to before.
    pub(super) fn set(&mut self, task: Task, at: Instant) {
        if let Some(before) = self.at.insert(task, at) {
            self.due.remove(&(before, task));
        }
        self.due.insert((at, task));
    }

    pub(super) fn clear(&mut self, task: Task) {
        if let Some(before) = self.at.remove(&task) {
            self.due.remove(&(before, task));
        }
    }

    /// Takes the first task that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Task> {
        let (_, task) = *self.due.first().filter(|(at, _)| *at <= now)?;
        self.clear(task);
        Some(task)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}
