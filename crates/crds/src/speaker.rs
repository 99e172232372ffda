//! `Speaker`: what one node announces, and what it sees of the others.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nothing to say: there is a Speaker for each node that runs one.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "Speaker",
    plural = "speakers",
    category = "herald",
    status = "SpeakerStatus",
    derive = "PartialEq",
    doc = "A Speaker shows what the speaker on one node does: its name is the node's, and it goes when the node goes. Herald writes \
           it; there is nothing to edit. It may be out of date while the API server is away or the speaker is down: the \
           addresses are then where the segments have them.",
    printcolumn(name = "Addresses", type_ = "integer", json_path = ".status.count"),
    printcolumn(
        name = "Interfaces",
        type_ = "string",
        json_path = ".status.interfaces[*].name"
    ),
    printcolumn(
        name = "BGP-Services",
        type_ = "integer",
        json_path = ".status.bgpServiceCount"
    ),
    printcolumn(
        name = "BGP-Sessions",
        type_ = "string",
        json_path = ".status.bgpSessions[*].state"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerSpec {}

/// What the speaker does. Written by the speaker.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerStatus {
    /// How many addresses the node announces.
    #[serde(default)]
    pub count: i64,

    /// Whether the node forwards what it would be sent, as kube-proxy, or what stands in for it, says. A node that does not withdraws its
    /// routes while another does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_forward: Option<bool>,

    /// The addresses that it announces, and on which interfaces; the first thousand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AnnouncedAddress>,

    /// The interfaces that it announces on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<SpeakerInterface>,

    /// How many Services the node announces on its interfaces, or answers for in place of another node's speaker.
    #[serde(default)]
    pub layer2_service_count: i64,

    /// These Services, and why this node announces them; the first thousand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer2_services: Vec<Layer2Service>,

    /// The BGP sessions of the node, by peer: those that it is to have, whether they are up or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bgp_sessions: Vec<BgpSession>,

    /// How many Services the node announces by BGP.
    #[serde(default)]
    pub bgp_service_count: i64,

    /// The Services that it announces by BGP, and to which peers; the first thousand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bgp_services: Vec<BgpService>,

    /// Whether the speaker works. Ready is True when it is part of every segment that it is on, else False with a reason and
    /// a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// A Service that the node announces on its interfaces.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Layer2Service {
    /// The Service, as namespace/name.
    pub service: String,

    /// Holder: this node announces it and takes its traffic. Proxy: it answers in place of the node that takes the traffic, while the
    /// speaker there is away.
    pub role: String,

    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,

    /// The node that announced it before, if one did; of a Proxy, the node that takes the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,

    /// Why it is announced from here: Vacant (nobody did), HolderDead, HandedOver, Resumed (it did before, too), or another word of the
    /// segment protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An address that the node announces.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedAddress {
    /// The address.
    pub address: String,

    /// Where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

/// A BGP session.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BgpSession {
    /// The BGPPeer.
    pub peer: String,

    /// The address that is dialled; none while nobody is seen on the interface of an unnumbered peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,

    /// Idle, Connect, Active, OpenSent, OpenConfirm or Established.
    pub state: String,

    /// Since when it is in that state, or longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,

    /// The AS number of the router, while the session is up.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_number")]
    pub peer_asn: Option<u32>,

    /// The families that both sides agreed on, IPv4, IPv6 or both, while the session is up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,

    /// How many routes the router has from this node.
    #[serde(default)]
    pub routes_sent: i64,

    /// How many routes of the router are accepted, as acceptRoutes of the BGPPeer says.
    #[serde(default)]
    pub routes_accepted: i64,

    /// How BFD sees the path: Never (was up), Up, Down or AdminDown; none without BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd: Option<String>,

    /// What went wrong last, until the session has been up for a while; or what is amiss in one that is up, such as routes that the
    /// kernel does not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A Service that the node announces by BGP.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BgpService {
    /// The Service, as namespace/name.
    pub service: String,

    /// The BGPPeers that it is announced to, by sessions that bgpSessions shows.
    pub peers: Vec<String>,
}

/// An interface, and who else is on its segment.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerInterface {
    /// Its name on the node.
    pub name: String,

    /// Its hardware address: where the addresses are that the node announces there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_address: Option<String>,

    /// The subnets that it is in: addresses of other subnets are not announced there, unless an L2Advertisement names the interface.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,

    /// The addresses that the node itself has there: the speakers of other nodes ask for them where nothing else is heard of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,

    /// The default gateways of the node that are reached through it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,

    /// The speakers of other nodes, as this one sees them: how many are in which state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speakers: Vec<SeenSpeakers>,
}

/// Speakers of other nodes that are in one state.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SeenSpeakers {
    /// Ready, Listening, Draining, Unable, OneWay, Missing, SpeakerLost or Dead.
    pub state: String,

    /// How many they are.
    pub count: i64,

    /// The first three nodes by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}
