//! Objects of one kind that can stand in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use announce::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::{NodeName, Selectors};

use crate::fault::Fault;
use crate::object::{age, name};

/// An object, and what it means by itself.
pub(crate) struct Candidate<'a, T> {
    pub(crate) metadata: &'a ObjectMeta,
    pub(crate) read: Result<T, Fault>,
}

/// What becomes of the objects of one kind.
pub(crate) struct Settled<'a, T> {
    /// By name.
    pub(crate) in_force: BTreeMap<String, T>,
    /// Those of them that stand in the way of another, which counts where they meet: they did not when they came into force.
    pub(crate) yielding: BTreeSet<String>,
    /// What is wrong with each, if anything.
    pub(crate) faults: Vec<(&'a ObjectMeta, Option<Fault>)>,
}

/// Puts objects in force, one after the other: first those that are unchanged, then the older ones, then those first by name; so an
/// edit never harms an object that was not edited (W-16). `conflict` says what is wrong with one beside those that are in force
/// already. One that is wrong stays in force in its last good form, if it had any, whatever happened around it: what runs is not torn
/// down (P-CFG-39).
pub(crate) fn settle<'a, T: Clone + PartialEq>(
    mut candidates: Vec<Candidate<'a, T>>,
    previous: &BTreeMap<String, T>,
    conflict: impl Fn(&T, &BTreeMap<String, T>) -> Option<Fault>,
) -> Settled<'a, T> {
    candidates.sort_by_cached_key(|candidate| age(candidate.metadata));
    // What cannot be read is unchanged too: its last good form is.
    let (unchanged, changed): (Vec<_>, Vec<_>) =
        candidates
            .into_iter()
            .partition(|candidate| match &candidate.read {
                Ok(read) => previous.get(name(candidate.metadata)) == Some(read),
                Err(_) => true,
            });
    let mut settled = Settled {
        in_force: BTreeMap::new(),
        yielding: BTreeSet::new(),
        faults: Vec::new(),
    };
    let mut yielding = BTreeMap::new();
    for Candidate { metadata, read } in unchanged.into_iter().chain(changed) {
        let name = name(metadata).to_owned();
        let fault = match read {
            Ok(read) => match conflict(&read, &settled.in_force) {
                Some(fault) => Some(fault),
                None => {
                    settled.in_force.insert(name.clone(), read);
                    None
                }
            },
            Err(fault) => Some(fault),
        };
        if let Some(before) = previous.get(&name).filter(|_| fault.is_some()) {
            match conflict(before, &settled.in_force) {
                Some(_) => yielding.insert(name, before.clone()),
                None => settled.in_force.insert(name, before.clone()),
            };
        }
        settled.faults.push((metadata, fault));
    }
    settled.yielding = yielding.keys().cloned().collect();
    settled.in_force.extend(yielding);
    settled
}

/// The nodes of the cluster, by which overlap is judged.
pub(crate) struct Nodes<'a>(pub(crate) &'a BTreeMap<NodeName, Node>);

impl Nodes<'_> {
    /// Whether some node is selected by both lists, of which an empty one selects all. With no node known any two do (P-CFG-17).
    pub(crate) fn meet(&self, one: &Selectors, other: &Selectors) -> bool {
        let both = |node: &Node| one.unset_or_any(&node.labels) && other.unset_or_any(&node.labels);
        self.0.is_empty() || self.0.values().any(both)
    }
}
