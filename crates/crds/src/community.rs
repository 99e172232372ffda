//! `Community`: names for BGP communities.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names, and what they stand for.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "Community",
    plural = "communities",
    shortname = "bgpcom",
    category = "herald",
    status = "CommunityStatus",
    derive = "PartialEq",
    doc = "A Community gives names to BGP communities, so that BGPAdvertisements can be read by people. A name stands for one \
           community, whichever Community object it is in.",
    printcolumn(name = "Communities", type_ = "string", json_path = ".spec.communities"),
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
pub struct CommunitySpec {
    /// Names of communities, such as [{name: no-transit, value: "65000:100"}]. No name twice, neither here nor in another
    /// Community. Default: empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::community_aliases")]
    pub communities: Vec<CommunityAlias>,
}

/// A name for a community.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommunityAlias {
    /// The name.
    pub name: String,

    /// What it stands for.
    pub value: String,
}

/// Whether the names are in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommunityStatus {
    /// Whether Herald works with this object. Accepted is True when its names can be used, else False with a reason and a
    /// message that says what to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
