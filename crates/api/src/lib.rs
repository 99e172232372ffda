//! How the daemons reach the API server: the client, watches of a kind, and events for people.
//!
//! Nothing here knows what the daemons decide.
#![forbid(unsafe_code)]

pub mod client;
pub mod events;
pub mod watch;
