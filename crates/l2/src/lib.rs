//! Answers for addresses on an Ethernet segment: what a node says when it holds an address (ARP today), to whom, and
//! how often.
//!
//! One [`Responder`] per interface. It holds no socket, no clock and no randomness; a driver owns both the socket and
//! the machine:
//!
//! ```
//! # use std::{net::Ipv4Addr, time::Instant};
//! # use l2::{Input, Mac, Responder, Settings};
//! # fn send(_: &[u8]) {}
//! # fn report(_: l2::Event) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() -> Result<(), l2::MacError> {
//! let mac = Mac::new([0x02, 0, 0, 0, 0, 1])?;
//! let mut responder = Responder::new(mac, Settings::default());
//! let mut input = Input::Hold(Ipv4Addr::new(192, 0, 2, 10));
//! # let mut rounds = 0;
//! loop {
//!     responder.handle_input(Instant::now(), input);
//!     while let Some(transmit) = responder.poll_transmit() {
//!         send(transmit.frame());
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
//! **The drain rule.** After every `handle_…` the driver takes all transmits and all events before it feeds the next
//! input. That is what makes [`Input::Release`] final: no reply made before it is sent after it.
//!
//! The kernel is to hand over only what concerns the held addresses: [`filter::program`] says so in the kernel's own
//! language.

#![forbid(unsafe_code)]

mod counters;
pub mod filter;
mod limit;
mod mac;
mod responder;
mod schedule;
mod settings;
pub mod wire;

pub use counters::{Counters, Ignored};
pub use limit::Rate;
pub use mac::{Mac, MacError};
pub use responder::{Event, Input, Responder, Transmit};
pub use schedule::ANNOUNCEMENTS;
pub use settings::Settings;
