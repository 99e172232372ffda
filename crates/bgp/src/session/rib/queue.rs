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

    /// Whether there is any of this family.
    pub(super) fn withdraws(&self, of: Family) -> bool {
        self.withdrawals.iter().any(|prefix| family(prefix) == of)
    }

    /// Some that go into one message: all of one family, and none that waits for the announcement that takes its place.
    pub(super) fn withdrawals(&self, most: usize) -> Vec<IpNet> {
        let mut ready = self
            .withdrawals
            .iter()
            .filter(|prefix| !self.is_replaced(prefix))
            .peekable();
        let first = ready.peek().map(|prefix| family(prefix));
        let alike = |prefix: &&IpNet| Some(family(prefix)) == first;
        ready.take_while(alike).take(most).copied().collect()
    }

    /// Whether a prefix around this one or inside of it is to be announced, as when addresses are aggregated otherwise than before: else
    /// there would be no route to them for a moment.
    fn is_replaced(&self, prefix: &IpNet) -> bool {
        if self.announcements.is_empty() {
            return false;
        }
        let inside = self.announcements.range(*prefix..).next();
        if inside.is_some_and(|(other, _)| prefix.contains(other)) {
            return true;
        }
        let wider = |prefix: &IpNet| prefix.supernet();
        std::iter::successors(wider(prefix), wider).any(|around| self.announcements.contains_key(&around))
    }

    /// Some that go into one message: all of this family and with these attributes.
    pub(super) fn announcements(&self, family: Family, most: usize) -> Option<(Arc<Attributes>, Vec<IpNet>)> {
        let (attributes, prefixes) = self.groups.get(&family)?.first_key_value()?;
        Some((attributes.clone(), prefixes.iter().take(most).copied().collect()))
    }
}
