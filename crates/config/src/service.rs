//! What a Service asks for (parity.md 1.8), and what its status says that it has.

mod addresses;
mod annotation;
mod families;
mod fault;
mod foreign;
mod record;
mod sharing;
mod status;

use announce::{Endpoints, TrafficPolicy};
use ipam::Request;
use k8s_openapi::api::core::v1::Service;
use model::{Labels, ReservationName, ServiceName};

pub use annotation::{
    ADDRESS_POOL, ALLOW_SHARED_IP, ALLOW_SHARED_IP_FROM, IGNORE, LOAD_BALANCER_IPS, REALLOCATE, RESERVE,
};
pub use fault::ServiceFault;
pub use foreign::{ForeignAnnotation, Instead, foreign_annotations, is_read};
pub use record::{draining, from_pools, recorded_pools};
pub use sharing::sharing;
pub use status::{assigned, desired_ingress, shows_exactly};

/// Which Services are Herald's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Each `spec.loadBalancerClass` that Herald serves: its own, and those of providers that it takes over from, for the
    /// field is immutable.
    pub classes: Vec<String>,
    /// Whether Services without a class are left to others.
    pub require_class: bool,
}

/// The name of a Service.
pub fn name(service: &Service) -> ServiceName {
    let metadata = &service.metadata;
    ServiceName::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// Whether Herald serves a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It does.
    Ours,
    /// It would, but the Service opts out ([`IGNORE`]): it keeps what it shows, nothing is written to it, and what it shows is
    /// given to nobody else.
    Ignored,
    /// It is no LoadBalancer, or another's.
    NotOurs,
}

/// Whether Herald serves a Service (P-ALLOC-1, -4, -5).
pub fn serving(service: &Service, classes: &Classes) -> Serving {
    let Some(spec) = &service.spec else {
        return Serving::NotOurs;
    };
    let of_class = match &spec.load_balancer_class {
        Some(class) => classes.classes.contains(class),
        None => !classes.require_class,
    };
    if spec.type_.as_deref() != Some("LoadBalancer") || !of_class {
        return Serving::NotOurs;
    }
    match annotation::ignore(service) {
        Ok(true) => Serving::Ignored,
        Ok(false) | Err(_) => Serving::Ours,
    }
}

/// Whether Herald serves a Service: whether it is [`Serving::Ours`].
pub fn is_ours(service: &Service, classes: &Classes) -> bool {
    serving(service, classes) == Serving::Ours
}

/// What a Service asks of `ipam`.
///
/// # Errors
/// What is wrong with the Service itself. What it may share is told by [`sharing()`] even then.
pub fn request(service: &Service, namespace_labels: &Labels) -> Result<Request, ServiceFault> {
    let name = name(service);
    annotation::ignore(service)?;
    let reservation = annotation::reservation(service)?;
    Ok(Request {
        labels: service.metadata.labels.clone().unwrap_or_default().into(),
        namespace_labels: namespace_labels.clone(),
        families: families::families(service)?,
        pools: annotation::pools(service)?,
        addresses: addresses::addresses(service)?,
        sharing: sharing::checked(service)?,
        reservation: reservation.map(|reservation| ReservationName::new(&*name.namespace, reservation)),
        reallocate: annotation::reallocate(service)?,
        service: name,
    })
}

/// What decides about announcing a Service, without its endpoints.
pub fn announced(service: &Service) -> announce::Service {
    let mut addresses = assigned(service);
    addresses.shrink_to_fit();
    announce::Service {
        name: name(service),
        labels: service.metadata.labels.clone().unwrap_or_default().into(),
        addresses,
        origins: recorded_pools(service),
        traffic_policy: if is_local(service) {
            TrafficPolicy::Local
        } else {
            TrafficPolicy::Cluster
        },
        health_check_port: health_check_port(service),
        endpoints: Endpoints::default(),
    }
}

/// Whether only nodes that run a pod of the Service take its traffic.
fn is_local(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.external_traffic_policy.as_deref()) == Some("Local")
}

/// Where kube-proxy tells of a Service with the traffic policy Local.
fn health_check_port(service: &Service) -> Option<u16> {
    let port = service.spec.as_ref()?.health_check_node_port?;
    u16::try_from(port)
        .ok()
        .filter(|port| *port != 0 && is_local(service))
}

#[cfg(test)]
mod tests;
