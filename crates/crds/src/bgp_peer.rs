//! `BGPPeer`: a router that nodes announce addresses to.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the router is, and how to talk to it.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "BGPPeer",
    plural = "bgppeers",
    shortname = "bgpp",
    category = "herald",
    status = "BGPPeerStatus",
    derive = "PartialEq",
    doc = "A BGPPeer is a router that nodes announce addresses to: every node that it selects dials it and keeps a BGP session \
           with it. Which addresses it gets is up to the BGPAdvertisements. Herald takes no routes from it but those that \
           acceptRoutes names. How the sessions stand is in the status of the Speakers.",
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.peerAddress"),
    printcolumn(name = "Interface", type_ = "string", json_path = ".spec.interface"),
    printcolumn(name = "My-ASN", type_ = "integer", json_path = ".spec.myASN"),
    printcolumn(name = "Peer-ASN", type_ = "integer", json_path = ".spec.peerASN"),
    printcolumn(
        name = "Dynamic-ASN",
        type_ = "string",
        json_path = ".spec.dynamicASN",
        priority = 1
    ),
    printcolumn(name = "Sessions-Up", type_ = "integer", json_path = ".status.sessionsUp"),
    printcolumn(
        name = "Sessions-Wanted",
        type_ = "integer",
        json_path = ".status.sessionsWanted"
    ),
    printcolumn(name = "BFD-Profile", type_ = "string", json_path = ".spec.bfdProfile"),
    printcolumn(
        name = "Multi-Hop",
        type_ = "boolean",
        json_path = ".spec.ebgpMultiHop",
        priority = 1
    ),
    printcolumn(name = "VRF", type_ = "string", json_path = ".spec.vrf", priority = 1),
    printcolumn(
        name = "Node-Selectors",
        type_ = "string",
        json_path = ".spec.nodeSelectors",
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
#[schemars(extend("x-kubernetes-validations" = schema::bgp_peer_rules()))]
pub struct BGPPeerSpec {
    /// Our own AS number, 1 to 4294967295, such as 64512. Peers of one node may have different ones. Write this or myASNFrom.
    #[serde(default, rename = "myASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::asn")]
    pub my_asn: Option<u32>,

    /// Our own AS number as each node says it, in a label or an annotation of its Node, such as {label: example.com/asn}: for networks
    /// in which every rack or node has a number of its own. A node that does not say it has no session; its Speaker says so.
    #[serde(default, rename = "myASNFrom", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::node_value")]
    pub my_asn_from: Option<NodeValue>,

    /// The AS number of the router. The same as ours makes the session internal (iBGP). Write this or dynamicASN.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::asn")]
    pub peer_asn: Option<u32>,

    /// Takes whatever AS number the router has, as long as it is our own (internal) or another one (external). Write this or
    /// peerASN.
    #[serde(default, rename = "dynamicASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dynamic_asn")]
    pub dynamic_asn: Option<DynamicAsn>,

    /// The AS number that this router sees of us in place of myASN, as while a network moves from one number to another. Default:
    /// unset, it sees myASN.
    #[serde(default, rename = "localASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::asn")]
    pub local_asn: Option<u32>,

    /// The address of the router, such as "192.168.1.1" or "2001:db8::1"; or "gateway" or "gatewayV6", which is whatever default gateway
    /// each node has for IPv4 or IPv6. Write this, peerAddressFrom or interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::peer_address")]
    pub peer_address: Option<String>,

    /// The address of the router as each node says it, in a label or an annotation of its Node, such as
    /// {annotation: example.com/tor}. IPv6 addresses do not fit into labels. A node that does not say it has no session; its Speaker
    /// says so. Write this, peerAddress or interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::node_address")]
    pub peer_address_from: Option<NodeAddress>,

    /// The network interface that the router is on, by the name that "ip link" shows on the node, such as "eth1": the router is
    /// found by its router advertisements (IPv6), and no address has to be set up on either side (unnumbered BGP). Addresses of
    /// both families are announced over such a session. Whichever router advertises itself first is dialled: set passwordSecret where
    /// others than the router could. Speakers without layer 2 cannot find it. Write this, peerAddress or peerAddressFrom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interface")]
    pub interface: Option<String>,

    /// The local address of the connection, which must be one of the node's: so it makes sense with nodeSelectors that select one node.
    /// Default: unset, the kernel chooses by its routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::source_address")]
    pub source_address: Option<String>,

    /// The same as each node says it, in a label or an annotation of its Node, such as {annotation: example.com/loopback}. Write this or
    /// sourceAddress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::node_value")]
    pub source_address_from: Option<NodeValue>,

    /// The TCP port that the router listens on, 1 to 65535. Default: 179.
    #[serde(default = "bgp_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub peer_port: i32,

    /// Nodes that have a session with the router, by the node's labels, such as [{matchLabels: {rack: a}}]. One of the
    /// selectors must match. Default: empty, all nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub node_selectors: Vec<LabelSelector>,

    /// After how long without a word from the router the session ends and its routes go, such as "90s": 0, which is never, or at
    /// least 3 s, in whole seconds. The router may ask for less. Default: three times keepaliveTime if that is set, else 90s. With 0
    /// set a bfdProfile, or a router that dies is never noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::hold_time")]
    pub hold_time: Option<String>,

    /// How often the router hears from us at least, such as "30s": not above holdTime, in whole seconds. Never less often than three
    /// times in the hold time that both agree on. A change takes effect in the session that there is. Default: a third of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::keepalive_time")]
    pub keepalive_time: Option<String>,

    /// How long to wait before a router that could not be reached is dialled again, such as "5s": 1 s to 65535 s, in whole
    /// seconds. A router that refuses for the number of prefixes is left alone for two minutes at least. A change takes effect in the
    /// session that there is. Default: unset, 1 s at first, doubled each time, at most 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::connect_time")]
    pub connect_time: Option<String>,

    /// Our BGP identifier, written as an IPv4 address, such as "10.0.0.1". It has to differ from node to node, so it makes sense with
    /// nodeSelectors that select one node. Default: unset, the IPv4 address of the node, else a number made of its name.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::router_id")]
    pub router_id: Option<String>,

    /// The same as each node says it, in a label or an annotation of its Node, such as {label: example.com/router-id}. Write this or
    /// routerID.
    #[serde(default, rename = "routerIDFrom", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::node_value")]
    pub router_id_from: Option<NodeValue>,

    /// The Secret that holds the password of the session (TCP MD5, RFC 2385): of type kubernetes.io/basic-auth, in Herald's
    /// namespace, with the password under the key "password". Default: unset, no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<PasswordSecret>,

    /// The BFDProfile by which BFD watches the path to the router, by name: a path that is dead is noticed within a second.
    /// Default: unset, no BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd_profile")]
    pub bfd_profile: Option<String>,

    /// Asks the router to keep our routes while the speaker restarts, so that an upgrade interrupts nothing (RFC 4724). A
    /// change takes effect at once, by a new session. Default: false.
    #[serde(default)]
    pub enable_graceful_restart: bool,

    /// For how long the router is asked to keep them, "1s" to "4095s", in whole seconds. Default: "120s".
    #[serde(default = "two_minutes")]
    #[schemars(schema_with = "schema::graceful_restart_time")]
    pub graceful_restart_time: String,

    /// How long routes carry the community GRACEFUL_SHUTDOWN (RFC 8326) before they are withdrawn when a node is drained, so
    /// that routers turn to other nodes first: "0s" to "10m". A change takes effect in the session that there is. Default: "5s".
    #[serde(default = "five_seconds")]
    #[schemars(schema_with = "schema::graceful_shutdown_time")]
    pub graceful_shutdown_time: String,

    /// The router, which is external, is more than one hop away. An internal one always may be. Default: false.
    #[serde(default)]
    pub ebgp_multi_hop: bool,

    /// Takes only what no router has forwarded on the way (GTSM, RFC 5082), so that nobody from afar can disturb the session. The
    /// router has to be set up for it as well, and has to be on a link of the node, an internal one too. Default: false.
    #[serde(default)]
    pub ttl_security: bool,

    /// The VRF of the node to dial in, by the name of its interface, such as "red". Default: unset, the main routing table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interface")]
    pub vrf: Option<String>,

    /// Announces addresses of both families over the session, whichever family it runs over. Default: false, a session carries
    /// addresses of its own family alone. An unnumbered session carries both anyway.
    #[serde(default)]
    pub dual_stack_address_family: bool,

    /// Routes of the router that the node takes into its main routing table, such as [{prefix: "0.0.0.0/0"}] for the default route
    /// alone, or [{prefix: "10.0.0.0/8", maxLength: 24}] for that and everything inside of it down to /24. At most 64 entries, and 1000
    /// routes of one router. The routes have the protocol number 72 and metric 20; of routers whose routes are equally good all are used.
    /// Takes the chart's value speaker.acceptRoutes. A change takes effect in the session that there is. Default: empty, no route
    /// is accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::accepted_routes")]
    pub accept_routes: Vec<AcceptedRoutes>,
}

/// Routes that are accepted.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedRoutes {
    /// The shortest of them.
    pub prefix: String,

    /// How long those inside of it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<i32>,
}

/// A label or an annotation of the Node.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeValue {
    /// The label's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,

    /// The annotation's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
}

/// A label or an annotation of the Node that is an address.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeAddress {
    /// Where the node says it.
    #[serde(flatten)]
    pub value: NodeValue,

    /// Of which family it is.
    #[serde(default)]
    pub family: AddressFamily,
}

/// Of which family an address is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4.
    #[default]
    IPv4,
    /// IPv6.
    IPv6,
}

/// Which AS numbers are taken.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum DynamicAsn {
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

/// A Secret in Herald's namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSecret {
    /// The Secret's name. It need not exist yet: the session is opened when it does.
    #[schemars(schema_with = "schema::secret")]
    pub name: String,
}

/// Whether the peer is in force. Written by the controller, but for the condition Password, which speakers write.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BGPPeerStatus {
    /// How many nodes have a session with the router that is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_up: Option<i64>,

    /// How many nodes are to have a session with the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_wanted: Option<i64>,

    /// Whether Herald works with this object. Accepted is True when nodes open sessions as it says, else False with a reason and a
    /// message that says what to change. Warning is there, and True, when the object is in force and something about it is amiss.
    /// PasswordFound, where passwordSecret is set, says whether that Secret holds one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn bgp_port() -> i32 {
    179
}

fn two_minutes() -> String {
    "120s".to_owned()
}

fn five_seconds() -> String {
    "5s".to_owned()
}
