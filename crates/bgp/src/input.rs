use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use model::Family;

use crate::guard::ExportGuard;
use crate::import::ImportPolicy;
use crate::route::Table;
use crate::settings::LiveSettings;

/// What a session may be told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Begin: dial. In a session that waits before it dials again, the wait ends.
    Start,
    /// The peer may have become reachable: carrier is there again, or its neighbour entry. A session that waits before it dials
    /// again dials at once, but not within a second of what went wrong, nor while it is over the peer's limit of prefixes.
    DialNow,
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
    /// Where routes point to, each time that it changes; nowhere until it is told. Routes whose next hop is another one are
    /// announced anew in the session that there is, and those of a family that has none any more are withdrawn.
    NextHops(NextHops),
    /// What may change while the session runs, each time that it does.
    Live(LiveSettings),
    /// Whether this node has forwarded all along; until it is told, it has. It is in every OPEN until the peer has heard everything
    /// from this process.
    Forwarding(Forwarding),
    /// What BFD says of the path to the peer.
    Bfd(BfdState),
    /// Whether routers are to turn to other nodes. The session stays.
    Drain(Drain),
    /// End for good. The driver drains the machine and drops it.
    Stop(Stop),
}

/// A connection to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The local end.
    pub local: IpAddr,
    /// The peer's.
    pub remote: IpAddr,
}

/// Addresses of this node that the peer can send packets to (RFC 4271 §5.1.3): on the interface that leads to it, and such as stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextHops {
    /// An IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// A global IPv6 address.
    pub v6: Option<Ipv6Addr>,
    /// The link-local address, if the peer is on the same link (RFC 2545 §3).
    pub link_local: Option<Ipv6Addr>,
}

/// Whether what the node forwarded before this process, or before the connection was lost, it has forwarded since (the F bit of
/// RFC 4724 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// It has: who forwards is the kernel, and it is not this process that set it up.
    #[default]
    Preserved,
    /// The node has been switched off. A peer drops what it has kept.
    Lost,
}

/// Whether routers are to turn to other nodes, and how soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// They are not.
    #[default]
    No,
    /// The node goes on forwarding for a while: routes are marked (RFC 8326), and withdrawn after
    /// [`LiveSettings::graceful_shutdown`].
    Mark,
    /// It does not forward, or is about to end: routes are withdrawn at once. [`Self::Mark`] does not bring them back.
    Withdraw,
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
    /// The peer is the node's default gateway, and it has none.
    #[error("this node has no default gateway for {0}")]
    NoGateway(Family),
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
    /// the routes. On a session that is drained it is the same as [`Self::Shutdown`]: a node that goes does not come back.
    Restart,
    /// For good, with a text for the peer's operator (RFC 9003): Administrative Shutdown, as a Hard Reset where it must be
    /// (RFC 8538).
    Shutdown(String),
    /// The BGPPeer is gone: Peer De-configured.
    Deconfigured,
    /// It is run anew with other settings: Other Configuration Change.
    Changed(Retention),
}

/// What becomes of the routes that the peer has while a session is run anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// The next session announces the same: the peer keeps them if it can.
    Keep,
    /// It may announce others: the peer drops them.
    Drop,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Connect; then say [`Input::Connected`] or [`Input::DialFailed`].
    Dial,
    /// Hand these octets to TCP, all of them, then say [`Input::Written`]. Until then nothing more comes but
    /// [`Transmit::Close`]: a peer that does not read costs one message.
    Octets(Vec<u8>),
    /// Close the connection, or give up dialling. The NOTIFICATION is sent if TCP takes it at once and nothing was left half-written
    /// before it.
    Close {
        /// It.
        notification: Option<Vec<u8>>,
    },
}
