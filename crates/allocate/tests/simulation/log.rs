use std::sync::Arc;
use std::time::Duration;

use super::object::{Key, Kind, Object};

/// One life of one replica: a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) replica: usize,
    pub(super) life: u32,
}

/// Who changed an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// People, and whoever else writes what a controller only reads.
    User,
    /// A controller, with what it had seen when it decided.
    Process { who: Who, seen: Seen },
    /// The store was set back to an older state.
    Restore,
}

/// How much of the log somebody has seen, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen([usize; Kind::WATCHED.len()]);

/// When a change is made, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) at: Duration,
    pub(super) author: Author,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    pub(super) revision: u64,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Object>>,
    pub(super) after: Option<Arc<Object>>,
}

impl Seen {
    pub(super) fn new(of: impl Fn(Kind) -> usize) -> Self {
        Self(Kind::WATCHED.map(of))
    }

    pub(super) fn of(self, kind: Kind) -> usize {
        let index = Kind::WATCHED.iter().position(|watched| *watched == kind);
        index.map_or(0, |index| self.0[index])
    }
}

impl Stamp {
    pub(super) fn user(at: Duration) -> Self {
        Self {
            at,
            author: Author::User,
        }
    }
}

impl Entry {
    /// Whether it is the work of this process.
    pub(super) fn is_by(&self, process: Who) -> bool {
        matches!(self.stamp.author, Author::Process { who, .. } if who == process)
    }

    /// Whether this is a Lease that nobody holds any more.
    pub(super) fn is_a_vacancy(&self) -> bool {
        let Some(Object::Lease(lease)) = self.after.as_deref() else {
            return false;
        };
        lease.holder.is_none()
    }
}
