use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::NodeName;

use crate::{BootId, Keys, Unit, UnitId};

/// What a segment's machine may be told.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram as it came from the socket. The driver has seen that its TTL or hop limit is 255.
    Datagram {
        /// Who sent it, as the header says. Of no consequence but for the family: the seal says who.
        source: IpAddr,
        /// All of it, sealed.
        octets: &'a [u8],
    },
    /// The interface's hardware address, and the node's own addresses on the segment.
    Interface {
        /// The hardware address.
        mac: [u8; 6],
        /// The node's own addresses; peers ask for the first [`MAX_ADDRESSES`](crate::MAX_ADDRESSES) of them when its
        /// speaker is silent.
        addresses: BTreeSet<IpAddr>,
    },
    /// Whether the interface has a carrier. It is taken to have one until told otherwise.
    Carrier(bool),
    /// All units of the segment, each time that they change; those whose candidates do not include this node as well.
    Units(Arc<BTreeMap<UnitId, Unit>>),
    /// All nodes that could be on this segment by the facts of the API, oneself included, each time that they change:
    /// what a majority is one of. Until it is told, nobody has a majority.
    Possible(BTreeSet<NodeName>),
    /// Other keys: rotation.
    Keys(Keys),
    /// Somebody answered an ARP request or a neighbour solicitation of ours: one that was asked by [`Transmit::Probe`], or
    /// the gateway or another host that was asked after [`Transmit::CountFrames`].
    ProbeAnswered {
        /// The address that was asked for.
        address: IpAddr,
        /// The hardware address that was given for it.
        mac: [u8; 6],
    },
    /// The speakers of all other nodes by the facts of the API, each time that they change.
    Speakers(BTreeMap<NodeName, KnownSpeaker>),
    /// An ARP packet or a neighbour discovery message came with this hardware address as its sender's: one of
    /// [`Input::Speakers`]. Once a second is enough.
    Neighbor {
        /// The hardware address.
        mac: [u8; 6],
    },
    /// The machines of the node's other announcing interfaces that have a carrier, each time that they change.
    Siblings {
        /// The index of this machine's interface. Of two on one LAN the lower one speaks.
        index: u32,
        /// The lives of the others, and the indices of their interfaces.
        others: BTreeMap<BootId, u32>,
    },
    /// A frame of that sibling's interface came in on this one: they are on one LAN. Its datagrams say so, too.
    Sibling {
        /// The sibling's life.
        boot: BootId,
    },
    /// How many frames the interface has received so far: the answer to [`Transmit::CountFrames`].
    FramesReceived(u64),
    /// An ARP packet or a neighbour advertisement for an address of a unit, held here or not, came with this hardware address
    /// in it: unasked, or in answer to others.
    Rival {
        /// The address.
        address: IpAddr,
        /// Who says that it has it.
        mac: [u8; 6],
    },
    /// Whether this node's own datapath is ready. It is taken to be until told otherwise. A node whose is not gives what it
    /// holds to one whose is, and keeps it where there is none.
    Able(bool),
    /// Whether this node should rather not hold anything: cordon, taint. It gives away what another can hold as well.
    Drain(bool),
    /// Whether the facts of the API are up to date: its watches have delivered lately. They are taken to be until told
    /// otherwise.
    Fresh(bool),
    /// The speaker is about to end.
    Shutdown(Shutdown),
}

/// What the API says of another node's speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSpeaker {
    /// The hardware addresses of all its announcing interfaces.
    pub macs: BTreeSet<[u8; 6]>,
    /// The node's own addresses that are in a subnet of this interface.
    pub addresses: BTreeSet<IpAddr>,
}

/// How a speaker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It is about to be replaced by another one on this node. The machine says so to the others, goes on answering, and
    /// does nothing else any more; the driver drains it and ends.
    Restart,
    /// It ends for good: it gives everything away, and goes on answering for what nobody takes for
    /// [`Settings::hand_over`](crate::Settings) at most. The driver ends when nothing is held any more.
    HandOver,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Send this to UDP port [`PORT`](crate::PORT) of [`GROUP_V4`](crate::GROUP_V4) and
    /// [`GROUP_V6`](crate::GROUP_V6) of the interface, whichever it has addresses of, with TTL and hop limit 255.
    Datagram(Vec<u8>),
    /// Ask once, by ARP or neighbour solicitation, whether this address answers ([`Input::ProbeAnswered`]).
    Probe {
        /// A peer's own address on the segment, or an address of a unit, which may be held here, too.
        address: IpAddr,
        /// The hardware address to which the question goes; broadcast without one.
        mac: Option<[u8; 6]>,
    },
    /// Tell how many frames the interface has received ([`Input::FramesReceived`]), and ask the default gateway and the
    /// last hosts seen whether they answer, so that there is something to receive.
    CountFrames,
}
