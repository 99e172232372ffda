//! The drivers of layer 2, and of accepted routes, on real interfaces, judged by the kernel of another network namespace.
//!
//! Needs root and the programs `ip`, `bridge`, `ping`, `arping` and `sysctl`; fails without them.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, too")]

mod accepting;
mod agreeing;
mod answering;
mod changing;
mod client;
mod conflicts;
mod datagrams;
mod driven;
mod ear;
mod filtering;
mod floods;
mod following;
mod groups;
mod interfaces;
mod ipvs;
mod kinds;
mod namespace;
mod neighbour;
mod neighbours;
mod node;
mod segment;
mod siblings;
mod sockets;
mod surrogates;
mod ways;
