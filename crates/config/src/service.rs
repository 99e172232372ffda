//! What a Service asks for (parity.md 1.8).

use std::net::IpAddr;

use announce::{Endpoints, TrafficPolicy};
use ipam::{Families, Request};
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use model::{Family, Labels, PoolName, ServiceName};

/// Annotation: allocate from exactly this pool.
pub const ADDRESS_POOL: &str = "heraldlb.io/address-pool";
/// Annotation: the exact addresses wanted, separated by commas, at most one a family.
pub const LOAD_BALANCER_IPS: &str = "heraldlb.io/loadBalancerIPs";

/// Which Services are Herald's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// The `spec.loadBalancerClass` that Herald serves.
    pub class: String,
    /// Whether Services without a class are left to others.
    pub require_class: bool,
}

/// Why a Service cannot be given an address, whatever the pools hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceFault {
    /// It has no ClusterIP.
    #[error("the Service has no ClusterIP: a LoadBalancer cannot be headless")]
    NoClusterIp,
    /// RequireDualStack, but only one ClusterIP.
    #[error(
        "ipFamilyPolicy is RequireDualStack, but the Service has {0} ClusterIP: the cluster has to be dual-stack"
    )]
    NotDualStack(usize),
    /// A ClusterIP that is no address.
    #[error("ClusterIP {0:?} is not an IP address")]
    ClusterIp(String),
    /// Addresses asked for in two places.
    #[error(
        "both spec.loadBalancerIP and the annotation {LOAD_BALANCER_IPS} ask for addresses: use one of them"
    )]
    TwoRequests,
    /// An address asked for cannot be read.
    #[error("{field}: {value:?} is not an IP address")]
    NotAnAddress {
        /// Where it was written.
        field: &'static str,
        /// What was written.
        value: String,
    },
    /// Two addresses of one family asked for.
    #[error(
        "{LOAD_BALANCER_IPS}: {first} and {second} are of one family: ask for at most one IPv4 and one IPv6 address"
    )]
    TwoOfOneFamily {
        /// The one written first.
        first: IpAddr,
        /// The other one.
        second: IpAddr,
    },
}

impl ServiceFault {
    /// The reason of the Service's `Allocated` condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoClusterIp | Self::ClusterIp(_) => "NoClusterIP",
            Self::NotDualStack(_) => "NotDualStack",
            Self::TwoRequests | Self::NotAnAddress { .. } | Self::TwoOfOneFamily { .. } => "InvalidRequest",
        }
    }
}

/// The name of a Service.
pub fn name(service: &Service) -> ServiceName {
    let metadata = &service.metadata;
    ServiceName::new(
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

/// Whether a Service is one that Herald serves (P-ALLOC-1, -4, -5).
pub fn is_ours(service: &Service, classes: &Classes) -> bool {
    let Some(spec) = &service.spec else { return false };
    let of_class = match &spec.load_balancer_class {
        Some(class) => *class == classes.class,
        None => !classes.require_class,
    };
    spec.type_.as_deref() == Some("LoadBalancer") && of_class
}

/// The addresses in a Service's status. Entries that are no addresses (a hostname, say) are not ours and are left out.
pub fn assigned(service: &Service) -> Vec<IpAddr> {
    let load_balancer = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref());
    let ingress = load_balancer.and_then(|load_balancer| load_balancer.ingress.as_ref());
    ingress
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ip.as_ref()?.parse().ok())
        .collect()
}

/// What a Service asks of `ipam`.
///
/// # Errors
/// What is wrong with the Service itself.
pub fn request(service: &Service, namespace_labels: &Labels) -> Result<Request, ServiceFault> {
    let spec = service.spec.clone().unwrap_or_default();
    let annotation = |key: &str| service.metadata.annotations.as_ref().and_then(|all| all.get(key));
    Ok(Request {
        service: name(service),
        labels: service.metadata.labels.clone().unwrap_or_default(),
        namespace_labels: namespace_labels.clone(),
        families: families(&spec)?,
        pool: annotation(ADDRESS_POOL).map(|pool| PoolName(pool.trim().to_owned())),
        addresses: addresses(annotation(LOAD_BALANCER_IPS), spec.load_balancer_ip.as_deref())?,
    })
}

/// What decides about announcing a Service.
pub fn announced(service: &Service, endpoints: Endpoints) -> announce::Service {
    let policy = service
        .spec
        .as_ref()
        .and_then(|spec| spec.external_traffic_policy.as_deref());
    announce::Service {
        name: name(service),
        labels: service.metadata.labels.clone().unwrap_or_default(),
        addresses: assigned(service),
        traffic_policy: if policy == Some("Local") {
            TrafficPolicy::Local
        } else {
            TrafficPolicy::Cluster
        },
        endpoints,
    }
}

/// P-ALLOC-67: the families follow the ClusterIPs.
fn families(spec: &ServiceSpec) -> Result<Families, ServiceFault> {
    let single = spec.cluster_ip.iter();
    let ips: Vec<&String> = match &spec.cluster_ips {
        Some(ips) if !ips.is_empty() => ips.iter().collect(),
        Some(_) | None => single.collect(),
    };
    let ips: Vec<&String> = ips
        .into_iter()
        .filter(|ip| !ip.is_empty() && *ip != "None")
        .collect();
    let first = ips.first().ok_or(ServiceFault::NoClusterIp)?;
    let address: IpAddr = first
        .parse()
        .map_err(|_unreadable| ServiceFault::ClusterIp((*first).clone()))?;
    match (spec.ip_family_policy.as_deref(), ips.len()) {
        (Some("RequireDualStack"), count) if count < 2 => Err(ServiceFault::NotDualStack(count)),
        (Some("RequireDualStack"), _) => Ok(Families::Both),
        (_, 1) => Ok(Families::One(Family::of(address))),
        (_, _) => Ok(Families::Prefer(Family::of(address))),
    }
}

fn addresses(annotation: Option<&String>, field: Option<&str>) -> Result<Vec<IpAddr>, ServiceFault> {
    let field = field.filter(|value| !value.is_empty());
    let (place, values): (_, Vec<&str>) = match (annotation, field) {
        (Some(_), Some(_)) => return Err(ServiceFault::TwoRequests),
        (Some(list), None) => (LOAD_BALANCER_IPS, list.split(',').map(str::trim).collect()),
        (None, Some(one)) => ("spec.loadBalancerIP", vec![one]),
        (None, None) => return Ok(Vec::new()),
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for value in values {
        let address: IpAddr = value.parse().map_err(|_unreadable| ServiceFault::NotAnAddress {
            field: place,
            value: value.to_owned(),
        })?;
        if let Some(&first) = addresses
            .iter()
            .find(|first| Family::of(**first) == Family::of(address))
        {
            return Err(ServiceFault::TwoOfOneFamily {
                first,
                second: address,
            });
        }
        addresses.push(address);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests;
