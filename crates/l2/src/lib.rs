//! Answers for addresses on an Ethernet segment: what a node says when it holds an address (ARP for IPv4, Neighbor
//! Discovery for IPv6), to whom, and how often; and what it does when another station says the same.
//!
//! One [`Responder`] per interface. It holds no socket, no clock and no randomness; a driver owns both the socket and
//! the machine:
//!
//! ```
//! # use std::time::Instant;
//! # use l2::{Input, Interest, Mac, Responder, Settings, wire::Protocol};
//! # fn send(_: Protocol, _: &[u8]) {}
//! # fn open_filters(_: Interest) {}
//! # fn report(_: l2::Event) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() -> Result<(), l2::MacError> {
//! let mac = Mac::new([0x02, 0, 0, 0, 0, 1])?;
//! let mut responder = Responder::new(mac, Settings::default());
//! let mut input = Input::Hold("2001:db8::10".parse().unwrap());
//! # let mut rounds = 0;
//! loop {
//!     responder.handle_input(Instant::now(), input);
//!     if let Some(interest) = responder.poll_interest() {
//!         open_filters(interest);
//!     }
//!     while let Some(transmit) = responder.poll_transmit() {
//!         send(transmit.protocol(), transmit.frame());
//!     }
//!     while let Some(event) = responder.poll_event() {
//!         report(event);
//!     }
//!     // Wait for the first of: the socket, a command, `poll_timeout()` (then call `handle_timeout` and drain again).
//!     # rounds += 1;
//!     # if rounds == 2 { return Ok(()); }
//!     input = Input::Frame(&[]);
//! }
//! # }
//! ```
//!
//! **The drain rule.** After each frame and each timeout the driver takes everything that there is before it feeds the next
//! one. Other inputs may be fed several at once, so that a thousand addresses change the kernel's filter once.
//! [`Input::Release`] is final: what was not sent before it is not sent after it.
//!
//! The kernel is to hand over only what concerns the [`Interest`] of the responder: [`filter`] says so in the kernel's own
//! language.

#![forbid(unsafe_code)]

mod counters;
mod event;
pub mod filter;
mod input;
mod interest;
mod limit;
mod mac;
mod responder;
mod schedule;
mod settings;
mod transmit;
pub mod wire;

pub use counters::{Counters, Ignored};
pub use event::{Event, Response};
pub use input::Input;
pub use interest::Interest;
pub use limit::Rate;
pub use mac::{Mac, MacError};
pub use responder::Responder;
pub use schedule::ANNOUNCEMENTS;
pub use settings::Settings;
pub use transmit::Transmit;
