//! Situations that users ask about, each as objects of a cluster, with the cause that is named and what is told to type next.

#![allow(clippy::unwrap_used, reason = "a test")]

mod announcing;
mod asking;
mod everything;
mod objects;
