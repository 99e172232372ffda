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
           if it is announced too: create an L2Advertisement or a BGPAdvertisement beside it.",
    printcolumn(name = "Addresses", type_ = "string", json_path = ".spec.addresses"),
    printcolumn(name = "Auto-Assign", type_ = "boolean", json_path = ".spec.autoAssign"),
    printcolumn(name = "Assigned-v4", type_ = "integer", json_path = ".status.assignedIPv4"),
    printcolumn(name = "Available-v4", type_ = "integer", json_path = ".status.availableIPv4"),
    printcolumn(name = "Assigned-v6", type_ = "integer", json_path = ".status.assignedIPv6"),
    printcolumn(name = "Available-v6", type_ = "integer", json_path = ".status.availableIPv6"),
    printcolumn(
        name = "Reserved-v4",
        type_ = "integer",
        json_path = ".status.reservedIPv4",
        priority = 1
    ),
    printcolumn(
        name = "Outside-v4",
        type_ = "integer",
        json_path = ".status.outsideIPv4",
        priority = 1
    ),
    printcolumn(
        name = "Reserved-v6",
        type_ = "integer",
        json_path = ".status.reservedIPv6",
        priority = 1
    ),
    printcolumn(
        name = "Outside-v6",
        type_ = "integer",
        json_path = ".status.outsideIPv6",
        priority = 1
    ),
    printcolumn(
        name = "Avoid-Buggy-IPs",
        type_ = "boolean",
        json_path = ".spec.avoidBuggyIPs",
        priority = 1
    ),
    printcolumn(
        name = "Reclaim-Policy",
        type_ = "string",
        json_path = ".spec.reclaimPolicy",
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

    /// Addresses of the pool that are never given out, such as those of a router or of machines with a fixed address. Each
    /// entry is a single address such as "192.168.1.210", a CIDR such as "192.168.1.208/29", or a range with both ends included,
    /// such as "192.168.1.220-192.168.1.229", and lies inside the entries of addresses. Default: empty.
    ///
    /// A Service that holds an address when it is excluded is treated as reclaimPolicy says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::exclusions")]
    pub exclude: Vec<String>,

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

    /// How many addresses of this pool one namespace may hold. Default: unset, as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_quota: Option<NamespaceQuota>,

    /// What becomes of a Service whose address the pool does not give out any more, because addresses or exclude was changed
    /// or the pool is to be deleted. Default: Keep.
    ///
    /// With Keep the Service keeps the address, and the address stays announced; the Service's condition
    /// heraldlb.io/Allocated says so, the pool's status counts it as outside, and a pool to be deleted waits until no Service
    /// holds an address from it. The annotation heraldlb.io/reallocate: "true" on a Service lets this one move. With Move every
    /// such Service gets another address at once, or none if there is none.
    #[serde(default)]
    #[schemars(schema_with = "schema::reclaim_policy")]
    pub reclaim_policy: ReclaimPolicy,

    /// Whether Services of different namespaces may share an address of this pool. Default: Invited.
    ///
    /// With Invited a Service may join one of another namespace that has the same sharing key, if that one invites its namespace
    /// in the annotation heraldlb.io/allow-shared-ip-from. With Never an address of this pool is shared within a namespace only,
    /// whatever Services say; those that share one already keep it.
    #[serde(default)]
    #[schemars(schema_with = "schema::namespace_sharing")]
    pub namespace_sharing: NamespaceSharing,
}

/// Whether Services of different namespaces may share an address.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceSharing {
    /// Those that are invited by the Service that has it.
    #[default]
    Invited,
    /// None.
    Never,
}

/// What becomes of addresses that a pool does not give out any more.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReclaimPolicy {
    /// Services keep them.
    #[default]
    Keep,
    /// Services get others.
    Move,
}

/// How many addresses of a pool one namespace may hold: addresses of both families together, addresses that Services share
/// once, and addresses kept by an IPReservation of the namespace. Lowering a limit takes no address away.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceQuota {
    /// The most addresses that a namespace may hold which overrides does not name. 0 gives addresses only to the namespaces in
    /// overrides.
    #[schemars(range(min = 0))]
    pub limit: i32,

    /// Namespaces with a limit of their own, such as [{namespace: shop, limit: 20}]. Default: empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::namespace_limits")]
    pub overrides: Vec<NamespaceLimit>,
}

/// How many addresses one namespace may hold.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLimit {
    /// The namespace's name.
    pub namespace: String,

    /// The most addresses that it may hold.
    pub limit: i32,
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
    /// How many IPv4 addresses Services hold that the pool gives out.
    #[serde(default, rename = "assignedIPv4")]
    pub assigned_ipv4: i64,

    /// How many IPv6 addresses Services hold that the pool gives out.
    #[serde(default, rename = "assignedIPv6")]
    pub assigned_ipv6: i64,

    /// How many IPv4 addresses of the pool are free.
    #[serde(default, rename = "availableIPv4")]
    pub available_ipv4: i64,

    /// How many IPv6 addresses of the pool are free; 9223372036854775807 stands for that many or more.
    #[serde(default, rename = "availableIPv6")]
    pub available_ipv6: i64,

    /// How many IPv4 addresses of the pool are kept by an IPReservation while no Service holds them.
    #[serde(default, rename = "reservedIPv4")]
    pub reserved_ipv4: i64,

    /// How many IPv6 addresses of the pool are kept by an IPReservation while no Service holds them.
    #[serde(default, rename = "reservedIPv6")]
    pub reserved_ipv6: i64,

    /// How many IPv4 addresses Services still hold that they got from the pool and that it does not give out any more.
    #[serde(default, rename = "outsideIPv4")]
    pub outside_ipv4: i64,

    /// How many IPv6 addresses Services still hold that they got from the pool and that it does not give out any more.
    #[serde(default, rename = "outsideIPv6")]
    pub outside_ipv6: i64,

    /// Whether Herald works with this object. Accepted is True when the pool is in force, else False with a reason and a
    /// message that says what to change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

fn yes() -> bool {
    true
}
