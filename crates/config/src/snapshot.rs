use std::collections::BTreeMap;

use announce::L2Advertisement;
use crds::{IPPool, Stored};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::advertisement::l2_advertisement;
use crate::fault::Fault;
use crate::object::{Kind, ObjectName, Verdict, age, name, readable};
use crate::pool::{Occupied, Pool, pool};

/// All custom resources that configure Herald, read and validated together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pools: BTreeMap<String, Pool>,
    l2_advertisements: BTreeMap<String, L2Advertisement>,
    verdicts: BTreeMap<ObjectName, Verdict>,
}

impl Snapshot {
    /// Reads all objects. `previous` is the snapshot that was in force before; the default one after a start.
    ///
    /// Where two pools overlap, the one that is in force unchanged keeps its addresses, else the older one, else the one
    /// first by name: so an edit never harms a pool that was not edited (W-16). A pool whose deletion is asked for stays in
    /// force with those of its addresses that no other pool has: so a pool can be renamed or split while Services hold its
    /// addresses (P-ALLOC-58).
    pub fn read<'a>(
        pools: impl IntoIterator<Item = &'a Stored<IPPool>>,
        l2_advertisements: impl IntoIterator<Item = &'a Stored<crds::L2Advertisement>>,
        previous: &Self,
    ) -> Self {
        let mut snapshot = Self::default();
        snapshot.read_pools(pools.into_iter().collect(), previous);
        for object in l2_advertisements {
            snapshot.read_l2_advertisement(object, previous);
        }
        snapshot
    }

    /// The pools in force, as `ipam` takes them.
    pub fn ipam_pools(&self) -> Vec<ipam::Pool> {
        self.pools.values().map(|pool| pool.ipam.clone()).collect()
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

    /// What became of each object.
    pub fn verdicts(&self) -> &BTreeMap<ObjectName, Verdict> {
        &self.verdicts
    }

    fn read_pools(&mut self, mut objects: Vec<&Stored<IPPool>>, previous: &Self) {
        objects.sort_by_key(|object| age(object.meta()));
        let (open, closed): (Vec<_>, Vec<_>) = objects
            .into_iter()
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

    fn judge(&mut self, kind: Kind, metadata: &ObjectMeta, fault: Option<Fault>, in_force: bool) {
        let verdict = Verdict::new(metadata, fault, in_force);
        self.verdicts.insert(ObjectName::of(kind, metadata), verdict);
    }
}

#[cfg(test)]
mod tests;
