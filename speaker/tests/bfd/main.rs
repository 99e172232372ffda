//! BFD and router discovery on real interfaces: against each other, and against the BFD of FRR and of BIRD.
//!
//! Needs root, the programs `ip`, `bridge` and `setpriv`, and Debian's packages `frr` and `bird2`; fails without them.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests that tell what they measured, and their helpers"
)]

mod bird;
mod daemon;
mod flapping;
mod frr;
mod interfaces;
#[path = "../kernel/namespace.rs"]
#[allow(dead_code, reason = "the other binary needs more of it")]
mod namespace;
mod neighbours;
mod node;
mod paths;
mod punctual;
mod refused;
mod segment;
mod unprivileged;
