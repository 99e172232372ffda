use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use model::NodeName;

use crate::Addresses;

/// The name of a unit: the lowest of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub IpAddr);

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Addresses that Services tie together, and the nodes that may hold them. One node holds all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The addresses; the lowest is the unit's name.
    pub addresses: Addresses,
    /// The nodes that the facts of the API allow, each with its preference: the highest wins. Most units have the same
    /// ones, and are best given one map.
    pub candidates: Arc<BTreeMap<NodeName, u32>>,
    /// Those of the candidates whose endpoints all terminate: another is better (rule 16).
    pub terminating: Arc<BTreeSet<NodeName>>,
    /// Which of the addresses this node's interface can answer for.
    pub takes: Takes,
    /// Whether this node can serve the unit by now.
    pub serving: Serving,
}

/// Which of a unit's addresses a node's interface can answer for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// All of them.
    #[default]
    All,
    /// These alone.
    Part(Addresses),
    /// None of them: the subnet is not there, or the interface is not meant.
    None,
}

/// Whether a node that may hold a unit can serve it by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serving {
    /// It can.
    #[default]
    Yes,
    /// Its own datapath does not know the unit's endpoints yet. Ignored after [`Settings::serving`](crate::Settings).
    NotYet,
}

/// How firm a claim is. The order is that in which claims beat each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The holder answers, and wants to be relieved.
    Leaving,
    /// Taken by a node that had yet to see that it is on the side of the majority.
    Weak,
    /// Confirmed by a majority.
    Strong,
}

/// What a node does for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It answers with its own hardware address.
    Holder,
    /// It answers for a node whose speaker is away, with the hardware address of that node.
    Surrogate {
        /// Where the traffic goes: the holder's hardware address.
        mac: [u8; 6],
    },
}

/// Who holds a unit, as far as this node knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The holder.
    pub node: NodeName,
    /// How firm its claim is.
    pub strength: Strength,
    /// How often the unit changed hands.
    pub term: u32,
}
