//! `IPPool`: addresses that Services of type LoadBalancer may be given.

use crate::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The addresses of the pool, and which Services may have them.
#[allow(
    clippy::duplicated_attributes,
    reason = "compares the arguments of one print column with those of the next"
)]
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "heraldlb.io",
    version = "v1beta1",
    kind = "IPPool",
    plural = "ippools",
    shortname = "ipp",
    category = "herald",
    status = "IPPoolStatus",
    derive = "PartialEq",
    doc = "An IPPool holds addresses that Herald gives to Services of type LoadBalancer. An address from a pool answers only \
           if it is announced too: create an L2Advertisement beside it.",
    printcolumn(name = "Addresses", type_ = "string", json_path = ".spec.addresses"),
    printcolumn(name = "Auto Assign", type_ = "boolean", json_path = ".spec.autoAssign"),
    printcolumn(
        name = "Avoid Buggy IPs",
        type_ = "boolean",
        json_path = ".spec.avoidBuggyIPs"
    ),
    printcolumn(name = "Assigned", type_ = "integer", json_path = ".status.assignedIPv4"),
    printcolumn(name = "Available", type_ = "integer", json_path = ".status.availableIPv4"),
    printcolumn(
        name = "Assigned v6",
        type_ = "integer",
        json_path = ".status.assignedIPv6",
        priority = 1
    ),
    printcolumn(
        name = "Available v6",
        type_ = "integer",
        json_path = ".status.availableIPv6",
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
pub struct IPPoolSpec {
    /// Addresses to give out, taken in this order. Each entry is a CIDR such as "192.168.10.0/24" or "2001:db8::/120", or
    /// a range with both ends included, such as "192.168.1.200-192.168.1.250".
    ///
    /// A CIDR with host bits means the whole prefix: "198.51.100.10/24" is 198.51.100.0/24. A single address is written with
    /// its full prefix length: "192.168.1.5/32". Addresses of both families may stand in one pool. No two entries may
    /// overlap, neither here nor in another pool.
    #[schemars(schema_with = "schema::addresses")]
    pub addresses: Vec<String>,

    /// Whether Services that ask for nothing in particular get addresses from this pool. Default: true.
    ///
    /// With false the pool serves only Services that ask for it: by its name in the annotation heraldlb.io/address-pool, or
    /// for one of its addresses in the annotation heraldlb.io/loadBalancerIPs.
    #[serde(default = "yes")]
    pub auto_assign: bool,

    /// Never give out IPv4 addresses that end in .0 or .255, which some old network equipment drops. IPv6 is not affected.
    /// Default: false.
    #[serde(default, rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,

    /// Keeps the pool for certain Services, and sets in which order such pools are tried. Pools with this field are tried
    /// before pools without it. Default: unset, the pool serves every Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_allocation: Option<ServiceAllocation>,
}

/// Which Services a pool is kept for. A Service matches by its namespace and by its own labels; a part that is left out
/// matches every Service.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAllocation {
    /// The lower the number, the earlier the pool is tried; 0 is tried last. Pools of equal priority are tried in any order.
    /// Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub priority: i32,

    /// Namespaces whose Services the pool serves, by name, such as ["shop", "payments"]. Together with namespaceSelectors:
    /// a namespace that either of them names is served. Default: empty; if both are empty, every namespace is served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::namespaces")]
    pub namespaces: Vec<String>,

    /// Namespaces whose Services the pool serves, by the namespace's labels, such as [{matchLabels: {team: web}}]. A
    /// namespace is served when one of the selectors matches it. Default: empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub namespace_selectors: Vec<LabelSelector>,

    /// Services that the pool serves, by the Service's labels, such as [{matchLabels: {tier: edge}}]. One of the selectors
    /// must match, and the namespace must be served too. Default: empty, every Service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::selectors")]
    pub service_selectors: Vec<LabelSelector>,
}

/// How full the pool is and whether it is in force. Written by the controller.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IPPoolStatus {
    /// How many IPv4 addresses of the pool Services hold.
    #[serde(default, rename = "assignedIPv4")]
    pub assigned_ipv4: i64,

    /// How many IPv6 addresses of the pool Services hold.
    #[serde(default, rename = "assignedIPv6")]
    pub assigned_ipv6: i64,

    /// How many IPv4 addresses of the pool are free.
    #[serde(default, rename = "availableIPv4")]
    pub available_ipv4: i64,

    /// How many IPv6 addresses of the pool are free; 9223372036854775807 stands for that many or more.
    #[serde(default, rename = "availableIPv6")]
    pub available_ipv6: i64,

    /// Whether Herald works with this object. Accepted is True when the pool is in force, else False with a reason and a
    /// message that says what to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn yes() -> bool {
    true
}
