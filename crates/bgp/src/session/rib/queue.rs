use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use model::Family;

use super::family;
use crate::route::Attributes;

/// What the peer is still to be told. A prefix is in it once at most: what changes again before it is said is said once.
#[derive(Debug, Default)]
pub(super) struct Queue {
    withdrawals: BTreeSet<IpNet>,
    announcements: BTreeMap<IpNet, Arc<Attributes>>,
    /// The same by what goes into one message (U6).
    groups: BTreeMap<Family, BTreeMap<Arc<Attributes>, BTreeSet<IpNet>>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.withdrawals.len() + self.announcements.len()
    }

    pub(super) fn contains(&self, prefix: &IpNet) -> bool {
        self.withdrawals.contains(prefix) || self.announcements.contains_key(prefix)
    }

    /// The prefixes to be announced.
    pub(super) fn announced(&self) -> impl Iterator<Item = &IpNet> {
        self.announcements.keys()
    }

    pub(super) fn withdraw(&mut self, prefix: IpNet) {
        self.forget(&prefix);
        self.withdrawals.insert(prefix);
    }

    pub(super) fn announce(&mut self, prefix: IpNet, attributes: Arc<Attributes>) {
        if self.announcements.get(&prefix) == Some(&attributes) {
            return;
        }
        self.forget(&prefix);
        let groups = self.groups.entry(family(&prefix)).or_default();
        groups.entry(attributes.clone()).or_default().insert(prefix);
        self.announcements.insert(prefix, attributes);
    }

    /// There is nothing to say about this one, or it has been said.
    pub(super) fn forget(&mut self, prefix: &IpNet) {
        self.withdrawals.remove(prefix);
        let Some(attributes) = self.announcements.remove(prefix) else {
            return;
        };
        let Some(groups) = self.groups.get_mut(&family(prefix)) else {
            return;
        };
        if let Some(group) = groups.get_mut(&attributes) {
            group.remove(prefix);
            if group.is_empty() {
                groups.remove(&attributes);
            }
        }
    }

    /// Some that go into one message: all of one family.
    pub(super) fn withdrawals(&self, most: usize) -> Vec<IpNet> {
        let first = self.withdrawals.first().map(family);
        let alike = |prefix: &&IpNet| Some(family(prefix)) == first;
        self.withdrawals
            .iter()
            .take_while(alike)
            .take(most)
            .copied()
            .collect()
    }

    /// Some that go into one message: all of this family and with these attributes.
    pub(super) fn announcements(&self, family: Family, most: usize) -> Option<(Arc<Attributes>, Vec<IpNet>)> {
        let (attributes, prefixes) = self.groups.get(&family)?.first_key_value()?;
        Some((attributes.clone(), prefixes.iter().take(most).copied().collect()))
    }
}
