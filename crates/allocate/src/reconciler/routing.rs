//! The objects that BGP is set up by. No address depends on them: they are judged here, and that is all.

use std::collections::{BTreeMap, BTreeSet};

use config::Change;
use config::{Objects, Snapshot};
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, Stored};
use k8s_openapi::api::core::v1;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use model::{NodeName, PeerName};

/// What a watch says.
#[allow(
    clippy::large_enum_variant,
    reason = "each is moved a few times, and none is kept"
)]
#[derive(Debug)]
pub enum RoutingInput {
    /// Of BGPAdvertisements.
    Advertisements(Change<Stored<BGPAdvertisement>>),
    /// Of BGPPeers.
    Peers(Change<Stored<BGPPeer>>),
    /// Of BFDProfiles.
    Profiles(Change<Stored<BFDProfile>>),
    /// Of Communities.
    Communities(Change<Stored<Community>>),
    /// Of Nodes.
    Nodes(Change<PartialObjectMeta<v1::Node>>),
}

/// None of a kind: its watch has not delivered its first list.
#[derive(Debug, Default)]
pub(super) struct Routing {
    pub(super) advertisements: Option<BTreeMap<String, Stored<BGPAdvertisement>>>,
    pub(super) peers: Option<BTreeMap<String, Stored<BGPPeer>>>,
    pub(super) profiles: Option<BTreeMap<String, Stored<BFDProfile>>>,
    pub(super) communities: Option<BTreeMap<String, Stored<Community>>>,
    /// Their labels alone.
    nodes: Option<BTreeMap<NodeName, announce::Node>>,
}

/// A cluster of which no node is known.
static NO_NODES: BTreeMap<NodeName, announce::Node> = BTreeMap::new();

impl Routing {
    /// Takes in what a watch says; whether it may be news.
    pub(super) fn handle_input(&mut self, input: RoutingInput) -> bool {
        match input {
            RoutingInput::Advertisements(change) => {
                change.apply_to(self.advertisements.get_or_insert_default());
                true
            }
            RoutingInput::Peers(change) => {
                change.apply_to(self.peers.get_or_insert_default());
                true
            }
            RoutingInput::Profiles(change) => {
                change.apply_to(self.profiles.get_or_insert_default());
                true
            }
            RoutingInput::Communities(change) => {
                change.apply_to(self.communities.get_or_insert_default());
                true
            }
            RoutingInput::Nodes(change) => self.handle_nodes(change),
        }
    }

    /// Whether it says anything new of which nodes there are and of their labels (P-CFG-43).
    fn handle_nodes(&mut self, change: Change<PartialObjectMeta<v1::Node>>) -> bool {
        let read = |object: PartialObjectMeta<v1::Node>| {
            let node = announce::Node {
                labels: object.labels().clone().into(),
                ..announce::Node::default()
            };
            (NodeName(object.name_any()), node)
        };
        match change {
            Change::Listed(objects) => {
                let nodes = objects.into_iter().map(read).collect();
                self.nodes.replace(nodes) != self.nodes
            }
            Change::Applied(object) => {
                let (name, node) = read(object);
                let nodes = self.nodes.get_or_insert_default();
                let changed = nodes.get(&name) != Some(&node);
                nodes.insert(name, node);
                changed
            }
            Change::Deleted(object) => {
                let nodes = self.nodes.get_or_insert_default();
                nodes.remove(&NodeName(object.name_any())).is_some()
            }
        }
    }

    /// The objects, as they are judged; none while some are unknown, so that none is judged by half of what there is.
    pub(super) fn objects(&self) -> Objects<'_> {
        let Self {
            advertisements: Some(advertisements),
            peers: Some(peers),
            profiles: Some(profiles),
            communities: Some(communities),
            nodes: Some(nodes),
        } = self
        else {
            return Objects::none(&NO_NODES);
        };
        Objects {
            bgp_advertisements: advertisements.values().collect(),
            bgp_peers: peers.values().collect(),
            bfd_profiles: profiles.values().collect(),
            communities: communities.values().collect(),
            ..Objects::none(nodes)
        }
    }

    /// The BGPPeers that name each BFDProfile, as they are written or as they are in force.
    pub(super) fn profile_users(&self, snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<PeerName>> {
        let peers = self.peers.iter().flat_map(BTreeMap::values);
        let written = peers.filter_map(|peer| {
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
}
