//! The part of a snapshot that BGP is set up by.

use std::collections::BTreeMap;
use std::sync::Arc;

use announce::Node;
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, Stored};
use kube::Resource;
use model::NodeName;

use super::Snapshot;
use crate::bfd_profile::{BfdProfile, bfd_profile};
use crate::bgp_advertisement::{self, bgp_advertisement};
use crate::community::{aliases, taken};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::object::{ObjectName, Verdict, name, readable};
use crate::peer::{self, peer};
use crate::together::{Candidate, Nodes, Settled, settle};
use crate::warning::Warning;

impl Snapshot {
    pub(super) fn read_communities(&mut self, objects: &[&Stored<Community>], previous: &Self) {
        let settled = settle(candidates(objects, aliases), &previous.communities, taken);
        self.communities = self.take(Kind::Community, settled, |_| Vec::new());
    }

    /// One that is being deleted goes on until it is gone.
    pub(super) fn read_bfd_profiles(&mut self, objects: &[&Stored<BFDProfile>], previous: &Self) {
        let settled = settle(
            candidates(objects, bfd_profile),
            &previous.bfd_profiles,
            |_, _| None,
        );
        self.bfd_profiles = self.take(Kind::BFDProfile, settled, BfdProfile::warnings);
    }

    pub(super) fn read_peers(
        &mut self,
        objects: &[&Stored<BGPPeer>],
        nodes: &BTreeMap<NodeName, Node>,
        previous: &Self,
    ) {
        let read = |object: &BGPPeer| peer(object, &self.bfd_profiles).map(Arc::new);
        let conflict = |one: &Arc<_>, in_force: &_| peer::conflict(one, in_force, &Nodes(nodes));
        let settled = settle(candidates(objects, read), &previous.peers, conflict);
        self.peers = self.take(Kind::BGPPeer, settled, |peer| peer.warnings());
    }

    pub(super) fn read_bgp_advertisements(
        &mut self,
        objects: &[&Stored<BGPAdvertisement>],
        nodes: &BTreeMap<NodeName, Node>,
        previous: &Self,
    ) {
        let read = |object: &BGPAdvertisement| bgp_advertisement(object, &self.communities);
        let conflict =
            |one: &_, in_force: &_| bgp_advertisement::conflict(one, &self.pools, in_force, &Nodes(nodes));
        let settled = settle(candidates(objects, read), &previous.bgp_advertisements, conflict);
        let pools = self.announce_pools();
        let warnings = |one: &_| bgp_advertisement::warnings(one, &pools);
        self.bgp_advertisements = self.take(Kind::BGPAdvertisement, settled, warnings);
    }

    /// Notes what became of the objects of a kind, and gives those in force.
    fn take<T>(
        &mut self,
        kind: Kind,
        settled: Settled<'_, T>,
        warnings: impl Fn(&T) -> Vec<Warning>,
    ) -> BTreeMap<String, T> {
        for (metadata, fault) in settled.faults {
            let in_force = settled.in_force.get(name(metadata));
            let warnings = in_force.map(&warnings).unwrap_or_default();
            let verdict = Verdict::new(metadata, fault, in_force.is_some()).with_warnings(warnings);
            self.verdicts.insert(ObjectName::of(kind, metadata), verdict);
        }
        let yielding = settled.yielding.into_iter().map(|name| (kind, name));
        self.yielding.extend(yielding);
        settled.in_force
    }
}

fn candidates<'a, K: Resource, T>(
    objects: &[&'a Stored<K>],
    read: impl Fn(&K) -> Result<T, Fault>,
) -> Vec<Candidate<'a, T>> {
    let candidate = |object: &&'a Stored<K>| Candidate {
        metadata: object.meta(),
        read: readable(object).and_then(&read),
    };
    objects.iter().map(candidate).collect()
}
