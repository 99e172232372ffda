use std::collections::BTreeMap;
use std::fmt;

use announce::L2Advertisement;
use crds::IPPool;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::advertisement::l2_advertisement;
use crate::fault::Fault;
use crate::pool::{Occupied, Pool, pool};

/// A kind of custom resource that a [`Verdict`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `IPPool`.
    IPPool,
    /// `L2Advertisement`.
    L2Advertisement,
}

/// A custom resource, by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::IPPool => "IPPool",
            Kind::L2Advertisement => "L2Advertisement",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The generation that was judged.
    pub generation: i64,
    /// Why it is not in force; none when it is.
    pub fault: Option<Fault>,
    /// The object is wrong now, and the form that it had before is still in force.
    pub previous_in_force: bool,
}

/// All custom resources, read and validated together.
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
    /// first by name: so an edit never harms a pool that was not edited (W-16).
    pub fn read<'a>(
        pools: impl IntoIterator<Item = &'a IPPool>,
        l2_advertisements: impl IntoIterator<Item = &'a crds::L2Advertisement>,
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

    fn read_pools(&mut self, mut objects: Vec<&IPPool>, previous: &Self) {
        objects.sort_by_key(|object| age(&object.metadata));
        let mut occupied = Occupied::default();
        let (unchanged, changed): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .map(|object| (object, pool(object)))
            .partition(|(object, read)| read.as_ref().ok() == previous.pools.get(name(&object.metadata)));
        for (object, read) in unchanged.into_iter().chain(changed) {
            let fault = read
                .and_then(|pool| self.put_in_force(&mut occupied, object, pool))
                .err();
            let fallback = fault
                .as_ref()
                .and_then(|_| previous.pools.get(name(&object.metadata)).cloned());
            let previous_in_force =
                fallback.is_some_and(|pool| self.put_in_force(&mut occupied, object, pool).is_ok());
            self.judge(Kind::IPPool, &object.metadata, fault, previous_in_force);
        }
    }

    fn put_in_force(&mut self, occupied: &mut Occupied, object: &IPPool, pool: Pool) -> Result<(), Fault> {
        occupied.add(&pool.ipam)?;
        self.pools.insert(name(&object.metadata).to_owned(), pool);
        Ok(())
    }

    fn read_l2_advertisement(&mut self, object: &crds::L2Advertisement, previous: &Self) {
        let name = name(&object.metadata);
        let read = l2_advertisement(object);
        let fault = read.as_ref().err().cloned();
        let in_force = read
            .ok()
            .or_else(|| previous.l2_advertisements.get(name).cloned());
        self.judge(Kind::L2Advertisement, &object.metadata, fault, in_force.is_some());
        if let Some(advertisement) = in_force {
            self.l2_advertisements.insert(name.to_owned(), advertisement);
        }
    }

    fn judge(&mut self, kind: Kind, metadata: &ObjectMeta, fault: Option<Fault>, previous_in_force: bool) {
        let previous_in_force = previous_in_force && fault.is_some();
        let verdict = Verdict {
            generation: metadata.generation.unwrap_or_default(),
            fault,
            previous_in_force,
        };
        self.verdicts.insert(
            ObjectName {
                kind,
                name: name(metadata).to_owned(),
            },
            verdict,
        );
    }
}

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// Oldest first; equals by name.
fn age(metadata: &ObjectMeta) -> (Option<Time>, String) {
    (metadata.creation_timestamp.clone(), name(metadata).to_owned())
}

#[cfg(test)]
mod tests;
