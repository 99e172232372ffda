//! What both daemons need to be processes: logging, the kube client, watches, leader election, probes and metrics,
//! signals.
//!
//! Nothing here knows what the daemons decide.
#![forbid(unsafe_code)]

pub mod client;
pub mod clock;
pub mod condition;
pub mod events;
pub mod lease;
pub mod logging;
pub mod probes;
pub mod signals;
pub mod watch;
