//! `BGPAdvertisement`: which addresses are announced by BGP, from which nodes, to which peers, and with what attributes.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which addresses are announced, from where, to whom and how. Every list that is left out means all; an empty spec announces the
/// addresses of every pool from every node to every BGPPeer, each by itself.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "BGPAdvertisement",
    plural = "bgpadvertisements",
    shortname = "bgpadv",
    category = "herald",
    status = "BGPAdvertisementStatus",
    derive = "PartialEq",
    doc = "A BGPAdvertisement announces addresses to routers: every node that may, announces them to every BGPPeer that it has a \
           session with, and routers spread the traffic over those nodes. Create a BGPPeer for each router beside it.",
    printcolumn(name = "IP-Pools", type_ = "string", json_path = ".spec.ipPools"),
    printcolumn(
        name = "IP-Pool-Selectors",
        type_ = "string",
        json_path = ".spec.ipPoolSelectors",
        priority = 1
    ),
    printcolumn(name = "Peers", type_ = "string", json_path = ".spec.peers"),
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
    printcolumn(
        name = "Communities",
        type_ = "string",
        json_path = ".spec.communities",
        priority = 1
    ),
    printcolumn(
        name = "Local-Pref",
        type_ = "integer",
        json_path = ".spec.localPref",
        priority = 1
    ),
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
#[schemars(extend("x-kubernetes-validations" = schema::bgp_advertisement_rules()))]
pub struct BGPAdvertisementSpec {
    /// Pools whose addresses are announced, by name, such as ["public"]. Together with ipPoolSelectors: a pool that either
    /// of them names is announced. A name without a pool matches nothing until the pool is created. Default: empty; if both
    /// are empty, all pools are announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::pools")]
    pub ip_pools: Vec<String>,

    /// Pools whose addresses are announced, by the pool's labels, such as [{matchLabels: {network: public}}]. A pool is
    /// announced when one of the selectors matches it. Default: empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub ip_pool_selectors: Vec<LabelSelector>,

    /// Services whose addresses are announced, by the Service's labels, such as [{matchLabels: {expose: internet}}]. One of the
    /// selectors must match. Default: empty, all Services. Only without aggregation: an aggregate cannot leave a Service out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub service_selectors: Vec<LabelSelector>,

    /// Nodes that announce, by the node's labels, such as [{matchLabels: {rack: a}}]: traffic comes in through them. One of the
    /// selectors must match. Default: empty, all nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub node_selectors: Vec<LabelSelector>,

    /// BGPPeers to announce to, by name, such as ["tor-a", "tor-b"]. A name without a BGPPeer announces to nobody until the
    /// BGPPeer is created. Default: empty, all peers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::peers")]
    pub peers: Vec<String>,

    /// Communities of the routes: "65000:100" (RFC 1997), "large:4200000000:1:2" (RFC 8092), or the name that a Community
    /// gives to one, such as "no-transit". Default: empty. Where several advertisements make one route, it has the communities of
    /// all of them, at most 63.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::communities")]
    pub communities: Vec<String>,

    /// LOCAL_PREF of the routes: of several, routers of one AS use the route with the highest. Sent to internal peers
    /// alone, those with our own AS number. Default: unset, they get 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::number")]
    pub local_pref: Option<u32>,

    /// MULTI_EXIT_DISC of the routes: of several from one AS, its neighbours use the route with the lowest. Default: unset, not
    /// sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::number")]
    pub med: Option<u32>,

    /// How often our AS number is put before the AS path beyond the one time that BGP asks for, 0 to 10: the longer the path,
    /// the less a route is used. Internal peers are told no path, so it changes nothing there. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub as_path_prepend: i32,

    /// What the routes say of how much traffic a node wants, as a link bandwidth extended community. None, the
    /// default: nothing, so that routers spread the traffic evenly over the nodes. Endpoints: one megabit per second for each ready
    /// endpoint that the node has of the Service, so that routers that look at it spread the traffic evenly over the endpoints; of
    /// Services with externalTrafficPolicy Local alone, since others have all endpoints behind every node.
    #[serde(default)]
    #[schemars(schema_with = "schema::link_bandwidth")]
    pub link_bandwidth: LinkBandwidth,

    /// The length of the IPv4 prefixes that are announced, 1 to 32: the prefix of that length that an address of a Service lies in.
    /// Default: 32, each address by itself. Nothing but addresses of the pools is announced: where the prefix holds others, the address is
    /// announced by itself, and the condition Warning says so. A length that no prefix of an entry of a pool has is refused: write whole
    /// prefixes into the pool, such as "192.168.2.0/24" with avoidBuggyIPs in place of "192.168.2.1-192.168.2.254". Packets to addresses of
    /// an aggregate that no Service has come to the nodes too.
    #[serde(default = "whole_v4")]
    #[schemars(range(min = 1, max = 32))]
    pub aggregation_length: i32,

    /// The length of the IPv6 prefixes that are announced, 1 to 128, likewise. Default: 128.
    #[serde(default = "whole_v6")]
    #[schemars(range(min = 1, max = 128))]
    pub aggregation_length_v6: i32,
}

/// What routes say of how much traffic a node wants.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkBandwidth {
    /// Nothing.
    #[default]
    None,
    /// The same for each ready endpoint that the node has of the Service.
    Endpoints,
}

/// Whether the advertisement is in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BGPAdvertisementStatus {
    /// Whether Herald works with this object. Accepted is True when the advertisement is in force, else False with a reason
    /// and a message that says what to change. Warning is there, and True, when it is in force and not all is aggregated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn whole_v4() -> i32 {
    32
}

fn whole_v6() -> i32 {
    128
}
