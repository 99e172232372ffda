//! What EndpointSlices say about where traffic can be served.

use announce::Endpoints;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use model::{NodeName, ServiceName};

/// The label that names the Service of an EndpointSlice.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The Service that a slice belongs to; none for a slice that belongs to no Service.
pub fn service_of(slice: &EndpointSlice) -> Option<ServiceName> {
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_LABEL)?;
    Some(ServiceName::new(slice.metadata.namespace.clone()?, name))
}

/// Where the usable endpoints of all slices of one Service are (P-L2-6).
pub fn endpoints<'a>(slices: impl IntoIterator<Item = &'a EndpointSlice>) -> Endpoints {
    let mut endpoints = Endpoints::default();
    let all = slices.into_iter().flat_map(|slice| &slice.endpoints);
    for endpoint in all.filter(|endpoint| usable(endpoint)) {
        endpoints.count(endpoint.node_name.clone().map(NodeName));
    }
    endpoints
}

/// Ready is true or unset, or serving is true: a terminating endpoint that still serves counts.
fn usable(endpoint: &Endpoint) -> bool {
    let Some(conditions) = &endpoint.conditions else {
        return true;
    };
    conditions.ready.unwrap_or(true) || conditions.serving == Some(true)
}
