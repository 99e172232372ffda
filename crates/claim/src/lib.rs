//! Which of the possible nodes holds an address on a segment: beacons, claims, hand-over.

#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, Ipv6Addr};

mod claims;
mod counters;
mod ears;
mod event;
mod identity;
mod input;
mod member;
mod peer;
mod placement;
mod replay;
mod seal;
mod segment;
mod settings;
mod snapshot;
mod unit;
mod wire;

pub use counters::{Counters, Refused};
pub use event::{Event, Why};
pub use identity::{BootId, Identity};
pub use input::{Input, Transmit};
pub use member::{Member, Status};
pub use seal::{Key, Keys};
pub use segment::Segment;
pub use settings::Settings;
pub use snapshot::Snapshot;
pub use unit::{Holder, Role, Strength, Unit, UnitId};

/// The UDP port of the protocol.
pub const PORT: u16 = 7950;
/// The group that datagrams go to over IPv4: of RFC 3692's experimental ones, never forwarded.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 254);
/// The group that datagrams go to over IPv6: of RFC 4727's experimental ones, of the link.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x114);
/// The longest datagram.
pub const MAX_DATAGRAM: usize = 1400;
/// So many of its own addresses on the segment a node tells the others.
pub const MAX_ADDRESSES: usize = 4;
