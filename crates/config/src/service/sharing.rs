use std::collections::BTreeSet;

use ipam::{Port, Sharing};
use k8s_openapi::api::core::v1::{Service, ServicePort};

use super::annotation::{self, ALLOW_SHARED_IP, value};
use super::fault::ServiceFault;
use super::is_local;

/// With which other Services a Service may share an address (P-ALLOC-44, P-ALLOC-45).
///
/// This never fails, so that a Service whose request is wrong goes on sharing what it holds. Without a key it shares with nobody, and the rest does not matter.
pub fn sharing(service: &Service) -> Sharing {
    let Some(key) = key(service) else {
        return Sharing::default();
    };
    let spec = service.spec.as_ref();
    let selector = || {
        let selector = spec.and_then(|spec| spec.selector.clone());
        selector.unwrap_or_default().into()
    };
    let ports = spec.into_iter().flat_map(|spec| spec.ports.iter().flatten());
    Sharing {
        key: Some(key.to_owned()),
        backend: is_local(service).then(selector),
        ports: ports.filter_map(port).collect::<BTreeSet<_>>(),
        joiners: annotation::joiners(service),
    }
}

/// The same, where a key that is too long is a fault.
pub(super) fn checked(service: &Service) -> Result<Sharing, ServiceFault> {
    match key(service) {
        Some(key) if key.len() > ServiceFault::LONGEST_KEY => Err(ServiceFault::SharingKeyTooLong(key.len())),
        Some(_) | None => Ok(sharing(service)),
    }
}

fn key(service: &Service) -> Option<&str> {
    value(service, ALLOW_SHARED_IP).filter(|key| !key.is_empty())
}

/// The API server lets no other numbers in than 1 to 65535.
fn port(port: &ServicePort) -> Option<Port> {
    Some(Port {
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        number: u16::try_from(port.port).ok()?,
    })
}
