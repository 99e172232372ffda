use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use model::Family;

use super::annotation::{LOAD_BALANCER_IPS, value};
use super::fault::ServiceFault;

const LOAD_BALANCER_IP: &str = "spec.loadBalancerIP";

/// The addresses that a Service asks for, at most one of each family (P-ALLOC-36 to -38).
pub(super) fn addresses(service: &Service) -> Result<Vec<IpAddr>, ServiceFault> {
    let spec = service.spec.as_ref();
    let field = spec.and_then(|spec| spec.load_balancer_ip.as_deref());
    let field = field.filter(|value| !value.is_empty());
    let (place, values): (_, Vec<&str>) = match (value(service, LOAD_BALANCER_IPS), field) {
        (Some(_), Some(_)) => return Err(ServiceFault::TwoRequests),
        (Some(list), None) => (LOAD_BALANCER_IPS, list.split(',').map(str::trim).collect()),
        (None, Some(one)) => (LOAD_BALANCER_IP, vec![one.trim()]),
        (None, None) => return Ok(Vec::new()),
    };
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(values.len());
    for value in values {
        let address: IpAddr = value.parse().map_err(|_unreadable| ServiceFault::NotAnAddress {
            field: place,
            value: value.to_owned(),
        })?;
        let mut others = addresses.iter();
        if let Some(&first) = others.find(|other| Family::of(**other) == Family::of(address)) {
            return Err(ServiceFault::TwoOfOneFamily {
                first,
                second: address,
            });
        }
        addresses.push(address);
    }
    Ok(addresses)
}
