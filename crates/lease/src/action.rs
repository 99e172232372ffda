//! What the elector and the API server say to each other.

use std::time::Duration;

use super::Version;

/// A lease as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; nobody after a release.
    pub holder: Option<String>,
    /// How long its holder asks to be left alone; unset: as long as this process would.
    pub duration: Option<Duration>,
    /// When its holder says to have written it. Clocks differ, so nobody counts from it: it tells apart two leases that have the
    /// same version, because the store was put back in between.
    pub renewed: Option<jiff::Timestamp>,
    /// Its `resourceVersion`.
    pub version: Version,
}

/// What to ask of the API server. One request at a time: its outcome is given to one of the `handle_…` functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the lease, not from a cache. Answered by [`handle_read`](super::Elector::handle_read) or
    /// [`handle_failure`](super::Elector::handle_failure).
    Read,
    /// Write the lease. Answered by [`handle_written`](super::Elector::handle_written),
    /// [`handle_conflict`](super::Elector::handle_conflict) or [`handle_failure`](super::Elector::handle_failure).
    Write {
        /// What to write.
        intent: Intent,
        /// Replace it at exactly this version; `None`: create it.
        version: Option<Version>,
    },
}

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Take the lease over from nobody or from another holder.
    Acquire,
    /// Keep it.
    Renew,
    /// Give it back: no holder, and a duration of a second.
    Release,
}

/// The store behind the API server was put back to an older state: the lease has a version that it had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// The version seen before.
    pub from: Version,
    /// The version it has now.
    pub to: Version,
}
