//! Whole lives of a session in virtual time: the real machine and its driver, a bad network, and a peer that follows the RFCs to
//! the letter and says so when it is wronged. Everything follows from a seed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that tells what it saw"
)]

mod chance;
mod facts;
mod faults;
#[path = "../wire/oracle.rs"]
#[allow(dead_code, reason = "the tests of single messages need more of it")]
mod oracle;
mod over;
mod peer;
mod scenarios;
mod seeds;
mod truth;
mod world;
