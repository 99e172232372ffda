//! What the controller decides, and the requests that carry it out.
//!
//! Everything here is pure: time is an argument, and nothing is sent. A driver owns two machines:
//!
//! * [`Reconciler`](reconciler::Reconciler) gives Services their addresses. What watches say goes in; out come [`Task`](task::Task)s.
//! * [`StatusUpdates`](status_updates::StatusUpdates) keeps the status of the custom resources up to date.
//!
//! Both say what to ask of the API server as a [`Request`](request::Request) and are told what it answered:
//!
//! ```text
//! loop {
//!     task = match task.answered(&release, send(task.request(&release, now)).await) {
//!         Next(task) => task,
//!         Again(task) => { sleep(RETRY).await; task }
//!         Ended(ended) => return ended,       // reconciler.handle_input(now, ended.input), and tell ended.events
//!     }
//! }
//! ```
//!
//! Of a status Herald has its own entries and its own condition, in the name of the release's field manager. What it did not write is
//! never a reason to write again; a write that does not bring about what it was to is repeated more and more seldom, and so is one that
//! another writer writes over.
#![forbid(unsafe_code)]

mod agenda;
mod contest;
mod departed;
pub mod desired_status;
mod event;
#[cfg(test)]
#[path = "../tests/simulation/api/fields.rs"]
mod fields;
mod finalizers;
pub mod reconciler;
mod release;
pub mod request;
mod slim;
pub mod status_updates;
pub mod task;
mod tracked;
mod waiting;
mod writers;

use std::time::Duration;

pub use event::{Event, EventType};
pub use release::{FIELD_MANAGER, Release};
pub use slim::slim;
pub use writers::OtherWriters;

/// How long one request may take before nobody knows what became of it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long writes that are under way may take when the leader stops.
pub const LAST_WRITES: Duration = Duration::from_secs(2);

/// Numbers too large to count are shown as the largest (P-ALLOC-20).
pub fn saturate(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
