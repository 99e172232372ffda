//! What the controller decides: which addresses Services have, and what is to be written of them.
//!
//! Everything here is pure: time is an argument, and nothing is sent. [`reconciler::Reconciler`] is the machine that gives Services
//! their addresses, [`updates::StatusUpdates`] the one that keeps the status of the custom resources up to date.
#![forbid(unsafe_code)]

mod agenda;
mod departed;
pub mod desired_status;
pub mod reconciler;
pub mod slim;
pub mod status_updates;
mod tracked;

use std::time::Duration;

/// How long one request may take before nobody knows what became of it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long writes that are under way may take when the leader stops.
pub const LAST_WRITES: Duration = Duration::from_secs(2);

/// Numbers too large to count are shown as the largest (P-ALLOC-20).
pub fn saturate(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
