//! Leader election on a `Lease`: of the processes that ask for it, at most one leads at a time.
//!
//! [`Elector`] is the machine that decides, [`run`] the loop that carries its decisions out. The rules are those of
//! client-go: the lease is replaced only at the version that was read, so of two that reach for it one fails; a standby
//! measures by its own monotonic clock how long the lease has not changed, so wall clocks do not matter; a leader
//! counts its deadline from before it sent the renewal that succeeded, and the deadline is shorter than the lease. A leader
//! that cannot renew therefore stops before anyone else can start, as long as their clocks run at about the same speed.
//!
//! The others are told whether this process leads through a [`tokio::sync::watch`] channel of [`Leadership`].

mod action;
mod driver;
mod elector;
mod store;
mod timing;

pub use action::{Action, Intent, Record};
pub use driver::{Lease, run};
pub use elector::Elector;
pub use timing::{Timing, TimingError};

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
