use model::{AddressRange, NodeName};

/// What a node has an address for, so that no Service can have it. The text completes "… is ".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Occupant {
    /// It is an `InternalIP` of the Node.
    #[error("the address of Node {0}")]
    Node(NodeName),
    /// The node's way out of its network goes there.
    #[error("the gateway of Node {0}")]
    Gateway(NodeName),
    /// It names the subnet itself (RFC 1122 §3.2.1.3; of IPv6 any router of the subnet, RFC 4291 §2.6.1).
    #[error("the network address of {subnet}, a subnet of Node {node}")]
    Network {
        /// The node.
        node: NodeName,
        /// Its subnet.
        subnet: AddressRange,
    },
    /// It means every host of the subnet (RFC 922 §7).
    #[error("the broadcast address of {subnet}, a subnet of Node {node}")]
    Broadcast {
        /// The node.
        node: NodeName,
        /// Its subnet.
        subnet: AddressRange,
    },
}
