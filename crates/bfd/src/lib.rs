//! One BFD session (RFC 5880, 5881, 5883): whether the path to a neighbour works, known within a few packets.
//!
//! Asynchronous mode, single hop or over several, without authentication and without echo: Required Min Echo RX is 0, so that
//! no neighbour sends any (a node that speaks from a process cannot turn packets around in its forwarding path, which is what
//! echo is to prove). Demand mode is honoured and never asked for. The C bit is 0: the session ends with its process, and a
//! neighbour that is a helper for graceful restart must not take that for the end of the routes (RFC 5882 §4.3).
//!
//! A [`Session`] holds no socket, no clock and no randomness; a driver owns both the socket and the machine:
//!
//! ```
//! # use std::num::NonZeroU32;
//! # use std::time::Instant;
//! # use bfd::{Event, Input, Session, Settings, Timers};
//! # fn send(_: [u8; bfd::LENGTH]) {}
//! # fn report(_: Event) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() {
//! let settings = Settings {
//!     local_discriminator: NonZeroU32::new(0x2a).unwrap(), // random, and no other session's
//!     timers: Timers::default(),
//!     passive: false,
//!     seed: 7,
//! };
//! let mut session = Session::new(Instant::now(), settings);
//! # let mut rounds = 0;
//! loop {
//!     while let Some(packet) = session.poll_transmit() {
//!         send(packet);
//!     }
//!     while let Some(event) = session.poll_event() {
//!         report(event);
//!     }
//!     // Wait for the first of: the socket, a command, `poll_timeout()`; then feed exactly that.
//!     # rounds += 1;
//!     # if rounds == 2 { return; }
//!     session.handle_timeout(Instant::now());
//! }
//! # }
//! ```
//!
//! **What waits in the socket goes first.** A driver that has slept too long feeds the packets that came meanwhile before it
//! calls [`Session::handle_timeout`]: else its own sleep looks like the silence of the neighbour.

#![forbid(unsafe_code)]

mod chance;
mod damping;
mod event;
mod input;
mod limit;
mod packet;
mod session;
mod settings;
mod state;
mod status;

pub use damping::Damping;
pub use event::Event;
pub use input::Input;
pub use packet::{DecodeError, LENGTH, Packet};
pub use session::Session;
pub use settings::{Settings, Timers};
pub use state::{Diagnostic, State};
pub use status::{Counters, RemoteStatus, Status};

/// The UDP port of sessions with a neighbour on the same link (RFC 5881 §4).
pub const SINGLE_HOP_PORT: u16 = 3784;
/// The UDP port of sessions over several hops (RFC 5883 §5).
pub const MULTIHOP_PORT: u16 = 4784;
/// The TTL or hop limit of every packet sent, and the only one accepted from a neighbour on the same link (RFC 5881 §5).
pub const TTL: u8 = 255;
