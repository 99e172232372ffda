//! `Speaker`: what one node announces, and what it sees of the others.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
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

    /// The addresses that it announces, and on which interfaces; the first thousand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AnnouncedAddress>,

    /// The interfaces that it announces on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<SpeakerInterface>,

    /// Whether the speaker works. Ready is True when it is part of every segment that it is on, else False with a reason and
    /// a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
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

/// An interface, and who else is on its segment.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerInterface {
    /// Its name on the node.
    pub name: String,

    /// The speakers of other nodes, as this one sees them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speakers: Vec<SeenSpeaker>,
}

/// The speaker of another node.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SeenSpeaker {
    /// The node.
    pub node: String,

    /// Ready, Listening, Draining, Unable, OneWay, Missing, SpeakerLost or Dead.
    pub state: String,
}
