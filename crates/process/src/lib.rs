//! What both daemons need to be processes: logging, probes and metrics, signals, and the clock.
//!
//! Nothing here knows what the daemons decide, or that there is an API server.
#![forbid(unsafe_code)]

pub mod clock;
pub mod confinement;
pub mod logging;
pub mod probes;
pub mod signals;

mod connections;
mod liveness;
mod readiness;
