use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use claim::{UnitId, Why};
use ipnet::IpNet;
use jiff::Timestamp;
use l2::{Mac, Response};
use model::NodeName;

use crate::kernel::packet::SocketError;
use crate::watch::keys::KeysError;

/// What happened, for whoever tells users. Reports on one interface come in the order in which things happened.
#[derive(Debug)]
pub enum Report {
    /// The first announcement of the address has been sent, and it is answered for.
    Announced {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// The address is answered for no longer.
    Withdrawn {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// The address is held, and no interface can announce it. Reported when this becomes true, or so for another reason; an
    /// [`Report::Announced`] ends it.
    NoInterface {
        /// The address.
        ip: IpAddr,
        /// Why not.
        why: NoInterface,
    },
    /// The interfaces that are used, each time that they change.
    Interfaces(BTreeMap<String, InterfaceFacts>),
    /// What this node does for a unit on a segment; none: nothing any more.
    Role {
        /// Where.
        iface: String,
        /// The unit.
        unit: UnitId,
        /// What it does.
        role: Option<UnitRole>,
    },
    /// Another speaker of the cluster claims the address. Repeated while it does: see [`l2::Event::Rival`].
    Rival {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
        /// The other speaker.
        mac: Mac,
    },
    /// A station outside of the cluster claims the address. Repeated while it does: see [`l2::Event::Stranger`].
    Stranger {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
        /// The stranger.
        mac: Mac,
        /// What is done about it.
        response: Response,
    },
    /// The kernel answers ARP on these interfaces for what other nodes hold: see [`ipvs`](crate::kernel::ipvs).
    KernelAnswers(BTreeSet<String>),
    /// Whether there are keys to talk to the other speakers with. Until there are, nothing is announced.
    Keys(Knowledge),
    /// What is wrong with one of the keys; none: nothing any more.
    KeyFault(Option<KeysError>),
    /// The stranger claims the address no longer.
    StrangerGone {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// What is known of another node's speaker has changed.
    Member {
        /// Where.
        iface: String,
        /// The other node.
        node: NodeName,
        /// What it is now; none: nothing is known of it any more.
        status: Option<claim::Status>,
    },
    /// Another node holds a unit than before; none: nobody does.
    Moved {
        /// Where.
        iface: String,
        /// The unit.
        unit: UnitId,
        /// Its holder.
        holder: Option<NodeName>,
    },
    /// Whether this speaker only listens on the segment as yet, and answers for nothing there.
    Listening {
        /// Where.
        iface: String,
        /// Whether it does.
        listening: bool,
    },
    /// Other speakers are on the segment, and nothing that they say is heard. None: that is over.
    Unheard {
        /// Where.
        iface: String,
        /// Their nodes, as far as they are known; none of them while it cannot be told who they are.
        nodes: Option<BTreeSet<NodeName>>,
    },
    /// The interface is used no longer; what was known of its segment is worth nothing.
    Left {
        /// Which.
        iface: String,
    },
    /// Nothing is announced on the interface, because of this; it is tried again. Repeated at each failure.
    SocketFailed {
        /// Where.
        iface: String,
        /// What the operating system refused.
        error: SocketError,
    },
}

/// Why no interface of a node can announce an address; the last of these that is true of one is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoInterface {
    /// None has its subnet, or is one that an L2Advertisement names.
    NoSubnet,
    /// The one that would has no address, so that the speakers cannot agree there.
    Unaddressed {
        /// The interface.
        iface: String,
    },
    /// It is the first or the last address of a subnet of an interface, and thus no host's (RFC 1122 §3.2.1.3).
    NoHost {
        /// The subnet.
        subnet: IpNet,
    },
}

/// What other programs of the cluster may want to know of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// The subnets that it is in.
    pub subnets: BTreeSet<IpNet>,
    /// The addresses that the node itself has there.
    pub addresses: BTreeSet<IpAddr>,
    /// The default gateways that are reached through it.
    pub gateways: BTreeSet<IpAddr>,
}

/// What a node does for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRole {
    /// Whose traffic it is.
    pub duty: Duty,
    /// Why it came to be so, where that is known.
    pub why: Option<Why>,
    /// Since when it is.
    pub since: Timestamp,
}

/// For whom a node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// For itself.
    Holder,
    /// In place of the holder's speaker.
    Proxy,
}

/// Whether something that a speaker needs is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Knowledge {
    /// It is.
    #[default]
    There,
    /// It is waited for.
    Awaited,
}
