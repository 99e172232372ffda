//! One BGP session: wire, state machine, routes desired and sent.
//!
//! A speaker that only dials and only announces: it accepts no route, forwards nothing and holds no table of others
//! (RFC 4271, and RFC 8212 by construction).

#![forbid(unsafe_code)]

mod community;
mod guard;
mod input;
mod peer_asn;
mod route;
mod settings;
mod status;

pub mod session;
pub mod wire;

pub use community::{Community, CommunityError, LargeCommunity, LinkBandwidth};
pub use guard::{Export, ExportGuard};
pub use input::{BfdState, Connection, DialError, Input, Stop, Transmit};
pub use peer_asn::PeerAsn;
pub use route::{Attributes, Table};
pub use session::Session;
pub use settings::Settings;
pub use status::{Counters, Event, Peer, State, Status, Trouble};
