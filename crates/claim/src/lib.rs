//! Which of the possible nodes holds an address on a segment: beacons, claims, hand-over.
//!
//! The speakers on one layer-2 segment agree among themselves, over the wire that carries the traffic, on one holder for
//! each unit of addresses. Nobody else is asked: an API server that is away changes nothing.
//!
//! One [`Segment`] per announcing interface. It holds no socket, no clock and no randomness; a driver owns all of these:
//!
//! ```
//! # use std::{collections::BTreeSet, time::Instant};
//! # use claim::{BootId, Identity, Input, Key, Keys, Segment, Settings, Snapshot, Transmit};
//! # use model::NodeName;
//! # fn send(_: &[u8]) {}
//! # fn ask(_: std::net::IpAddr, _: Option<[u8; 6]>) {}
//! # fn count_frames() {}
//! # fn report(_: claim::Event) {}
//! # fn answer_for(_: impl Iterator<Item = (std::net::IpAddr, claim::Role)>) {}
//! # #[allow(clippy::disallowed_methods, reason = "an example of a driver")]
//! # fn main() {
//! # let (random_octets, random_number, mac) = ([1; 32], 4, [2, 0, 0, 0, 0, 1]);
//! let me = Identity { node: NodeName("node-a".to_owned()), boot: BootId(random_number) };
//! let keys = Keys::one(Key::new(random_octets));
//! let mut segment = Segment::new(Instant::now(), me, Settings::default(), keys, Snapshot::default());
//! let mut input = Input::Interface { mac, addresses: BTreeSet::new() };
//! # let mut rounds = 0;
//! loop {
//!     segment.handle_input(Instant::now(), input);
//!     while let Some(transmit) = segment.poll_transmit() {
//!         match transmit {
//!             Transmit::Datagram(octets) => send(&octets),
//!             Transmit::Probe { address, mac } => ask(address, mac),
//!             Transmit::CountFrames => count_frames(),
//!         }
//!     }
//!     while let Some(event) = segment.poll_event() {
//!         report(event);
//!     }
//!     answer_for(segment.answers());
//!     // Wait for the first of: the sockets, the facts, `poll_timeout()` (then call `handle_timeout` and drain again).
//!     # rounds += 1;
//!     # if rounds == 2 { return; }
//!     input = Input::Able(true);
//! }
//! # }
//! ```
//!
//! **What the driver owes.** It drains after every `handle_…`, and makes [`Segment::answers`] true before it waits again:
//! that this node has stopped is what another relies on. It gives [`Input::Interface`], [`Input::Units`] and
//! [`Input::Possible`] at the start and at every change. It comes back within a fraction of the interval of
//! [`Segment::poll_timeout`]: a gap of three intervals between two calls counts as not having run, and the node listens for
//! five before it answers again (rule 11). It lets nothing in that came with a TTL or hop limit other than 255. It gives
//! [`Input::Carrier`] before anything is announced anew because of it. It asks what [`Transmit::Probe`] says also for addresses
//! that are held here, in the name of the node's own address or of none.
//!
//! # The protocol
//!
//! Its words, messages and rules are in `docs/segment-protocol.md`; "rule N" in this crate is rule N there. In short:
//!
//! * *Beacons*, every 100 ms: state, own addresses, version and digest of the claims, and for each peer heard its life (a
//!   random number) and the newest of its datagrams. Who finds itself in a beacon is heard; a peer is *alive* while its
//!   beacons come and name a beacon of ours that is not old. Who restarts has another life, and is not believed before one of
//!   its beacons names a recent one of ours: a replay cannot.
//! * *Claims*: (unit, strength, term). The highest claim by strength, term and node holds. Changes are told at once, and
//!   repaired on request as soon as a beacon, or a gap in the changes, shows that one is missing.
//! * *Probes*: the node that would take over from a silent speaker asks the node's own kernel whether it lives. If it does,
//!   nothing moves for the crash window, and the one that would take over answers meanwhile, with the holder's hardware
//!   address.
//!
//! Datagrams are sealed with AES-256-GCM. The key of one life of one node's speaker is derived (HKDF-SHA256) from the shared
//! key, its random number and the node's name, and the nonce is the datagram's sequence number: two lives would have to draw
//! the same 64 bits *on the same node* to use a nonce twice. Two keys are open during a rotation; one of them seals.
//!
//! # Sizes and rates
//!
//! A datagram has at most [`MAX_DATAGRAM`] octets. Around the message are 22 octets of header, the node's name (63, say) and
//! 16 of tag. A beacon has 28 octets, its addresses (5 or 17 each, at most [`MAX_ADDRESSES`]) and 12 for each peer that it
//! names: with a name of 63 and four IPv6 addresses that of 100 nodes takes 1385 octets. Where there are more nodes, a beacon
//! takes several datagrams. A claim has 10 octets for IPv4 and 22 for IPv6, or 9 more while it is offered; room is made for the
//! longest, so that a thousand new units are told in 25 datagrams.
//!
//! Of `n` nodes each receives `10 (n - 1)` beacons a second of about `110 + 12 n` octets: 3 nodes, 3 kB/s; 20 nodes, 67 kB/s;
//! 100 nodes, 1.3 MB/s in 990 datagrams. From there on the interval grows with the square of the number of nodes that are heard, 400 ms at
//! 200, so that what a node receives stays what it is; every timeout follows the interval that a beacon states.
//!
//! Memory: at most 1024 peers, 1024 lives that have yet to prove themselves, 16384 claims of each peer, 64 changes that wait
//! for the one before, and as many of our own for those who missed them.
//!
//! Where there are many units a look at all of them takes as long as many datagrams do. It waits a millisecond for each
//! hundred units (a quarter of the interval at most), so that claims and announcements that come by the dozen are looked at
//! once; and a beacon that is due goes out before it. Whoever comes back late to [`Segment::poll_timeout`] all the same does
//! not call its peers late before it has had the time to read what they said meanwhile.
//!
//! Each datagram goes out by both families. While every possible node is heard by IPv4, [`Segment::needs_ipv6`] says that the
//! other copies are of no use, and the driver may have the kernel drop them; as soon as one beacon is overdue they are. So no
//! failure of one family makes anybody miss a speaker that lives.
//!
//! # How long things take
//!
//! *A dead node* is known as such 200 to 310 ms after its end (three intervals after its last beacon; three probes remained
//! unanswered by then), and its units are taken in the same instant. *A deaf one*, 400 ms after the last of our beacons that it
//! heard. *Two that hear each other again* both answer for at most one interval, its jitter, and two round trips: the first
//! beacon makes the other speak at once, and both ask for what they missed. *A hand-over* has no gap: the one answers until it
//! hears the other's claim.
//!
//! # Clocks
//!
//! Only spans of a node's own monotonic clock are compared. That clocks run a hundredth too fast or too slowly changes
//! nothing but these times. One that *jumps ahead* by less than two intervals moves nothing, for peers that are late by the
//! clock alone get the time to be heard; one that jumps further is as a time in which the node did not run (rule 11). One
//! that *stood still with its node*, as that of a virtual machine that is moved, shows nothing: the node goes on answering
//! for what others have taken, until it hears so. That is within an interval and two round trips as a rule, and within three
//! intervals more where the taker's speaker was replaced meanwhile, whose former life the node has yet to miss. That so
//! much of what peers said is missing makes it speak at once.

#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, Ipv6Addr};

mod addresses;
mod claims;
mod counters;
mod event;
mod facts;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
mod input;
mod member;
mod neighbors;
mod own;
mod rules;
mod seal;
mod segment;
mod settings;
mod snapshot;
mod unit;
mod view;
mod wire;

pub use addresses::Addresses;
pub use counters::{Counters, Refused};
pub use event::{Event, Why};
pub use identity::{BootId, Identity};
pub use input::{Input, KnownSpeaker, Shutdown, Transmit};
pub use member::{Member, Status};
pub use seal::{Key, Keys};
pub use segment::Segment;
pub use settings::Settings;
pub use snapshot::{Snapshot, SnapshotError};
pub use unit::{Holder, Role, Serving, Strength, Takes, Unit, UnitId};

/// The UDP port of the protocol.
pub const PORT: u16 = 7950;
/// The group that datagrams go to over IPv4: of RFC 4727's experimental ones, never forwarded.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 254);
/// The group that datagrams go to over IPv6: of RFC 4727's experimental ones, of the link.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x114);
/// The longest datagram.
pub const MAX_DATAGRAM: usize = 1400;
/// So many of its own addresses on the segment a node tells the others.
pub const MAX_ADDRESSES: usize = 4;
