//! Telling the network about addresses: the parts of `herald-speaker`.
//!
//! ```text
//! watches ─▶ decision (announce: who may, placement: who does, membership: who is alive) ─▶ announcer ─▶ l2 ─▶ packet
//!                                                                                └─▶ standing ─▶ outbox ─▶ reporter
//! ```
//!
//! [`decision`], [`membership`], [`placement`], [`standing`] and [`outbox`] decide and know no clock and no socket; the others carry out.

pub mod announcer;
pub mod args;
pub mod decision;
pub mod heartbeat;
pub mod links;
pub mod membership;
pub mod metrics;
pub mod outbox;
pub mod packet;
pub mod placement;
pub mod reporter;
pub mod speaker;
pub mod standing;
