//! Whole segments in virtual time: the real machine on every node, a bad network between them, and a stand-in for what
//! answers ARP. Everything follows from a seed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that tells what it measured"
)]

mod chance;
mod clock;
mod faults;
mod node;
mod oracle;
mod scenarios;
mod seeds;
mod world;
