//! The pods behind Services, and which of them are on a node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use config::endpoints::SERVICE_LABEL;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::core::PartialObjectMeta;
use model::{NodeName, ServiceName};

/// The annotation of a Service whose endpoints are left as they are when its value is false.
pub const UNMARKED_ANNOTATION: &str = "heraldlb.io/mark-dead-endpoints";

/// A pod, by what tells it from its successor of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its UID.
    pub uid: Box<str>,
}

/// An endpoint of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The pod, if it is one.
    pub pod: Option<Arc<Pod>>,
    /// The node that it is on, if it is on one.
    pub node: Option<NodeName>,
    /// Whether new connections are sent to it.
    pub ready: bool,
}

/// An EndpointSlice: a part of a Service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceOfPods {
    /// The Service.
    pub service: ServiceName,
    /// The slice's own name.
    pub name: Box<str>,
    /// The endpoints.
    pub backends: Vec<Backend>,
}

impl SliceOfPods {
    /// What `slice` says; nothing if it belongs to no Service.
    pub fn of(slice: &EndpointSlice) -> Option<Self> {
        let namespace = slice.metadata.namespace.as_deref()?;
        let service = slice.metadata.labels.as_ref()?.get(SERVICE_LABEL)?;
        Some(Self {
            service: ServiceName::new(namespace, service.as_str()),
            name: slice.metadata.name.as_deref().unwrap_or_default().into(),
            backends: slice
                .endpoints
                .iter()
                .map(|endpoint| backend(namespace, endpoint))
                .collect(),
        })
    }
}

fn backend(namespace: &str, endpoint: &Endpoint) -> Backend {
    let target = endpoint.target_ref.as_ref();
    let target = target.filter(|target| target.kind.as_deref() == Some("Pod"));
    let pod = target.and_then(|target| {
        Some(Arc::new(Pod {
            namespace: target.namespace.as_deref().unwrap_or(namespace).into(),
            name: target.name.as_deref()?.into(),
            uid: target.uid.as_deref()?.into(),
        }))
    });
    let conditions = endpoint.conditions.as_ref();
    Backend {
        pod,
        node: endpoint.node_name.clone().map(NodeName),
        ready: conditions.and_then(|conditions| conditions.ready).unwrap_or(true),
    }
}

/// A Service of type LoadBalancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The Service.
    pub service: ServiceName,
    /// Whether endpoints of it may be marked.
    pub marks: bool,
}

impl Exposed {
    /// What the metadata of a Service of type LoadBalancer say.
    pub fn of(service: &PartialObjectMeta<Service>) -> Self {
        let metadata = &service.metadata;
        let annotation = metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(UNMARKED_ANNOTATION));
        Self {
            service: ServiceName::new(
                metadata.namespace.as_deref().unwrap_or_default(),
                metadata.name.as_deref().unwrap_or_default(),
            ),
            marks: annotation.is_none_or(|value| value != "false"),
        }
    }
}

/// All endpoints that are known.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    slices: BTreeMap<ServiceName, BTreeMap<Box<str>, Vec<Backend>>>,
    exposed: BTreeMap<ServiceName, bool>,
}

impl Endpoints {
    pub(crate) fn list_slices(&mut self, slices: Vec<SliceOfPods>) {
        self.slices.clear();
        for slice in slices {
            self.take_slice(slice);
        }
    }

    pub(crate) fn take_slice(&mut self, slice: SliceOfPods) {
        let slices = self.slices.entry(slice.service).or_default();
        slices.insert(slice.name, slice.backends);
    }

    pub(crate) fn remove_slice(&mut self, slice: &SliceOfPods) {
        if let Some(slices) = self.slices.get_mut(&slice.service) {
            slices.remove(&slice.name);
            if slices.is_empty() {
                self.slices.remove(&slice.service);
            }
        }
    }

    pub(crate) fn list_services(&mut self, services: Vec<Exposed>) {
        self.exposed = services
            .into_iter()
            .map(|exposed| (exposed.service, exposed.marks))
            .collect();
    }

    pub(crate) fn take_service(&mut self, exposed: Exposed) {
        self.exposed.insert(exposed.service, exposed.marks);
    }

    pub(crate) fn remove_service(&mut self, service: &ServiceName) {
        self.exposed.remove(service);
    }

    /// The pods on `node` that new connections are sent to from outside, each with the Services that it may be taken from: all that it
    /// belongs to have another ready endpoint that is on none of the nodes of `unheard`.
    pub(crate) fn to_mark(
        &self,
        node: &NodeName,
        unheard: &BTreeSet<NodeName>,
    ) -> Vec<(Arc<Pod>, Vec<ServiceName>)> {
        let mut services: BTreeMap<Arc<Pod>, Vec<ServiceName>> = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for (service, slices) in &self.slices {
            let ready = || slices.values().flatten().filter(|backend| backend.ready);
            let here = ready().filter(|backend| backend.node.as_ref() == Some(node));
            let mut here = here.filter_map(|backend| backend.pod.as_ref()).peekable();
            if here.peek().is_none() {
                continue;
            }
            let elsewhere =
                ready().any(|backend| backend.node.as_ref().is_none_or(|node| !unheard.contains(node)));
            let forbidden = self.exposed.get(service) == Some(&false);
            for pod in here {
                if forbidden || !elsewhere {
                    kept.insert(Arc::clone(pod));
                } else if self.exposed.contains_key(service) {
                    services.entry(Arc::clone(pod)).or_default().push(service.clone());
                }
            }
        }
        services.retain(|pod, _| !kept.contains(pod));
        services.into_iter().collect()
    }

    /// The pods on `node` that are ready, of all Services.
    pub(crate) fn ready_on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Arc<Pod>> {
        let backends = self.slices.values().flat_map(|slices| slices.values().flatten());
        let here = backends.filter(move |backend| backend.ready && backend.node.as_ref() == Some(node));
        here.filter_map(|backend| backend.pod.as_ref())
    }
}
