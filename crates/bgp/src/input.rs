use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::guard::ExportGuard;
use crate::import::ImportPolicy;
use crate::route::Table;

/// What a session may be told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Begin: dial. A session that has begun takes it as a wish to dial now.
    Start,
    /// The connection that [`Transmit::Dial`] asked for is there.
    Connected(Connection),
    /// It is not.
    DialFailed(DialError),
    /// Octets from the peer, as many as came.
    Received(&'a [u8]),
    /// What the last [`Transmit::Octets`] gave has been handed to TCP, all of it.
    Written,
    /// The peer has closed the connection, or it broke; in the words of the operating system if there are any.
    Closed(Option<String>),
    /// Routes known from before, of which it is not known yet whether they are all: what the last process announced. They are
    /// announced, but no End-of-RIB is sent, and [`Event::Synced`](crate::Event::Synced) not said, before the first
    /// [`Input::Routes`]: with the End-of-RIB a peer drops whatever it kept and was not told again (RFC 4724 §4.2). After that
    /// it is the same as [`Input::Routes`].
    Early(Arc<Table>),
    /// All routes that the peer is to get, each time that they change. The first says that everything is known, even if it is
    /// what was there early: only then is the End-of-RIB sent. Nothing is announced before one of the two.
    Routes(Arc<Table>),
    /// What may be announced at all, each time that it changes; nothing until it is told.
    Guard(Arc<ExportGuard>),
    /// What is taken from the peer, each time that it changes; nothing until it is told. A session that is Established goes on, and
    /// asks the peer to say its routes again.
    Imports(Arc<ImportPolicy>),
    /// What BFD says of the path to the peer.
    Bfd(BfdState),
    /// Whether this node is to be left alone: routes are marked, and withdrawn after
    /// [`Settings::graceful_shutdown`](crate::Settings::graceful_shutdown); the session stays (RFC 8326). `false` takes that back.
    Drain(bool),
    /// End for good. The driver drains the machine and drops it.
    Stop(Stop),
}

/// A connection to the peer, and the addresses of this node that routes may point to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The local end.
    pub local: IpAddr,
    /// The peer's.
    pub remote: IpAddr,
    /// An IPv4 address of the node on the connection's interface: `local` if that is one. Never one of loopback: where the
    /// connection's interface is that, one of another.
    pub next_hop_v4: Option<Ipv4Addr>,
    /// A global IPv6 address there, likewise: `local` if that is one.
    pub next_hop_v6: Option<Ipv6Addr>,
    /// The link-local address there, if the peer is on the same link.
    pub link_local: Option<Ipv6Addr>,
}

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody answered. With a password, that is what a wrong one looks like: the kernel drops without a word.
    #[error("no answer from {remote}{}", if *password { ": possible MD5 mismatch, or the peer is away" } else { "" })]
    TimedOut {
        /// Who was asked.
        remote: IpAddr,
        /// Whether the segments were signed.
        password: bool,
    },
    /// Nobody listens.
    #[error("{0} refuses the connection: nobody listens on that port, or not for this node")]
    Refused(IpAddr),
    /// The `sourceAddress` is none of this node's.
    #[error("sourceAddress {0} is no address of this node")]
    NoSource(IpAddr),
    /// The `interface` or `vrf` is not there.
    #[error("this node has no interface {0}")]
    NoInterface(String),
    /// Nobody is seen on the interface of an unnumbered peer yet.
    #[error("no router is seen on interface {interface} yet{}", .blind.as_ref().map_or_else(String::new, |blind| format!(": {blind}")))]
    NoNeighbor {
        /// The interface.
        interface: String,
        /// Why nobody can be seen there, if so; in the words of the operating system.
        blind: Option<String>,
    },
    /// Anything else, as the operating system says it.
    #[error("{0}")]
    Other(String),
}

/// What BFD says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdState {
    /// The path works.
    Up,
    /// It worked and does not any more.
    Down,
    /// One end has switched BFD off, which says nothing about the path (RFC 5882 §4.2).
    AdminDown,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This speaker is about to be replaced by another one on this node: where graceful restart was agreed on, the peer keeps
    /// the routes.
    Restart,
    /// For good, with a text for the peer's operator (RFC 9003): Administrative Shutdown, as a Hard Reset where it must be
    /// (RFC 8538).
    Shutdown(String),
    /// The BGPPeer is gone: Peer De-configured.
    Deconfigured,
    /// It is run anew with other settings: Other Configuration Change.
    Changed,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Connect; then say [`Input::Connected`] or [`Input::DialFailed`].
    Dial,
    /// Hand these octets to TCP, all of them, then say [`Input::Written`]. Until then nothing more comes but
    /// [`Transmit::Close`]: a peer that does not read costs one message.
    Octets(Vec<u8>),
    /// Close the connection, or give up dialling. The notification is a NOTIFICATION: sent if TCP takes it at once and nothing was
    /// left half-written before it.
    Close {
        /// It.
        notification: Option<Vec<u8>>,
    },
}
