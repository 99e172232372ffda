//! What a Node says that decides about announcing (parity.md 1.9).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use announce::Node;
use ipam::Occupant;
use ipnet::IpNet;
use k8s_openapi::api::core::v1;
use model::{AddressRange, Family, Labels, NodeName};

use crate::peer::NodeValues;

/// The taint that asks a node to hand over what it holds, whatever its value and effect.
pub const DRAIN_TAINT: &str = "heraldlb.io/drain";

/// The annotation on a Node that makes a cordon ask for the same: `"true"`.
pub const DRAIN_ON_CORDON: &str = "heraldlb.io/drain-on-cordon";

/// Taints of others that say that the node is about to go.
const LEAVING_TAINTS: [&str; 2] = [
    "ToBeDeletedByClusterAutoscaler",
    "node.kubernetes.io/out-of-service",
];

/// The label that keeps a node from announcing, whatever its value.
pub const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Reads a Node. With `ignore_exclude_label` the label [`EXCLUDE_LABEL`] does not count (P-L2-10).
pub fn node(object: &v1::Node, ignore_exclude_label: bool) -> (NodeName, Node) {
    let labels = Labels::from(object.metadata.labels.clone().unwrap_or_default());
    let conditions = object
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let holds = |kind: &str| {
        conditions
            .clone()
            .any(|condition| condition.type_ == kind && condition.status == "True")
    };
    let node = Node {
        excluded: !ignore_exclude_label && labels.contains_key(EXCLUDE_LABEL),
        network_unavailable: holds("NetworkUnavailable"),
        ready: holds("Ready"),
        labels,
    };
    (NodeName(object.metadata.name.clone().unwrap_or_default()), node)
}

/// Leaves of a Node what is read of it: its images and what its kubelet measures are most of it.
pub fn slim(object: &mut v1::Node) {
    object.metadata.managed_fields = None;
    object.status = object.status.take().map(|status| v1::NodeStatus {
        addresses: status.addresses,
        conditions: status.conditions,
        ..v1::NodeStatus::default()
    });
}

/// The addresses of the node inside the cluster, in their order.
pub fn addresses(object: &v1::Node) -> Vec<IpAddr> {
    let status = object.status.iter();
    let all = status.flat_map(|status| status.addresses.iter().flatten());
    all.filter(|address| address.type_ == "InternalIP")
        .filter_map(|address| address.address.parse().ok())
        .collect()
}

/// What is known of a node's place in the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeNetwork {
    /// Its addresses inside the cluster: [`addresses`].
    pub addresses: Vec<IpAddr>,
    /// The subnets of its interfaces, as far as its speaker says so.
    pub subnets: Vec<IpNet>,
    /// The routers that its default routes go by, as far as its speaker says so.
    pub gateways: Vec<IpAddr>,
}

/// The addresses that nodes have, as `ipam` takes them: no Service can have one of these. Of two reasons for one address the
/// first counts in this order: a node's own, a gateway, a network, a broadcast address; of two nodes the first by name.
pub fn occupied<'a>(
    nodes: impl IntoIterator<Item = (&'a NodeName, &'a NodeNetwork)>,
) -> BTreeMap<IpAddr, Occupant> {
    let nodes: Vec<_> = nodes.into_iter().collect();
    let own = nodes.iter().flat_map(|(name, node)| {
        let occupant = Occupant::Node((*name).clone());
        node.addresses
            .iter()
            .map(move |&address| (address, occupant.clone()))
    });
    let gateways = nodes.iter().flat_map(|(name, node)| {
        let occupant = Occupant::Gateway((*name).clone());
        node.gateways
            .iter()
            .map(move |&address| (address, occupant.clone()))
    });
    let ends = nodes
        .iter()
        .flat_map(|(name, node)| node.subnets.iter().flat_map(|&subnet| ends(name, subnet)));
    let mut occupied = BTreeMap::new();
    let mut all: Vec<_> = own.chain(gateways).chain(ends).collect();
    all.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (address, occupant) in all {
        occupied.entry(address).or_insert(occupant);
    }
    occupied
}

/// The network and the broadcast address of a subnet. One of two addresses or of one has neither (RFC 3021, RFC 6164), and IPv6
/// knows no broadcast.
fn ends(node: &NodeName, subnet: IpNet) -> Vec<(IpAddr, Occupant)> {
    let range = AddressRange::new(subnet.network(), subnet.broadcast());
    let Some(range) = range
        .ok()
        .filter(|_| subnet.prefix_len() + 1 < subnet.max_prefix_len())
    else {
        return Vec::new();
    };
    let (node, subnet) = (node.clone(), range);
    let network = Occupant::Network {
        node: node.clone(),
        subnet,
    };
    let broadcast = (Family::of(range.first()) == Family::V4)
        .then(|| (range.last(), Occupant::Broadcast { node, subnet }));
    [(range.first(), network)].into_iter().chain(broadcast).collect()
}

/// The node's BGP identifier where a peer does not say it (P-BGP-35): its IPv4 address, else a number made of its name, which
/// differs from node to node as far as 32 bits allow, and looks like the address of a machine.
pub fn identifier(object: &v1::Node) -> Ipv4Addr {
    let v4 = addresses(object).into_iter().find_map(|address| match address {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    });
    v4.unwrap_or_else(|| {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        // FNV-1a.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        unicast(hash)
    })
}

/// The number as an address that one machine could have: some routers take no identifier that is none, though RFC 6286 permits any
/// but 0.
fn unicast(number: u32) -> Ipv4Addr {
    let [first, rest @ ..] = number.to_be_bytes();
    // 1 to 223, and not 127.
    let first = 1 + first % 222;
    let first = if first < 127 { first } else { first + 1 };
    let [second, third, fourth] = rest;
    Ipv4Addr::new(first, second, third, fourth)
}

/// What sessions with peers take from the node.
pub fn values(object: &v1::Node) -> NodeValues {
    let metadata = &object.metadata;
    NodeValues {
        labels: Labels::from(metadata.labels.clone().unwrap_or_default()),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        identifier: identifier(object),
    }
}

/// Whether the node is to hand over every address that it holds: it is tainted for that, is about to go, or is cordoned
/// where a cordon means that (the annotation, or `on_cordon` for every node).
pub fn drains(object: &v1::Node, on_cordon: bool) -> bool {
    let spec = object.spec.as_ref();
    let mut taints = spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let tainted =
        taints.any(|taint| taint.key == DRAIN_TAINT || LEAVING_TAINTS.contains(&taint.key.as_str()));
    let annotations = object.metadata.annotations.as_ref();
    let says_so = annotations
        .and_then(|all| all.get(DRAIN_ON_CORDON))
        .is_some_and(|word| word == "true");
    let cordoned = spec.and_then(|spec| spec.unschedulable).unwrap_or_default();
    let leaves = tainted || object.metadata.deletion_timestamp.is_some() || is_shutting_down(object);
    leaves || cordoned && (says_so || on_cordon)
}

/// Whether the kubelet says that the machine is about to stop: it ends pods only after that (graceful node shutdown, F39).
fn is_shutting_down(object: &v1::Node) -> bool {
    let status = object.status.as_ref();
    let mut conditions = status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let says_so = |message: &String| message.contains("node is shutting down");
    conditions.any(|condition| {
        condition.type_ == "Ready"
            && condition.status == "False"
            && condition.message.as_ref().is_some_and(says_so)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(object: serde_json::Value, ignore: bool) -> Node {
        node(&serde_json::from_value(object).unwrap(), ignore).1
    }

    #[test]
    fn what_nodes_have_is_told_with_the_reason() {
        let node = |addresses: &[&str], subnets: &[&str], gateways: &[&str]| NodeNetwork {
            addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
            subnets: subnets.iter().map(|one| one.parse().unwrap()).collect(),
            gateways: gateways.iter().map(|one| one.parse().unwrap()).collect(),
        };
        let one = node(
            &["192.168.1.11"],
            &["192.168.1.11/24", "2001:db8::11/64", "10.0.0.0/31"],
            &["192.168.1.1"],
        );
        let two = node(
            &["192.168.1.12", "192.168.1.1"],
            &["192.168.1.12/24", "203.0.113.9/32"],
            &[],
        );
        let names = ["n1", "n2"].map(|name| NodeName(name.to_owned()));
        let told = occupied(names.iter().zip([&one, &two]));
        let told: Vec<_> = told
            .iter()
            .map(|(address, occupant)| format!("{address} is {occupant}"))
            .collect();
        assert_eq!(
            told,
            [
                "192.168.1.0 is the network address of 192.168.1.0/24, a subnet of Node n1",
                "192.168.1.1 is the address of Node n2",
                "192.168.1.11 is the address of Node n1",
                "192.168.1.12 is the address of Node n2",
                "192.168.1.255 is the broadcast address of 192.168.1.0/24, a subnet of Node n1",
                "2001:db8:: is the network address of 2001:db8::/64, a subnet of Node n1",
            ]
        );
    }

    /// P-L2-8, P-L2-9, P-L2-10
    #[test]
    fn conditions_and_the_exclusion_label_are_read() {
        let object = json!({
            "metadata": {"name": "n1", "labels": {EXCLUDE_LABEL: ""}},
            "status": {"conditions": [
                {"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": "False"},
            ]},
        });
        let seen = read(object.clone(), false);
        assert!(seen.ready && seen.excluded && !seen.network_unavailable);
        assert!(!read(object, true).excluded);
    }

    /// F39
    #[test]
    fn a_taint_a_deletion_and_a_cordon_that_says_so_drain_a_node() {
        let drained = |object: serde_json::Value, on_cordon| {
            drains(&serde_json::from_value(object).unwrap(), on_cordon)
        };
        let tainted = |key: &str| json!({"metadata": {"name": "n1"}, "spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
        assert!(drained(tainted(DRAIN_TAINT), false));
        assert!(drained(tainted("node.kubernetes.io/out-of-service"), false));
        assert!(!drained(tainted("node.kubernetes.io/unschedulable"), false));
        let cordoned = |annotations: serde_json::Value| json!({"metadata": {"name": "n1", "annotations": annotations}, "spec": {"unschedulable": true}});
        assert!(!drained(cordoned(json!({})), false));
        assert!(drained(cordoned(json!({})), true));
        assert!(drained(cordoned(json!({DRAIN_ON_CORDON: "true"})), false));
        assert!(!drained(
            json!({"metadata": {"name": "n1", "annotations": {DRAIN_ON_CORDON: "true"}}}),
            true
        ));
        assert!(drained(
            json!({"metadata": {"name": "n1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
            false
        ));
    }

    /// P-CFG-43
    #[test]
    fn a_heartbeat_and_whatever_else_a_kubelet_reports_change_no_fact() {
        let report = |heartbeat: &str, version: &str, free: &str| {
            let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastHeartbeatTime": heartbeat, "lastTransitionTime": null});
            let object = json!({
                "metadata": {"name": "n1", "labels": {"rack": "a"}, "resourceVersion": version},
                "status": {
                    "conditions": [condition("Ready", "True"), condition("DiskPressure", free)],
                    "allocatable": {"memory": free},
                },
            });
            read(object, false)
        };
        let before = report("2026-01-01T00:00:00Z", "7", "False");
        assert_eq!(report("2026-01-01T00:00:10Z", "8", "True"), before);
    }

    /// P-BGP-35
    #[test]
    fn a_node_is_identified_by_its_ipv4_address_or_else_by_its_name() {
        let identified = |name: &str, addresses: &[(&str, &str)]| {
            let addresses: Vec<_> = addresses
                .iter()
                .map(|(kind, address)| json!({"type": kind, "address": address}))
                .collect();
            let object = json!({"metadata": {"name": name}, "status": {"addresses": addresses}});
            identifier(&serde_json::from_value(object).unwrap())
        };
        let dual = [
            ("Hostname", "n1"),
            ("ExternalIP", "203.0.113.1"),
            ("InternalIP", "2001:db8::1"),
            ("InternalIP", "192.0.2.1"),
        ];
        assert_eq!(identified("n1", &dual), Ipv4Addr::new(192, 0, 2, 1));
        let one = identified("n1", &dual[..3]);
        assert_eq!(one, identified("n1", &[]));
        assert!(one != identified("n2", &[]) && !one.is_unspecified());
    }

    /// P-BGP-35
    #[test]
    fn an_identifier_made_of_a_name_is_one_that_every_router_takes() {
        for number in (0..=u32::MAX).step_by(65_521) {
            let made = unicast(number);
            let is_one = !made.is_multicast() && !made.is_loopback() && !made.is_broadcast();
            assert!(
                is_one && made.octets()[0] != 0 && made.octets()[0] < 224,
                "{made}"
            );
        }
        assert_ne!(unicast(1), unicast(2));
    }

    #[test]
    fn what_is_dropped_of_a_node_is_nothing_that_is_read() {
        let object: v1::Node = serde_json::from_value(json!({
            "metadata": {"name": "n1", "uid": "7", "labels": {"rack": "a"}, "annotations": {DRAIN_ON_CORDON: "true"}, "managedFields": [{"manager": "kubelet"}]},
            "spec": {"unschedulable": true, "taints": [{"key": "x", "effect": "NoSchedule"}]},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
                "images": [{"names": ["registry.example.com/web:1"], "sizeBytes": 7}],
                "capacity": {"memory": "8Gi"},
            },
        }))
        .unwrap();
        let mut slim = object.clone();
        super::slim(&mut slim);
        assert_eq!(node(&slim, false), node(&object, false));
        assert_eq!(
            (addresses(&slim), identifier(&slim)),
            (addresses(&object), identifier(&object))
        );
        assert!(drains(&slim, false) && drains(&object, false));
        assert_eq!(slim.metadata.uid, object.metadata.uid);
        let length = |object: &v1::Node| serde_json::to_string(object).unwrap().len();
        assert!(
            length(&slim) + 100 < length(&object),
            "{} {}",
            length(&slim),
            length(&object)
        );
    }

    #[test]
    fn a_node_that_says_nothing_is_not_ready() {
        assert_eq!(read(json!({"metadata": {"name": "n1"}}), false), Node::default());
    }
}
