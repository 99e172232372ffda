//! The drivers of layer 2 on real interfaces, judged by the kernel of another network namespace.
//!
//! Needs root and the programs `ip`, `ping` and `arping`; fails without them.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod answering;
mod changing;
mod client;
mod conflicts;
mod filtering;
mod following;
mod namespace;
mod node;
mod segment;
mod sockets;
