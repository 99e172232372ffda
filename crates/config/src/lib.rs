//! What API objects mean: the inputs of `ipam` and `announce`, and every object that is wrong, with the reason.
//!
//! * [`Snapshot::read`] turns all custom resources into one validated configuration. A wrong object is skipped and named;
//!   the others go on, and its last good form stays in force until the new one is good. [`Reservations::read`] does the
//!   same for the reservations.
//! * [`service`] reads what a Service asks for, [`node`] and [`endpoints`] what decides about announcing.
//!
//! This crate knows the API types but no client: it is given objects and gives values back.

#![forbid(unsafe_code)]

pub mod endpoints;
pub mod node;
pub mod service;

mod advertisement;
mod cover;
mod fault;
mod list;
mod object;
mod pool;
mod reservation;
mod selector;
mod snapshot;
mod unusable;

pub use fault::Fault;
pub use object::{Kind, ObjectName, Verdict};
pub use reservation::Reservations;
pub use selector::SelectorError;
pub use snapshot::Snapshot;
