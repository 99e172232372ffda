use std::net::IpAddr;

use crate::identity::{Node, mix};
use crate::{Strength, UnitId};

/// What a node says of a unit that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) kind: Kind,
    pub(crate) term: u32,
}

/// How a node holds a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Until anybody takes it.
    Leaving,
    /// Until somebody takes it who can hold it better (rule 16): the holder takes so many of its addresses.
    ForBetter {
        takes: u8,
    },
    /// Not held: the sender could take so many of its addresses, not all.
    Takes(u8),
    /// Until this one takes it, and firmly as far as everybody else is concerned. For so many seconds more the unit may
    /// be moved for balance (rule 13).
    Offered {
        to: Node,
        fresh: u8,
    },
    Weak,
    Strong,
}

impl Claim {
    pub(crate) fn strength(self) -> Strength {
        match self.kind {
            Kind::Leaving | Kind::ForBetter { .. } | Kind::Offered { .. } | Kind::Takes(_) => {
                Strength::Leaving
            }
            Kind::Weak => Strength::Weak,
            Kind::Strong => Strength::Strong,
        }
    }

    /// By what claims of different nodes are compared: the higher one wins.
    pub(crate) fn rank(self, node: Node) -> (Strength, u32, Node) {
        (self.strength(), self.term, node)
    }

    /// The claim's part in the digest of its set.
    pub(crate) fn digest(self, unit: UnitId) -> u64 {
        let (high, low) = match unit.0 {
            IpAddr::V4(address) => (4, u64::from(address.to_bits())),
            IpAddr::V6(address) => ((address.to_bits() >> 64) as u64, address.to_bits() as u64),
        };
        let kind = match self.kind {
            Kind::Leaving => 1,
            Kind::ForBetter { takes } => u64::from(takes) << 8 | 5,
            Kind::Takes(takes) => u64::from(takes) << 8 | 6,
            Kind::Weak => 2,
            Kind::Strong => 3,
            Kind::Offered { to, fresh } => mix(to.0) ^ u64::from(fresh) << 8 | 4,
        };
        mix(mix(mix(high) ^ low) ^ kind ^ u64::from(self.term) << 32)
    }
}
