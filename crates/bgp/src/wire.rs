//! BGP messages: octets into values that cannot be wrong, and values into octets.
//!
//! ```text
//! octets → Framer::next → Frame → decode → Message
//! ```
//!
//! Decoding is total. What no session survives comes back as the [`Notification`] that ends it; what RFC 7606 lets it survive is
//! part of the [`Update`]. Encoding cannot fail, but says of a route that cannot be put into words for this peer that it cannot.

use std::collections::BTreeSet;

use model::Family;

mod capability;
mod encode;
mod family;
mod frame;
mod notification;
mod open;
mod reader;
mod refresh;
mod update;
mod zetta;

pub use capability::{Capability, GracefulRestart};
pub use encode::{
    NextHop, Path, announce, end_of_rib, keepalive, notification, open, route_refresh, withdraw,
};
pub use family::FamilyCode;
pub use frame::{Frame, Framer};
pub use notification::Notification;
pub use open::Open;
pub use refresh::RouteRefresh;
pub use update::{Defect, Described, Fault, Outcome, Update};

/// The octets of the header that every message begins with.
pub const HEADER: usize = 19;
/// The longest message (RFC 4271 §4.1).
pub const MAX_MESSAGE: usize = 4096;
/// The longest one between speakers that both said they take it (RFC 8654 §4).
pub const MAX_EXTENDED: usize = 65535;
/// Stands for an AS number that two octets cannot hold (RFC 6793 §9).
pub const AS_TRANS: u16 = 23456;

/// What both sides agreed on, as far as it changes how messages are read and written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// AS numbers in paths have four octets (RFC 6793).
    pub four_octet_as: bool,
    /// The peer is in our own AS.
    pub internal: bool,
    /// Messages may be longer than [`MAX_MESSAGE`] (RFC 8654).
    pub extended_message: bool,
    /// The families of routes.
    pub families: BTreeSet<Family>,
    /// IPv4 routes may point to an IPv6 next hop (RFC 8950).
    pub v4_next_hop_v6: bool,
}

impl Form {
    /// The octets that the longest UPDATE may have.
    #[must_use]
    pub fn limit(&self) -> usize {
        if self.extended_message {
            MAX_EXTENDED
        } else {
            MAX_MESSAGE
        }
    }
}

/// The numbers of RFC 4271 §4.1 and RFC 2918 §3.
pub(crate) mod kind {
    pub(crate) const OPEN: u8 = 1;
    pub(crate) const UPDATE: u8 = 2;
    pub(crate) const NOTIFICATION: u8 = 3;
    pub(crate) const KEEPALIVE: u8 = 4;
    pub(crate) const ROUTE_REFRESH: u8 = 5;
}

/// A message.
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart at once, never stored"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Who the peer is and what it can do.
    Open(Open),
    /// Routes.
    Update(Update<'a>),
    /// The end, and why.
    Notification(Notification),
    /// A sign of life.
    Keepalive,
    /// A wish to hear all routes again, or the beginning or end of an answer to one.
    RouteRefresh(RouteRefresh),
}

/// Reads one message.
///
/// # Errors
///
/// The session is to be closed with exactly this NOTIFICATION.
pub fn decode<'a>(frame: Frame<'a>, form: &Form) -> Result<Message<'a>, Notification> {
    frame::check(frame.kind, HEADER + frame.body.len(), MAX_EXTENDED)?;
    match frame.kind {
        kind::OPEN => Open::decode(frame.body).map(Message::Open),
        kind::UPDATE => Update::decode(frame.body, form).map(Message::Update),
        kind::NOTIFICATION => Ok(Message::Notification(Notification::decode(frame.body))),
        kind::KEEPALIVE => Ok(Message::Keepalive),
        kind::ROUTE_REFRESH => RouteRefresh::decode(frame.body).map(Message::RouteRefresh),
        other => Err(Notification::bad_message_type(other)),
    }
}
