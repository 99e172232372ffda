use model::NodeName;

use crate::{Status, UnitId};

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node answers for the unit from now on.
    Hold {
        /// The unit.
        unit: UnitId,
        /// Why.
        why: Why,
    },
    /// This node answers for the unit no longer, neither for itself nor for another.
    Release {
        /// The unit.
        unit: UnitId,
        /// Why.
        why: Why,
    },
    /// This node answers for the unit with the hardware address of its holder, whose speaker is away.
    Surrogate {
        /// The unit.
        unit: UnitId,
        /// The holder's hardware address.
        mac: [u8; 6],
    },
    /// Whether this node may announce what it holds. While it may not, it answers questions and says nothing unasked,
    /// refreshes included: it may be deaf.
    Quiet(bool),
    /// What is known of another node's speaker has changed; `None`: nothing was or is known of it.
    Member {
        /// The other node.
        node: NodeName,
        /// Before.
        from: Option<Status>,
        /// Now.
        to: Option<Status>,
    },
    /// Another node holds the unit than before, as far as this node knows. `None`: nobody does.
    Moved {
        /// The unit.
        unit: UnitId,
        /// Its holder.
        holder: Option<NodeName>,
    },
    /// Two speakers bear this name at once; one of them is not listened to. If it is this node's own name, this speaker
    /// may have fallen silent because of it.
    DuplicateNode {
        /// The name.
        node: NodeName,
    },
    /// Another node's speaker, which is not heard, answers for a unit that this node goes on answering for: it is to
    /// announce it again, so that the other one stops.
    Defend {
        /// The unit.
        unit: UnitId,
    },
    /// Whether other speakers are there and none of their beacons is heard: see [`Segment::unheard`](crate::Segment).
    Unheard(bool),
    /// Whether another interface of this node is on the same LAN and does the work: this one neither speaks nor answers.
    SecondInterface(bool),
    /// Datagrams arrive under a key that is not known here: the nodes do not have the same keys. Said once a minute at
    /// most.
    UnknownKey,
}

/// Why this node began or stopped answering for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nobody held it.
    Vacant,
    /// Its holder is dead.
    HolderDead,
    /// Its holder has not heard from the API lately, and must not have it by newer facts.
    Stale,
    /// Its holder wanted to give it away; or this node gave it away, and another has taken it.
    HandedOver,
    /// Nobody took it in time, and this node must not go on.
    GivenUp,
    /// It was this node's before a restart, a pause, or a loss of carrier, and is again.
    Resumed,
    /// It is part of a unit that this node held under another name.
    Renamed,
    /// Another node's claim is higher.
    Outranked,
    /// Another node announced it; this node waits for that node's claim.
    Rival,
    /// That claim did not come, or was lower.
    RivalGone,
    /// Another node, whose speaker is not heard, answers for it, too, and comes before this one.
    Arp,
    /// It is gone, or nobody may hold it any more.
    Gone,
    /// This node did not run for a while, or had no carrier, and listens again.
    Fenced,
    /// Its holder's speaker is back, or another node holds it.
    HolderBack,
    /// The speaker ends.
    Restart,
}
