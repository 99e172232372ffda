//! How the daemons reach the API server: the client, watches of a kind, lists in pages, and events for people.
//!
//! A watch lasts minutes and costs nothing while nothing happens; that its connection is dead is noticed by the connection itself
//! ([`client`]). How all watches of a process get on is kept in one [`health::Health`], in words for people.
//!
//! Nothing here knows what the daemons decide.
#![forbid(unsafe_code)]

pub mod client;
pub mod events;
pub mod health;
pub mod kinds;
pub mod pages;
pub mod version;
pub mod watch;
