//! Tables to read and to pipe.

use config::endpoints::SERVICE_LABEL;
use jiff::Timestamp;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use model::{NodeName, ServiceName};
use serde::Serialize;

use crate::study::Study;

/// An address of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressRow {
    /// The Service's namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// The address; none while it waits for one.
    pub address: Option<String>,
    /// The pool that it was given from.
    pub pool: Option<String>,
    /// The node that answers for it on its segment.
    pub holder: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How many nodes announce it to routers.
    pub routed_by: usize,
}

/// A BGP session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    /// The node.
    pub node: String,
    /// The BGPPeer.
    pub peer: String,
    /// The router's address.
    pub address: Option<String>,
    /// Its AS number.
    pub asn: Option<u32>,
    /// The state.
    pub state: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The families that both agreed on.
    pub families: Vec<String>,
    /// Routes sent.
    pub sent: i64,
    /// Routes accepted.
    pub accepted: i64,
    /// How BFD sees the way.
    pub bfd: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// What a speaker sees of the others on a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentRow {
    /// The node.
    pub node: String,
    /// Its interface.
    pub interface: String,
    /// Its hardware address.
    pub hardware_address: Option<String>,
    /// The subnets that it is in.
    pub subnets: Vec<String>,
    /// How many others are in which state, such as `2 Ready`.
    pub speakers: Vec<String>,
}

/// A Service that a node answers for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRow {
    /// The Service, as namespace/name.
    pub service: String,
    /// The other nodes that may answer for it and run a speaker.
    pub may_go_to: Vec<String>,
}

impl Study<'_> {
    /// Every address, and every Service that waits for one.
    pub fn addresses(&self) -> Vec<AddressRow> {
        let mut rows = Vec::new();
        for (name, service) in self.ours() {
            let holders = self.speakers.holders(name);
            let holder = holders.iter().find(|(_, entry)| entry.role == "Holder");
            let origins = config::service::recorded_pools(service);
            let row = |address: Option<std::net::IpAddr>| AddressRow {
                namespace: name.namespace.to_string(),
                service: name.name.to_string(),
                address: address.map(|address| address.to_string()),
                pool: address
                    .and_then(|address| origins.get(address))
                    .map(ToString::to_string),
                holder: holder.map(|(node, _)| node.to_string()),
                since: holder.and_then(|(_, entry)| Some(entry.since.as_ref()?.0)),
                routed_by: self.speakers.announced_to(name).len(),
            };
            let addresses = config::service::assigned(service);
            match addresses.is_empty() {
                true => rows.push(row(None)),
                false => rows.extend(addresses.into_iter().map(|address| row(Some(address)))),
            }
        }
        rows
    }

    /// The names of all Nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.facts.nodes.keys().map(|node| node.0.as_str())
    }

    /// The names of all Services of type LoadBalancer.
    pub fn service_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.services.keys()
    }

    /// The Services that a pod is an endpoint of.
    pub fn services_of_pod(&self, namespace: &str, pod: &str) -> Vec<ServiceName> {
        let is_target = |slice: &&EndpointSlice| {
            let mut targets = slice
                .endpoints
                .iter()
                .filter_map(|endpoint| endpoint.target_ref.as_ref());
            slice.metadata.namespace.as_deref() == Some(namespace)
                && targets.any(|target| {
                    target.kind.as_deref() == Some("Pod") && target.name.as_deref() == Some(pod)
                })
        };
        let slices = self.cluster.slices.iter().filter(is_target);
        let labels = slices.filter_map(|slice| slice.metadata.labels.as_ref()?.get(SERVICE_LABEL));
        let names = labels.map(|service| ServiceName::new(namespace, service.as_str()));
        names.filter(|name| self.services.contains_key(name)).collect()
    }

    /// What a node answers for and announces to routers, and where each address could go: the nodes besides it that may have it.
    pub fn held_by(&self, node: &NodeName) -> Vec<HeldRow> {
        let Some(status) = self.speakers.status(node) else {
            return Vec::new();
        };
        let held = status
            .layer2_services
            .iter()
            .filter(|entry| entry.role == "Holder");
        let rows = held.map(|entry| {
            let mut parts = entry.service.splitn(2, '/');
            let name = ServiceName::new(parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let candidates = self.layer2(&name).map(|plan| plan.candidates).unwrap_or_default();
            let others = candidates
                .keys()
                .filter(|other| *other != node && self.speakers.status(other).is_some());
            HeldRow {
                service: entry.service.clone(),
                may_go_to: others.map(ToString::to_string).collect(),
            }
        });
        rows.collect()
    }

    /// Every BGP session of every node.
    pub fn sessions(&self) -> Vec<SessionRow> {
        let row = |(node, session): (&NodeName, &crds::BgpSession)| SessionRow {
            node: node.to_string(),
            peer: session.peer.clone(),
            address: session.address.clone(),
            asn: session.peer_asn,
            state: session.state.clone(),
            since: session.since.as_ref().map(|time| time.0),
            families: session.families.clone(),
            sent: session.routes_sent,
            accepted: session.routes_accepted,
            bfd: session.bfd.clone(),
            last_error: session.last_error.clone(),
        };
        self.speakers.sessions().map(row).collect()
    }

    /// Every interface of every node, with whom its speaker sees there.
    pub fn segments(&self) -> Vec<SegmentRow> {
        let rows = self.speakers.iter().flat_map(|(node, status)| {
            status.interfaces.iter().map(move |interface| SegmentRow {
                node: node.to_string(),
                interface: interface.name.clone(),
                hardware_address: interface.hardware_address.clone(),
                subnets: interface.subnets.clone(),
                speakers: interface
                    .speakers
                    .iter()
                    .map(|seen| format!("{} {}", seen.count, seen.state))
                    .collect(),
            })
        });
        rows.collect()
    }
}
