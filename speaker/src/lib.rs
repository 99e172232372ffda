//! Telling the network about addresses: the parts of `herald-speaker`.
//!
//! ```text
//! watch ─▶ decide (announce: who may) ─▶ layer2 (claim: who does, l2: who answers) ─▶ kernel
//!             │                             └─▶ report ─▶ conditions, the `Speaker` object
//!             └─▶ bgp (sessions, BFD) ─▶ sockets
//!                  └─▶ accepted routes ─▶ kernel
//! ```
//!
//! * [`watch`] follows what is outside of this process; [`kernel`] asks and tells the kernel.
//! * [`decide`] knows no clock and no socket; [`layer2`] and [`bgp`] carry out what it wants.
//! * [`report`] tells what came of it; [`state`] keeps it on the node for the next speaker.
//! * [`speaker`] is the loop between them.

pub mod args;
pub mod bgp;
pub mod decide;
pub mod kernel;
pub mod layer2;
pub mod report;
pub mod speaker;
pub mod state;
pub mod watch;
