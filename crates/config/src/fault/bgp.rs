use std::net::IpAddr;

use ::bgp::CommunityError;
use ipnet::IpNet;
use model::{AddressRange, PeerName, PoolName};

/// What is wrong with a BGPPeer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// A number that no AS can have.
    #[error(
        "{field} is {value}, which is no AS number that a router can have: write 1 to 4294967295, and not 23456"
    )]
    NotAnAsn {
        /// The field.
        field: &'static str,
        /// What was written.
        value: u32,
    },
    /// Neither or both of the fields for our own AS number.
    #[error("write either myASN, our own AS number, or myASNFrom, where each node says it")]
    MyAsn,
    /// Neither or both of the places where a node may say something.
    #[error("{0}: write either label or annotation, the key under which the node says it")]
    NodeKey(&'static str),
    /// No label or annotation can have this key.
    #[error(
        "{field}: {text:?} is not a label key: write \"name\" or \"prefix/name\", such as \"example.com/asn\""
    )]
    NotAKey {
        /// The field.
        field: &'static str,
        /// What was written.
        text: String,
    },
    /// Two fields for one thing.
    #[error("write either {0} or {1}, where each node says it")]
    Twice(&'static str, &'static str),
    /// Neither or both of the fields for the router's AS number.
    #[error("write either peerASN, the router's AS number, or dynamicASN, internal or external")]
    PeerAsn,
    /// Neither or both of the fields for where the router is.
    #[error(
        "write either peerAddress, the router's address, or interface, the interface that it is on, or peerAddressFrom, where each node \
         says its address"
    )]
    Remote,
    /// A text that is no address.
    #[error("{field}: {text:?} is not an IP address: write one such as 192.168.1.1 or 2001:db8::1")]
    NotAnAddress {
        /// The field.
        field: &'static str,
        /// What was written.
        text: String,
    },
    /// An address that no machine has.
    #[error(
        "{field}: {address} is not the address of a machine: write one such as 192.168.1.1 or 2001:db8::1"
    )]
    NotAMachine {
        /// The field.
        field: &'static str,
        /// The address.
        address: IpAddr,
    },
    /// An address that is another machine on each link.
    #[error(
        "peerAddress: {0} is a link-local address, which is another machine on each link: write the interface that the router is \
         on instead of peerAddress"
    )]
    LinkLocal(IpAddr),
    /// The two ends are of different families.
    #[error(
        "sourceAddress {source_address} and peerAddress {remote} are of different families: write two IPv4 or two IPv6 addresses"
    )]
    SourceFamily {
        /// Our end.
        source_address: IpAddr,
        /// The router's, or its family.
        remote: String,
    },
    /// A source address for a session over an interface.
    #[error(
        "sourceAddress goes with peerAddress: a session over an interface uses its link-local address; remove sourceAddress"
    )]
    SourceOnInterface,
    /// A text that is no BGP identifier.
    #[error("routerID: {0:?} is no router ID: write it as an IPv4 address, such as 10.0.0.1")]
    RouterId(String),
    /// A text that is no duration.
    #[error("{field}: {text:?} is no duration: write a number with a unit, such as 90s or 1m30s")]
    NotADuration {
        /// The field.
        field: &'static str,
        /// What was written.
        text: String,
    },
    /// A duration that is not possible.
    #[error("{field}: {text:?} is not possible: {advice}")]
    Duration {
        /// The field.
        field: &'static str,
        /// What was written.
        text: String,
        /// What to write.
        advice: &'static str,
    },
    /// Keepalives would come too late.
    #[error("keepaliveTime {keepalive} is above holdTime {hold}: write a third of it, or leave it out")]
    KeepaliveAboveHold {
        /// As it was written.
        keepalive: String,
        /// As it was written.
        hold: String,
    },
    /// No keepalives would come at all.
    #[error(
        "without keepalives the session would end after holdTime {0}: leave out keepaliveTime, or write 0s for both"
    )]
    NoKeepalives(String),
    /// `ebgpMultiHop` for a router of our own AS.
    #[error(
        "ebgpMultiHop is for routers of another AS: one of our own may always be more than one hop away; remove ebgpMultiHop"
    )]
    MultiHopInternal,
    /// `ebgpMultiHop` for a router on an interface.
    #[error("a router on an interface is one hop away: remove ebgpMultiHop")]
    MultiHopOnInterface,
    /// `ebgpMultiHop` and `ttlSecurity`.
    #[error(
        "ttlSecurity takes only what no router has forwarded, and ebgpMultiHop says that one does: remove one of the two"
    )]
    MultiHopTtlSecurity,
    /// An entry of `acceptRoutes` is no prefix.
    #[error(
        "acceptRoutes[{index}].prefix: {text:?} is no CIDR: write one such as 0.0.0.0/0 or 2001:db8::/32"
    )]
    NotAPrefix {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        text: String,
    },
    /// An entry of `acceptRoutes` could mean an address or a prefix.
    #[error("acceptRoutes[{index}].prefix: {text:?} has bits set behind its length: write {prefix}")]
    HostBits {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        text: String,
        /// The prefix around it.
        prefix: IpNet,
    },
    /// No route can be inside of the prefix and have this length.
    #[error(
        "acceptRoutes[{index}].maxLength is {value}: write {shortest} to {longest}, or leave it out to accept {prefix} alone",
        shortest = .prefix.prefix_len()
    )]
    MaxLength {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        value: i32,
        /// The entry's.
        prefix: IpNet,
        /// The longest that there is.
        longest: u8,
    },
    /// `acceptRoutes` and `vrf`.
    #[error("routes are accepted into the main routing table only: remove acceptRoutes or vrf")]
    AcceptInVrf,
    /// Another peer is the same router to some node (P-CFG-15, -26).
    #[error(
        "BGPPeer {other} is {remote}{} too, and some node is to have a session with both: let nodeSelectors select different nodes, or \
         delete one of the two",
        in_vrf(.vrf.as_ref())
    )]
    Same {
        /// Where both are.
        remote: String,
        /// In which VRF.
        vrf: Option<String>,
        /// The other one, which is in force.
        other: PeerName,
    },
}

impl PeerFault {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Same { .. } => "Conflict",
            Self::NotAnAsn { .. }
            | Self::MyAsn
            | Self::NodeKey(_)
            | Self::NotAKey { .. }
            | Self::Twice(..)
            | Self::PeerAsn
            | Self::Remote
            | Self::NotAnAddress { .. }
            | Self::NotAMachine { .. }
            | Self::LinkLocal(_)
            | Self::SourceFamily { .. }
            | Self::SourceOnInterface
            | Self::RouterId(_)
            | Self::NotADuration { .. }
            | Self::Duration { .. }
            | Self::KeepaliveAboveHold { .. }
            | Self::NoKeepalives(_)
            | Self::MultiHopInternal
            | Self::MultiHopOnInterface
            | Self::MultiHopTtlSecurity
            | Self::NotAPrefix { .. }
            | Self::HostBits { .. }
            | Self::MaxLength { .. }
            | Self::AcceptInVrf => "Invalid",
        }
    }
}

/// What is wrong with a BGPAdvertisement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BgpAdvertisementFault {
    /// An entry of `communities` looks like one and is none.
    #[error("communities[{index}]: {source}")]
    Community {
        /// Which entry, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: CommunityError,
    },
    /// An entry of `communities` is a name that no Community has (P-CFG-37).
    #[error(
        "communities[{index}]: no Community has the name {name:?}: create one that has, or write the community itself"
    )]
    UnknownName {
        /// Which entry, counted from 0.
        index: usize,
        /// The name.
        name: String,
    },
    /// Aggregates would let in Services that are not selected.
    #[error(
        "serviceSelectors needs each address announced by itself, and aggregationLength is {length_v4}, aggregationLengthV6 is \
         {length_v6}: write 32 and 128, or leave out serviceSelectors"
    )]
    AggregatedServices {
        /// As it is.
        length_v4: i32,
        /// As it is.
        length_v6: i32,
    },
    /// An aggregate would be wider than what a pool has.
    #[error(
        "{field} is {length}, and {range} of IPPool {pool} has no prefix that short: write {shortest} or more{}, or leave the pool out",
        whole(*.around)
    )]
    Aggregation {
        /// The field.
        field: &'static str,
        /// As it is.
        length: u8,
        /// The entry of the pool.
        range: AddressRange,
        /// The pool.
        pool: PoolName,
        /// The shortest prefix of the entry.
        shortest: u8,
        /// The prefix of which the entry lacks the first and the last address alone.
        around: Option<IpNet>,
    },
    /// Another advertisement makes the same routes with other attributes (P-CFG-11).
    #[error(
        "{attribute} differs from that of BGPAdvertisement {other}, which announces the same prefixes of IPPool {pool} from the same nodes \
         to the same peers: write the same in both, or let their pools, peers, nodes or aggregation lengths differ"
    )]
    Conflict {
        /// The field.
        attribute: &'static str,
        /// A pool of both.
        pool: PoolName,
        /// The other one, which is in force.
        other: String,
    },
}

impl BgpAdvertisementFault {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "Conflict",
            Self::UnknownName { .. } => "MissingReference",
            Self::Community { .. } | Self::AggregatedServices { .. } | Self::Aggregation { .. } => "Invalid",
        }
    }
}

/// What is wrong with a Community.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommunityFault {
    /// A name that could be taken for a community, or that nobody can write.
    #[error(
        "communities[{index}]: {name:?} cannot be the name of a community: write letters, digits, \"-\", \"_\" and \".\", and not \
         digits alone"
    )]
    Name {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        name: String,
    },
    /// What a name stands for is no community.
    #[error("communities[{index}]: {source}")]
    Value {
        /// Which entry, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: CommunityError,
    },
    /// Another Community has the name.
    #[error(
        "communities[{index}]: Community {other} has the name {name:?} too: remove it from one of the two"
    )]
    Taken {
        /// Which entry, counted from 0.
        index: usize,
        /// The name.
        name: String,
        /// The Community that has it and keeps it.
        other: String,
    },
}

impl CommunityFault {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "Conflict",
            Self::Name { .. } | Self::Value { .. } => "Invalid",
        }
    }
}

fn whole(around: Option<IpNet>) -> String {
    around.map_or_else(String::new, |around| {
        format!(", or {around} into the pool, with avoidBuggyIPs if its first and last address are not to be given out")
    })
}

fn in_vrf(vrf: Option<&String>) -> String {
    vrf.map_or_else(String::new, |vrf| format!(" in VRF {vrf}"))
}
