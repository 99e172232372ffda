//! One BGP session: wire, state machine, routes desired and sent.
//!
//! A speaker that only dials. What it announces is its own; of what a peer announces it takes nothing (RFC 8212), or what it is
//! told to, and passes none of that on.

#![forbid(unsafe_code)]

mod community;
mod guard;
mod import;
mod input;
mod learned;
mod peer_asn;
mod route;
mod settings;
mod status;

pub mod session;
pub mod wire;

pub use community::{Community, CommunityError, LargeCommunity, LinkBandwidth};
pub use guard::{Export, ExportGuard};
pub use import::{Import, ImportPolicy};
pub use input::{
    BfdState, Connection, DialError, Drain, Forwarding, Input, NextHops, Retention, Stop, Transmit,
};
pub use learned::{Learned, MOST_LEARNED};
pub use peer_asn::PeerAsn;
pub use route::{Attributes, DEFAULT_LOCAL_PREF, Table};
pub use session::Session;
pub use settings::{LiveSettings, OpenSettings, Settings};
pub use status::{Counters, Event, FamilyFault, Negotiated, SessionError, State, Status};
