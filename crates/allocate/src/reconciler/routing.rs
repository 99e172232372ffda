//! The Nodes: by their labels objects of BGP are judged together, and what addresses they have is given to nobody. And who uses whom among
//! the objects of BGP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::node::NodeNetwork;
use config::{Change, Session, Snapshot, SpeakerFacts, Store};
use crds::BGPPeer;
use ipam::Occupant;
use k8s_openapi::api::core::v1;
use kube::ResourceExt;
use model::{NodeName, PeerName};

use super::Sessions;

/// What is known of the Nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Their labels; none: their watch has not delivered its first list.
    labels: Option<BTreeMap<NodeName, announce::Node>>,
    addresses: BTreeMap<NodeName, Vec<IpAddr>>,
    /// What their speakers say; none: that watch has not delivered its first list.
    speakers: Option<BTreeMap<NodeName, SpeakerFacts>>,
}

/// What is new of Nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeNews {
    /// Which there are, and their labels (P-CFG-43).
    pub(super) labels: bool,
    /// Where they are in the network.
    pub(super) network: bool,
    /// How their sessions stand.
    pub(super) sessions: bool,
}

impl Nodes {
    /// Takes in what the watch of Nodes says.
    pub(super) fn handle_change(&mut self, change: Change<v1::Node>) -> NodeNews {
        match change {
            Change::Listed(objects) => {
                let read = objects.iter().map(labels).collect();
                let addresses = objects.iter().map(addresses).collect();
                NodeNews {
                    labels: self.labels.replace(read) != self.labels,
                    network: std::mem::replace(&mut self.addresses, addresses) != self.addresses,
                    sessions: false,
                }
            }
            Change::Applied(object) => {
                let (name, node) = labels(&object);
                let (_, addresses) = addresses(&object);
                let before = self
                    .labels
                    .get_or_insert_default()
                    .insert(name.clone(), node.clone());
                let held = self.addresses.insert(name, addresses.clone());
                NodeNews {
                    labels: before != Some(node),
                    network: held != Some(addresses),
                    sessions: false,
                }
            }
            Change::Deleted(object) => {
                let name = NodeName(object.name_any());
                NodeNews {
                    labels: self.labels.get_or_insert_default().remove(&name).is_some(),
                    network: self.addresses.remove(&name).is_some(),
                    sessions: false,
                }
            }
        }
    }

    /// Takes in what the watch of Speakers says.
    pub(super) fn handle_speakers(&mut self, change: Change<SpeakerFacts>) -> NodeNews {
        match change {
            Change::Listed(all) => {
                let all = all.into_iter().map(|facts| (facts.node.clone(), facts)).collect();
                let differs = self.speakers.replace(all) != self.speakers;
                NodeNews {
                    labels: false,
                    network: differs,
                    sessions: differs,
                }
            }
            Change::Applied(facts) => {
                let speakers = self.speakers.get_or_insert_default();
                let before = speakers.insert(facts.node.clone(), facts.clone());
                let before = before.as_ref();
                let network = |facts: &SpeakerFacts| (facts.subnets.clone(), facts.gateways.clone());
                NodeNews {
                    labels: false,
                    network: before.map(network) != Some(network(&facts)),
                    sessions: before.map(|before| &before.sessions) != Some(&facts.sessions),
                }
            }
            Change::Deleted(facts) => {
                let gone = self
                    .speakers
                    .get_or_insert_default()
                    .remove(&facts.node)
                    .is_some();
                NodeNews {
                    labels: false,
                    network: gone,
                    sessions: gone,
                }
            }
        }
    }

    pub(super) fn known(&self) -> Option<&BTreeMap<NodeName, announce::Node>> {
        self.labels.as_ref()
    }

    /// The addresses that nodes have.
    pub(super) fn occupied(&self) -> BTreeMap<IpAddr, Occupant> {
        let network = |(name, addresses): (&NodeName, &Vec<IpAddr>)| {
            let speaker = self.speakers.as_ref().and_then(|speakers| speakers.get(name));
            let network = NodeNetwork {
                addresses: addresses.clone(),
                subnets: speaker.map(|facts| facts.subnets.clone()).unwrap_or_default(),
                gateways: speaker.map(|facts| facts.gateways.clone()).unwrap_or_default(),
            };
            (name.clone(), network)
        };
        let networks: BTreeMap<_, _> = self.addresses.iter().map(network).collect();
        config::node::occupied(&networks)
    }

    /// How the sessions of each BGPPeer stand; none while that is not known.
    pub(super) fn sessions(&self) -> Option<BTreeMap<PeerName, Sessions>> {
        let mut counts = BTreeMap::<PeerName, Sessions>::new();
        for (peer, session) in self.speakers.as_ref()?.values().flat_map(|facts| &facts.sessions) {
            let count = counts.entry(peer.clone()).or_default();
            count.wanted += 1;
            count.up += usize::from(*session == Session::Up);
        }
        Some(counts)
    }
}

fn labels(object: &v1::Node) -> (NodeName, announce::Node) {
    let node = announce::Node {
        labels: object.labels().clone().into(),
        ..announce::Node::default()
    };
    (NodeName(object.name_any()), node)
}

fn addresses(object: &v1::Node) -> (NodeName, Vec<IpAddr>) {
    (NodeName(object.name_any()), config::node::addresses(object))
}

/// The BGPPeers that name each BFDProfile, as they are written or as they are in force.
pub(super) fn profile_users(objects: &Store, snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<PeerName>> {
    let written = objects.all::<BGPPeer>().filter_map(|peer| {
        let peer = peer.readable().ok()?;
        Some((peer.spec.bfd_profile.clone()?, PeerName(peer.name_any())))
    });
    let in_force = snapshot
        .peers()
        .filter_map(|peer| Some((peer.live.bfd.as_ref()?.name.clone(), peer.name.clone())));
    let mut users: BTreeMap<String, BTreeSet<PeerName>> = BTreeMap::new();
    for (profile, peer) in written.chain(in_force) {
        users.entry(profile).or_default().insert(peer);
    }
    users
}
