//! The Nodes, by which objects of BGP are judged together, and who uses whom among those. No address depends on them.

use std::collections::{BTreeMap, BTreeSet};

use config::{Change, Snapshot, Store};
use crds::BGPPeer;
use k8s_openapi::api::core::v1;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use model::{NodeName, PeerName};

/// The labels of the Nodes; none: their watch has not delivered its first list.
#[derive(Debug, Default)]
pub(super) struct Nodes(Option<BTreeMap<NodeName, announce::Node>>);

impl Nodes {
    /// Takes in what a watch says; whether it is anything new of which nodes there are and of their labels (P-CFG-43).
    pub(super) fn handle_change(&mut self, change: Change<PartialObjectMeta<v1::Node>>) -> bool {
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
                self.0.replace(nodes) != self.0
            }
            Change::Applied(object) => {
                let (name, node) = read(object);
                let nodes = self.0.get_or_insert_default();
                let changed = nodes.get(&name) != Some(&node);
                nodes.insert(name, node);
                changed
            }
            Change::Deleted(object) => {
                let nodes = self.0.get_or_insert_default();
                nodes.remove(&NodeName(object.name_any())).is_some()
            }
        }
    }

    pub(super) fn known(&self) -> Option<&BTreeMap<NodeName, announce::Node>> {
        self.0.as_ref()
    }
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
