use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::NodeName;

use crate::{Keys, Unit, UnitId};

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
    /// Somebody answered an ARP request or a neighbour solicitation of ours for its own address: a peer that was asked
    /// by [`Transmit::Probe`], or the gateway or another host that was asked after [`Transmit::CountFrames`].
    ProbeAnswered {
        /// The address that was asked for.
        address: IpAddr,
    },
    /// How many frames the interface has received so far: the answer to [`Transmit::CountFrames`].
    FramesReceived(u64),
    /// An ARP packet or a neighbour advertisement for an address held here came with this hardware address in it.
    Rival {
        /// The address.
        address: IpAddr,
        /// Who says that it has it.
        mac: [u8; 6],
    },
    /// Whether this node's own datapath is ready. It is taken to be until told otherwise.
    Able(bool),
    /// Whether this node is to give away what it holds: cordon, taint, removal of the speaker.
    Drain(bool),
    /// The speaker is about to be replaced by another one on this node. The machine says so to the others, goes on
    /// answering, and does nothing else any more; the driver drains it and ends.
    Restart,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Send this to UDP port [`PORT`](crate::PORT) of [`GROUP_V4`](crate::GROUP_V4) and
    /// [`GROUP_V6`](crate::GROUP_V6) of the interface, whichever it has addresses of, with TTL and hop limit 255.
    Datagram(Vec<u8>),
    /// Ask once, by ARP or neighbour solicitation, whether this address answers. Nobody awaits the answer.
    Probe {
        /// A peer's own address on the segment.
        address: IpAddr,
        /// The peer's hardware address, to which the question goes; broadcast without one.
        mac: Option<[u8; 6]>,
    },
    /// Tell how many frames the interface has received ([`Input::FramesReceived`]), and ask the default gateway and the
    /// last hosts seen whether they answer, so that there is something to receive.
    CountFrames,
}
