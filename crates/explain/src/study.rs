use std::collections::BTreeMap;

use announce::{Endpoints, Facts};
use config::endpoints::Slice;
use config::node::NodeNetwork;
use config::service::Serving;
use config::{Objects, Reservations, Snapshot, SpeakerFacts};
use ipam::{Claim, Ipam};
use k8s_openapi::api::core::v1::Service;
use model::{NodeName, ServiceName};

use crate::cluster::{Cluster, Installation};
use crate::speakers::Speakers;

/// All objects, read as the daemons read them.
#[derive(Debug)]
pub struct Study<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) installation: &'a Installation,
    pub(crate) snapshot: Snapshot,
    pub(crate) kept: Reservations,
    pub(crate) facts: Facts,
    pub(crate) ipam: Ipam,
    pub(crate) services: BTreeMap<ServiceName, &'a Service>,
    /// What decides about announcing them.
    pub(crate) announced: announce::Services,
    pub(crate) speakers: Speakers<'a>,
}

impl<'a> Study<'a> {
    /// Reads `cluster`.
    pub fn of(cluster: &'a Cluster, installation: &'a Installation) -> Self {
        let read = |node| config::node::node(node, installation.ignore_exclude_label);
        let nodes: BTreeMap<_, _> = cluster.nodes.iter().map(read).collect();
        let snapshot = Snapshot::read(Objects::of(&cluster.objects, Some(&nodes)), &Snapshot::default());
        let kept = Reservations::read(cluster.objects.all(), &Reservations::default());
        let facts = Facts {
            nodes,
            pools: snapshot.announce_pools(),
            l2_advertisements: snapshot.l2_advertisements(),
            bgp_advertisements: snapshot.bgp_advertisements(),
            peers: snapshot.peers().map(|peer| peer.announced_to()).collect(),
        };
        let mut study = Self {
            cluster,
            installation,
            kept,
            facts,
            ipam: Ipam::default(),
            services: cluster
                .services
                .iter()
                .map(|service| (config::service::name(service), service))
                .collect(),
            announced: announce::Services::default(),
            speakers: Speakers::of(&cluster.speakers),
            snapshot,
        };
        study.ipam = study.books();
        let mut endpoints = endpoints(cluster);
        let announced = study.ours().map(|(name, service)| announce::Service {
            endpoints: endpoints.remove(name).unwrap_or_default(),
            ..config::service::announced(service)
        });
        study.announced = announced.collect();
        study
    }

    /// Whether the Service is Herald's.
    pub(crate) fn serving(&self, service: &Service) -> Serving {
        config::service::serving(service, &self.installation.classes)
    }

    /// The Services that Herald serves.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&ServiceName, &'a Service)> {
        let ours = |(_, service): &(_, &'a Service)| self.serving(service) == Serving::Ours;
        self.services
            .iter()
            .map(|(name, service)| (name, *service))
            .filter(ours)
    }

    /// Who has which address, as a controller that starts finds it: the oldest Service first.
    fn books(&self) -> Ipam {
        let mut ipam = Ipam::default();
        ipam.set_pools(self.snapshot.ipam_pools());
        ipam.set_occupied(config::node::occupied(&self.networks()));
        ipam.set_reservations(self.kept.in_force().clone());
        let mut ours: Vec<_> = self.ours().collect();
        ours.sort_by_key(|(name, service)| (service.metadata.creation_timestamp.clone(), (*name).clone()));
        for (name, service) in ours {
            let claim = Claim {
                addresses: config::service::assigned(service),
                sharing: config::service::sharing(service),
                origins: config::service::recorded_pools(service),
            };
            ipam.claim(name, claim);
        }
        ipam
    }

    /// Where nodes are in the network, as they and their speakers say.
    fn networks(&self) -> BTreeMap<NodeName, NodeNetwork> {
        let speakers = self.cluster.speakers.iter().map(SpeakerFacts::of);
        let speakers: BTreeMap<_, _> = speakers.map(|facts| (facts.node.clone(), facts)).collect();
        let network = |node| {
            let (name, _) = config::node::node(node, true);
            let speaker = speakers.get(&name);
            let network = NodeNetwork {
                addresses: config::node::addresses(node),
                subnets: speaker.map(|facts| facts.subnets.clone()).unwrap_or_default(),
                gateways: speaker.map(|facts| facts.gateways.clone()).unwrap_or_default(),
            };
            (name, network)
        };
        self.cluster.nodes.iter().map(network).collect()
    }
}

fn endpoints(cluster: &Cluster) -> BTreeMap<ServiceName, Endpoints> {
    let mut endpoints = BTreeMap::<_, Endpoints>::new();
    for slice in cluster.slices.iter().filter_map(Slice::of) {
        endpoints.entry(slice.service).or_default().add(&slice.endpoints);
    }
    endpoints
}
