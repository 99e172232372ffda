//! Two sessions in virtual time with a bad network between them. Everything follows from a seed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that tells what it measured"
)]

mod chance;
mod end;
mod seeds;
mod world;
