//! `L2Advertisement`: which addresses are announced by ARP and NDP, from which nodes and interfaces.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which addresses are announced, and from where. Every list that is left out means all; an empty spec announces the
/// addresses of every pool from any node on all its interfaces.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "L2Advertisement",
    plural = "l2advertisements",
    shortname = "l2adv",
    category = "herald",
    status = "L2AdvertisementStatus",
    derive = "PartialEq",
    doc = "An L2Advertisement makes addresses answer on the local network: one node at a time answers ARP (IPv4) and neighbour \
           discovery (IPv6) for each of them.",
    printcolumn(name = "IP-Pools", type_ = "string", json_path = ".spec.ipPools"),
    printcolumn(
        name = "IP-Pool-Selectors",
        type_ = "string",
        json_path = ".spec.ipPoolSelectors",
        priority = 1
    ),
    printcolumn(
        name = "Node-Selectors",
        type_ = "string",
        json_path = ".spec.nodeSelectors",
        priority = 1
    ),
    printcolumn(
        name = "Service-Selectors",
        type_ = "string",
        json_path = ".spec.serviceSelectors",
        priority = 1
    ),
    printcolumn(name = "Interfaces", type_ = "string", json_path = ".spec.interfaces"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct L2AdvertisementSpec {
    /// Pools whose addresses are announced, by name, such as ["office"]. Together with ipPoolSelectors: a pool that either
    /// of them names is announced. A name without a pool matches nothing until the pool is created. Default: empty; if both
    /// are empty, all pools are announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::pools")]
    pub ip_pools: Vec<String>,

    /// Pools whose addresses are announced, by the pool's labels, such as [{matchLabels: {network: office}}]. A pool is
    /// announced when one of the selectors matches it. Default: empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub ip_pool_selectors: Vec<LabelSelector>,

    /// Nodes that may announce, by the node's labels, such as [{matchLabels: {rack: a}}]. One of the selectors must match.
    /// Default: empty, all nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub node_selectors: Vec<LabelSelector>,

    /// Network interfaces to announce on, by the name that "ip link" shows on the node, such as ["eth0", "bond0"]. Default:
    /// empty, all interfaces but those that the speaker leaves out on every node (loopback, container and overlay
    /// interfaces).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::interfaces")]
    pub interfaces: Vec<String>,

    /// Services whose addresses are announced, by the Service's labels, such as [{matchLabels: {expose: lan}}]. One of the
    /// selectors must match. Default: empty, all Services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub service_selectors: Vec<LabelSelector>,

    /// What a node does about a host outside of the cluster that has one of the addresses too. Defend, the default: it goes on
    /// and announces the address against that host, at most once in ten seconds. Yield: it falls silent until that host is
    /// gone. Either way the Service says which host it is. Where several advertisements match, Yield wins.
    #[serde(default)]
    #[schemars(schema_with = "schema::conflict_policy")]
    pub conflict_policy: ConflictPolicy,

    /// Preferences among the nodes that may announce. A node gains the weight of every entry that matches it, and the node
    /// with the highest sum announces. Default: empty, no node is preferred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub preferred_node_selectors: Vec<PreferredNodeSelector>,
}

/// What is done about a host outside of the cluster that has an address too (RFC 5227 §2.4).
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Go on, and announce the address against that host.
    #[default]
    Defend,
    /// Fall silent until that host is gone.
    Yield,
}

/// Nodes that are preferred, and how strongly.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PreferredNodeSelector {
    /// What a matching node gains, from 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,

    /// The nodes that gain the weight, by their labels, such as {matchLabels: {uplink: fast}}. An empty selector, {}, matches
    /// every node.
    #[schemars(schema_with = "schema::selector")]
    pub preference: LabelSelector,
}

/// Whether the advertisement is in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct L2AdvertisementStatus {
    /// Whether Herald works with this object. Accepted is True when the advertisement is in force, else False with a reason
    /// and a message that says what to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
