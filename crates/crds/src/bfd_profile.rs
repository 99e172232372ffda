//! `BFDProfile`: how BFD watches the path to a router.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often packets are sent, and how many may be lost.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "BFDProfile",
    plural = "bfdprofiles",
    shortname = "bfdp",
    category = "herald",
    status = "BFDProfileStatus",
    derive = "PartialEq",
    doc = "A BFDProfile says how BFD (RFC 5880) watches the path to a router, so that one that is dead is noticed within a second. A \
           BGPPeer names it in bfdProfile. The longest silence that is borne is detectMultiplier times the slower of \
           receiveInterval and what the router sends at. It cannot be deleted while a BGPPeer names it.",
    printcolumn(name = "Transmit", type_ = "integer", json_path = ".spec.transmitInterval"),
    printcolumn(name = "Receive", type_ = "integer", json_path = ".spec.receiveInterval"),
    printcolumn(name = "Multiplier", type_ = "integer", json_path = ".spec.detectMultiplier"),
    printcolumn(
        name = "Passive",
        type_ = "boolean",
        json_path = ".spec.passiveMode",
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
pub struct BFDProfileSpec {
    /// How often at most the router's packets may arrive, 10 to 60000 milliseconds: it is asked not to send faster. Default:
    /// 300.
    #[serde(default = "three_hundred")]
    #[schemars(range(min = 10, max = 60000))]
    pub receive_interval: i32,

    /// How often packets are sent, 10 to 60000 milliseconds; less often if the router asks for that. Default: 300.
    #[serde(default = "three_hundred")]
    #[schemars(range(min = 10, max = 60000))]
    pub transmit_interval: i32,

    /// How many packets in a row may be lost before the path is taken for dead, 2 to 255. Default: 3.
    #[serde(default = "three")]
    #[schemars(range(min = 2, max = 255))]
    pub detect_multiplier: i32,

    /// The echo function, which Herald does not have: the path is watched by control packets alone, and the router is told that echo
    /// packets are not answered (Required Min Echo RX Interval 0). With true, the condition Warning says so. Default: false.
    #[serde(default)]
    pub echo_mode: bool,

    /// How often echo packets would be sent, 10 to 60000 milliseconds. Without effect, as echoMode is. Default: 50.
    #[serde(default = "fifty")]
    #[schemars(range(min = 10, max = 60000))]
    pub echo_interval: i32,

    /// Says nothing until the router does, as for routers that are to begin. If both sides are passive nothing begins. Default:
    /// false.
    #[serde(default)]
    pub passive_mode: bool,

    /// The least TTL that packets of a router that is more than one hop away may arrive with, 1 to 254: 254 allows for one router
    /// between, 253 for two; BIRD sends with 64, whatever the way. Those of a router that is one hop away always have to arrive with 255. Default: 254.
    #[serde(default = "one_router_between")]
    #[schemars(range(min = 1, max = 254))]
    pub minimum_ttl: i32,
}

/// Whether the profile is in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BFDProfileStatus {
    /// Whether Herald works with this object. Accepted is True when BGPPeers may name the profile, else False with a reason and a
    /// message that says what to change. Warning is there, and True, when the object is in force and something about it is amiss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn three_hundred() -> i32 {
    300
}

fn three() -> i32 {
    3
}

fn fifty() -> i32 {
    50
}

fn one_router_between() -> i32 {
    254
}
