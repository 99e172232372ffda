use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use announce::{BgpAdvertisement, L2Advertisement, Node};
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, Stored};
use ipam::Occupant;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use model::{AddressRange, Labels, NodeName, PoolName};

use crate::advertisement::l2_advertisement;
use crate::bfd_profile::BfdProfile;
use crate::community::Aliases;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::object::{ObjectName, Verdict, age, name, readable};
use crate::peer::Peer;
use crate::pool::{Occupied, Pool, host_bits, pool};
use crate::store::Store;
use crate::warning::Warning;

mod routing;

/// All objects that a [`Snapshot`] is read from.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    /// All IPPools.
    pub pools: Vec<&'a Stored<IPPool>>,
    /// All L2Advertisements.
    pub l2_advertisements: Vec<&'a Stored<crds::L2Advertisement>>,
    /// All BGPAdvertisements.
    pub bgp_advertisements: Vec<&'a Stored<BGPAdvertisement>>,
    /// All BGPPeers.
    pub bgp_peers: Vec<&'a Stored<BGPPeer>>,
    /// All BFDProfiles.
    pub bfd_profiles: Vec<&'a Stored<BFDProfile>>,
    /// All Communities.
    pub communities: Vec<&'a Stored<Community>>,
    /// All Nodes, of which only the labels count: whether two objects meet on one is judged by them (P-CFG-17).
    pub nodes: &'a BTreeMap<NodeName, Node>,
}

/// The kinds that BGP is set up by: they are judged by each other.
const ROUTING: [Kind; 4] = [
    Kind::BFDProfile,
    Kind::BGPAdvertisement,
    Kind::BGPPeer,
    Kind::Community,
];

static NO_NODES: BTreeMap<NodeName, Node> = BTreeMap::new();

impl<'a> Objects<'a> {
    /// Those of `store`. What BGP is set up by is left out while some of it, or the nodes (none), are not known: so none is judged
    /// by half of what there is.
    pub fn of(store: &'a Store, nodes: Option<&'a BTreeMap<NodeName, Node>>) -> Self {
        let objects = Self {
            pools: store.all().collect(),
            l2_advertisements: store.all().collect(),
            ..Self::none(nodes.unwrap_or(&NO_NODES))
        };
        if nodes.is_none() || !ROUTING.iter().all(|kind| store.is_listed(*kind)) {
            return objects;
        }
        Self {
            bgp_advertisements: store.all().collect(),
            bgp_peers: store.all().collect(),
            bfd_profiles: store.all().collect(),
            communities: store.all().collect(),
            ..objects
        }
    }

    /// No objects, in a cluster of these nodes.
    pub fn none(nodes: &'a BTreeMap<NodeName, Node>) -> Self {
        Self {
            pools: Vec::new(),
            l2_advertisements: Vec::new(),
            bgp_advertisements: Vec::new(),
            bgp_peers: Vec::new(),
            bfd_profiles: Vec::new(),
            communities: Vec::new(),
            nodes,
        }
    }
}

/// All custom resources that configure Herald, read and validated together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pools: BTreeMap<String, Pool>,
    l2_advertisements: BTreeMap<String, L2Advertisement>,
    bgp_advertisements: BTreeMap<String, BgpAdvertisement>,
    peers: BTreeMap<String, Arc<Peer>>,
    bfd_profiles: BTreeMap<String, BfdProfile>,
    communities: BTreeMap<String, Aliases>,
    /// BGPPeers and BGPAdvertisements in force that give way to others where they meet.
    yielding: BTreeSet<(Kind, String)>,
    verdicts: BTreeMap<ObjectName, Verdict>,
}

impl Snapshot {
    /// Reads all objects. `previous` is the snapshot that was in force before; the default one after a start.
    ///
    /// Where two pools overlap, the one that is in force unchanged keeps its addresses, else the older one, else the one
    /// first by name: so an edit never harms a pool that was not edited (W-16). A pool whose deletion is asked for stays in
    /// force with those of its addresses that no other pool has: so a pool can be renamed or split while Services hold its
    /// addresses (P-ALLOC-58).
    ///
    /// The same holds for BGPPeers that are one router to a node, for Communities with one name and for BGPAdvertisements of one
    /// route that want it otherwise; but of these one that comes to conflict without being edited, because a node got other labels
    /// or a pool other addresses, stays in force and gives way where it meets the other.
    pub fn read(objects: Objects<'_>, previous: &Self) -> Self {
        let mut snapshot = Self::default();
        snapshot.read_pools(objects.pools, previous);
        for object in objects.l2_advertisements {
            snapshot.read_l2_advertisement(object, previous);
        }
        snapshot.read_communities(&objects.communities, previous);
        snapshot.read_bfd_profiles(&objects.bfd_profiles, previous);
        snapshot.read_peers(&objects.bgp_peers, objects.nodes, previous);
        snapshot.read_bgp_advertisements(&objects.bgp_advertisements, objects.nodes, previous);
        snapshot
    }

    /// The pools in force, as `ipam` takes them.
    pub fn ipam_pools(&self) -> Vec<ipam::Pool> {
        self.pools.values().map(|pool| pool.ipam.clone()).collect()
    }

    /// Those of these addresses that a pool in force would give out if no node had them, by pool.
    pub fn occupied<'a>(
        &self,
        occupied: impl IntoIterator<Item = (&'a IpAddr, &'a Occupant)>,
    ) -> BTreeMap<PoolName, Warning> {
        let mut warnings = BTreeMap::<PoolName, Warning>::new();
        for (address, occupant) in occupied {
            let has = |ranges: &[AddressRange]| ranges.iter().any(|range| range.contains(*address));
            let mut pools = self.pools.values().map(|pool| &pool.ipam);
            let Some(pool) = pools.find(|pool| has(&pool.ranges) && !has(&pool.excluded)) else {
                continue;
            };
            let first = Warning::Occupied {
                count: 0,
                first: *address,
                occupant: occupant.clone(),
            };
            let warning = warnings.entry(pool.name.clone()).or_insert(first);
            if let Warning::Occupied { count, .. } = warning {
                *count += 1;
            }
        }
        warnings
    }

    /// The pools in force, as `announce` takes them.
    pub fn announce_pools(&self) -> Vec<announce::Pool> {
        let pool = |pool: &Pool| announce::Pool {
            name: pool.ipam.name.clone(),
            labels: pool.labels.clone(),
            ranges: pool.ipam.ranges.clone(),
        };
        self.pools.values().map(pool).collect()
    }

    /// Whether any pool looks at the labels of namespaces, so that those must be known before it is chosen.
    pub fn selects_namespaces(&self) -> bool {
        let selects = |pool: &Pool| {
            pool.ipam
                .pinned
                .as_ref()
                .is_some_and(|pinned| !pinned.namespace_selectors.is_empty())
        };
        self.pools.values().any(selects)
    }

    /// The L2Advertisements in force.
    pub fn l2_advertisements(&self) -> Vec<L2Advertisement> {
        self.l2_advertisements.values().cloned().collect()
    }

    /// The BGPAdvertisements in force.
    pub fn bgp_advertisements(&self) -> Vec<BgpAdvertisement> {
        let one = |(name, advertisement): (&String, &BgpAdvertisement)| BgpAdvertisement {
            yields: self.yields(Kind::BGPAdvertisement, name),
            ..advertisement.clone()
        };
        self.bgp_advertisements.iter().map(one).collect()
    }

    /// The BGPPeers in force, whatever nodes they select.
    pub fn peers(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.peers.values()
    }

    /// The BGPPeers that a node with these labels has a session with: no two are one router.
    pub fn peers_of(&self, labels: &Labels) -> Vec<&Arc<Peer>> {
        let selects = |(_, peer): &(&String, &Arc<Peer>)| peer.nodes.unset_or_any(labels);
        let (yielding, firm): (Vec<_>, Vec<_>) = self
            .peers
            .iter()
            .filter(selects)
            .partition(|(name, _)| self.yields(Kind::BGPPeer, name));
        let mut peers: Vec<&Arc<Peer>> = Vec::with_capacity(firm.len());
        for (_, peer) in firm.into_iter().chain(yielding) {
            if !peers.iter().any(|other| other.is_same_router(peer)) {
                peers.push(peer);
            }
        }
        peers
    }

    /// What became of each object.
    pub fn verdicts(&self) -> &BTreeMap<ObjectName, Verdict> {
        &self.verdicts
    }

    fn read_pools(&mut self, mut objects: Vec<&Stored<IPPool>>, previous: &Self) {
        self.judge_pools(&mut objects, previous);
        for object in objects {
            let verdict = self
                .verdicts
                .get_mut(&ObjectName::of(Kind::IPPool, object.meta()));
            if let (Some(verdict), Ok(pool)) = (verdict, readable(object)) {
                verdict.warnings.extend(host_bits(&pool.spec.addresses));
            }
        }
    }

    fn judge_pools(&mut self, objects: &mut [&Stored<IPPool>], previous: &Self) {
        objects.sort_by_key(|object| age(object.meta()));
        let (open, closed): (Vec<_>, Vec<_>) = objects
            .iter()
            .copied()
            .partition(|object| object.meta().deletion_timestamp.is_none());
        // What cannot be read is unchanged too: its last good form is.
        let (unchanged, changed): (Vec<_>, Vec<_>) = open
            .into_iter()
            .map(|object| (object.meta(), readable(object).and_then(pool)))
            .partition(|(metadata, read)| match read {
                Ok(pool) => previous.pools.get(name(metadata)) == Some(pool),
                Err(_) => true,
            });
        let mut occupied = Occupied::default();
        for (metadata, read) in unchanged.into_iter().chain(changed) {
            let fault = read
                .and_then(|pool| self.put_in_force(&mut occupied, metadata, pool))
                .err();
            let fallback = fault
                .as_ref()
                .and_then(|_| previous.pools.get(name(metadata)).cloned());
            let in_force =
                fallback.is_some_and(|pool| self.put_in_force(&mut occupied, metadata, pool).is_ok());
            self.judge(Kind::IPPool, metadata, fault, in_force);
        }
        for object in closed {
            self.read_closed_pool(object, &mut occupied, previous);
        }
    }

    fn put_in_force(
        &mut self,
        occupied: &mut Occupied,
        metadata: &ObjectMeta,
        pool: Pool,
    ) -> Result<(), Fault> {
        occupied.add(&pool.ipam)?;
        self.pools.insert(name(metadata).to_owned(), pool);
        Ok(())
    }

    fn read_closed_pool(&mut self, object: &Stored<IPPool>, occupied: &mut Occupied, previous: &Self) {
        let name = name(object.meta());
        let read = readable(object).and_then(pool);
        let fault = read.as_ref().err().cloned();
        let in_force = read.ok().or_else(|| previous.pools.get(name).cloned());
        self.judge(Kind::IPPool, object.meta(), fault, in_force.is_some());
        if let Some(mut pool) = in_force {
            pool.ipam.closed = true;
            occupied.add_rest(&mut pool.ipam);
            self.pools.insert(name.to_owned(), pool);
        }
    }

    fn read_l2_advertisement(&mut self, object: &Stored<crds::L2Advertisement>, previous: &Self) {
        let name = name(object.meta());
        let read = readable(object).and_then(l2_advertisement);
        let fault = read.as_ref().err().cloned();
        let in_force = read
            .ok()
            .or_else(|| previous.l2_advertisements.get(name).cloned());
        self.judge(Kind::L2Advertisement, object.meta(), fault, in_force.is_some());
        if let Some(advertisement) = in_force {
            self.l2_advertisements.insert(name.to_owned(), advertisement);
        }
    }

    fn yields(&self, kind: Kind, name: &str) -> bool {
        self.yielding.contains(&(kind, name.to_owned()))
    }

    fn judge(&mut self, kind: Kind, metadata: &ObjectMeta, fault: Option<Fault>, in_force: bool) {
        let verdict = Verdict::new(metadata, fault, in_force);
        self.verdicts.insert(ObjectName::of(kind, metadata), verdict);
    }
}

#[cfg(test)]
mod tests;
