//! Leader election on a `Lease`: of the processes that ask for it, at most one leads at a time.
//!
//! [`Elector`] is the machine that decides, [`run`] the loop that carries its decisions out. The rules are those of
//! client-go: the lease is replaced only at the version that was read, so of two that reach for it one fails; a standby
//! measures by its own monotonic clock how long the lease has not changed, so wall clocks do not matter; a leader
//! counts its deadline from before it sent the renewal that succeeded, and the deadline is shorter than the lease. A leader
//! that cannot renew therefore stops before anyone else can start, as long as their clocks run at about the same speed.
//!
//! Two things happen beneath the election, and it takes them into account:
//!
//! * **A process comes back under its name**, as a container that crashed comes back in its pod. What its former life sent
//!   last may still take effect. On the lease each process has a name of its own ([`Identity`]), so the lease of the former
//!   life is somebody else's; but that one is over for certain, so the wait is [`Timing`]'s `settle`, not the whole lease.
//! * **The store is put back to an older state**, as etcd is restored from a backup. The version of the lease falls, which it
//!   never does otherwise ([`Setback`]). Whoever sees that leads no more and leaves the lease alone for its whole duration,
//!   even one that names it: another process may have been named since. A leader sees it at its next renewal, which names the
//!   version to replace. What a watch shows proves nothing here, since a watch may lag behind. A lease that is gone is taken for the same,
//!   so whoever deletes it by hand leaves Herald without a leader for as long as it lasts.
//!
//! A process can only compare with what it has seen. One that starts, or comes back from being cut off, after the store was
//! put back takes the lease for what it looks like. So when etcd is restored the API servers have to be down for at least the
//! renew deadline, after which nobody leads any more; a restore takes longer than that.
//!
//! The others are told whether this process leads through a [`tokio::sync::watch`] channel of [`Leadership`].

mod action;
mod driver;
mod elector;
mod identity;
mod seniority;
mod store;
mod timing;
mod version;

pub use action::{Action, Intent, Record, Setback};
pub use driver::{Lease, Resign, follow_seniority, run};
pub use elector::Elector;
pub use identity::Identity;
pub use seniority::{ALONE, Elections, LABEL, LASTS, LeaseName, Seniority};
pub use timing::{Timing, TimingError};
pub use version::Version;

use std::time::Instant;

/// Whether this process leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Another process leads, or nobody does yet.
    Standby,
    /// This process leads, but not longer than the lease has been renewed for.
    Leader {
        /// From here on another process may lead, unless the lease is renewed.
        until: Instant,
    },
}

impl Leadership {
    /// Whether this process leads at `now`. Whoever acts as leader asks right before each act: a process that was
    /// stopped for a while finds a stale `Leader` here before anything else has run again.
    pub fn leads(self, now: Instant) -> bool {
        match self {
            Self::Standby => false,
            Self::Leader { until } => now < until,
        }
    }
}
