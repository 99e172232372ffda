//! `IPReservation`: addresses kept for the Services of a namespace.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The addresses that are kept.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "IPReservation",
    plural = "ipreservations",
    shortname = "ipr",
    category = "herald",
    namespaced,
    status = "IPReservationStatus",
    derive = "PartialEq",
    doc = "An IPReservation keeps addresses for the Services of its namespace that name it in the annotation heraldlb.io/reserve; \
           nobody else gets them. Herald creates one when a Service names a reservation that does not exist, with the addresses \
           that the Service got. It outlives the Service: a Service that comes back with the annotation gets the same addresses. \
           Create one by hand to set an address aside in advance. Deleting it releases the addresses that no Service holds.",
    printcolumn(name = "Addresses", type_ = "string", json_path = ".spec.addresses"),
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
pub struct IPReservationSpec {
    /// The addresses that are kept: one, or one IPv4 and one IPv6 address, such as ["192.168.1.210"] or
    /// ["192.168.1.210", "2001:db8::10"]. Each is an address of an IPPool, without a prefix length.
    #[schemars(schema_with = "schema::reserved")]
    pub addresses: Vec<String>,
}

/// Whether the reservation is in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IPReservationStatus {
    /// Whether Herald works with this object. Accepted is True when the addresses are kept, else False with a reason and a
    /// message that says what to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
