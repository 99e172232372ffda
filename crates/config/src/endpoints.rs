//! What EndpointSlices say about where traffic can be served.

use announce::Endpoints;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use model::{NodeName, ServiceName};

/// The label that names the Service of an EndpointSlice.
pub const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What an EndpointSlice says of a Service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The Service that it belongs to.
    pub service: ServiceName,
    /// Its own name.
    pub name: Box<str>,
    /// Its version: what is older than what is known is no news.
    pub version: u64,
    /// Where the usable ones of its endpoints are.
    pub endpoints: Endpoints,
}

impl Slice {
    /// What `slice` says; nothing if it belongs to no Service.
    pub fn of(slice: &EndpointSlice) -> Option<Self> {
        let service = slice.metadata.labels.as_ref()?.get(SERVICE_LABEL)?;
        let mut endpoints = Endpoints::default();
        for endpoint in slice.endpoints.iter().filter(|endpoint| usable(endpoint)) {
            endpoints.count(endpoint.node_name.clone().map(NodeName), leaving(endpoint));
        }
        Some(Self {
            service: ServiceName::new(slice.metadata.namespace.as_deref()?, service.as_str()),
            name: slice.metadata.name.as_deref().unwrap_or_default().into(),
            version: version(slice),
            endpoints,
        })
    }
}

fn version(slice: &EndpointSlice) -> u64 {
    let version = slice.metadata.resource_version.as_ref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

/// Ready is true or unset, or serving is true: a terminating endpoint that still serves counts.
fn usable(endpoint: &Endpoint) -> bool {
    let Some(conditions) = &endpoint.conditions else {
        return true;
    };
    conditions.ready.unwrap_or(true) || conditions.serving == Some(true)
}

/// It terminates, and new connections come to it only where there is no other.
fn leaving(endpoint: &Endpoint) -> bool {
    endpoint
        .conditions
        .as_ref()
        .is_some_and(|conditions| conditions.terminating == Some(true) && conditions.ready == Some(false))
}
