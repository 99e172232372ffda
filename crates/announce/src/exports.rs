use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgp::{Attributes, DEFAULT_LOCAL_PREF, LinkBandwidth, Table};
use ipnet::IpNet;
use model::{PeerName, ServiceName};

use crate::routes::Export;

/// All that one node announces by BGP: one table for each peer, kept up to date with as little work as a change calls for.
///
/// A route is there while any Service needs it (P-BGP-9). Where several make one, it has the communities of all (P-BGP-59) and the sum
/// of their weights, and of what a route has only one of, the most attractive: the highest local preference, the lowest
/// MED, the shortest path. One that only some of them are about to withdraw is not leaving. What two advertisements want of one Service never differs in that; it may between Services that
/// share an address or an aggregate.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    services: BTreeMap<ServiceName, Box<[Export]>>,
    /// Who needs which prefix.
    users: BTreeSet<(IpNet, ServiceName)>,
    tables: BTreeMap<PeerName, Arc<Table>>,
    /// Prefixes whose routes may differ from those in `tables`.
    stale: BTreeSet<IpNet>,
    /// Of attributes that are equal there is one.
    attributes: BTreeSet<Arc<Attributes>>,
    /// Of sets of peers that are equal there is one.
    peers: BTreeSet<Arc<BTreeSet<PeerName>>>,
}

/// What changes in a table: routes that are new or other than before, and prefixes that go.
type Changes = BTreeMap<IpNet, Option<Arc<Attributes>>>;

impl Exports {
    /// A Service is announced so from now on. The same as before causes no work (P-CFG-41).
    pub fn set(&mut self, service: ServiceName, exports: Vec<Export>) {
        if self.services.get(&service).map_or(&[][..], |known| known) == exports {
            return;
        }
        self.remove(&service);
        if exports.is_empty() {
            return;
        }
        let exports: Box<[_]> = exports.into_iter().map(|export| self.interned(export)).collect();
        for export in &exports {
            self.stale.insert(export.prefix);
            self.users.insert((export.prefix, service.clone()));
        }
        self.services.insert(service, exports);
    }

    /// A Service is announced no more.
    pub fn remove(&mut self, service: &ServiceName) {
        let Some(exports) = self.services.remove(service) else {
            return;
        };
        for export in exports {
            self.stale.insert(export.prefix);
            self.users.remove(&(export.prefix, service.clone()));
        }
    }

    /// What each peer is to get; a peer that is not there gets nothing. A table that has not changed is the same `Arc` as before, and
    /// peers that get the same share one.
    pub fn tables(&mut self) -> &BTreeMap<PeerName, Arc<Table>> {
        let stale = std::mem::take(&mut self.stale);
        if stale.is_empty() {
            return &self.tables;
        }
        let mut changes: BTreeMap<PeerName, Changes> = BTreeMap::new();
        for prefix in stale {
            self.compare(prefix, &mut changes);
        }
        let mut done: Vec<(Arc<Table>, Changes, Arc<Table>)> = Vec::new();
        for (peer, changes) in changes {
            let before = self.tables.remove(&peer).unwrap_or_default();
            let same =
                |(other, made, _): &&(Arc<Table>, Changes, Arc<Table>)| *other == before && *made == changes;
            let after = match done.iter().find(same) {
                Some((_, _, after)) => Arc::clone(after),
                None => {
                    let after = self.shared(changed(&before, &changes), before.is_empty());
                    done.push((before, changes, Arc::clone(&after)));
                    after
                }
            };
            if !after.is_empty() {
                self.tables.insert(peer, after);
            }
        }
        drop(done);
        self.attributes
            .retain(|attributes| Arc::strong_count(attributes) > 1);
        self.peers.retain(|peers| Arc::strong_count(peers) > 1);
        &self.tables
    }

    /// Notes in which tables a prefix is to change.
    fn compare(&mut self, prefix: IpNet, changes: &mut BTreeMap<PeerName, Changes>) {
        let mut routes = self.routes(prefix);
        for (peer, table) in &self.tables {
            let route = routes.remove(peer);
            if table.get(&prefix) != route.as_ref() {
                changes.entry(peer.clone()).or_default().insert(prefix, route);
            }
        }
        for (peer, route) in routes {
            changes.entry(peer).or_default().insert(prefix, Some(route));
        }
    }

    /// The route of a prefix, for each peer that gets one.
    fn routes(&mut self, prefix: IpNet) -> BTreeMap<PeerName, Arc<Attributes>> {
        let following = self.users.range((prefix, ServiceName::new("", ""))..);
        let users = following
            .take_while(|(used, _)| *used == prefix)
            .map(|(_, user)| user);
        let of_service = |user: &ServiceName| {
            let exports = self.services.get(user).into_iter().flatten();
            one_for_each_peer(exports.filter(|export| export.prefix == prefix))
        };
        let mut routes: BTreeMap<PeerName, Arc<Attributes>> = BTreeMap::new();
        for (peer, route) in users.flat_map(of_service) {
            merge(&mut routes, peer, &route, Sum::OfBoth);
        }
        let one = |(peer, route)| (peer, intern(&mut self.attributes, route));
        routes.into_iter().map(one).collect()
    }

    /// The table, or the one that another peer has and is the same. Only a peer that is `new` is compared with others: those that
    /// get the same from their beginning on share it already.
    fn shared(&self, table: Table, new: bool) -> Arc<Table> {
        let mut others = self.tables.values();
        let other = others.find(|other| new && ***other == table);
        other.map_or_else(|| Arc::new(table), Arc::clone)
    }

    fn interned(&mut self, export: Export) -> Export {
        Export {
            peers: intern(&mut self.peers, export.peers),
            prefix: export.prefix,
            attributes: intern(&mut self.attributes, export.attributes),
        }
    }
}

/// What becomes of two link bandwidths.
#[derive(Clone, Copy)]
enum Sum {
    /// They are of two Services: traffic for both comes by the one route.
    OfBoth,
    /// They are of one Service, twice.
    Once,
}

fn one_for_each_peer<'a>(exports: impl Iterator<Item = &'a Export>) -> BTreeMap<PeerName, Arc<Attributes>> {
    let mut routes = BTreeMap::new();
    for export in exports {
        for peer in export.peers.iter() {
            merge(&mut routes, peer.clone(), &export.attributes, Sum::Once);
        }
    }
    routes
}

fn merge(routes: &mut BTreeMap<PeerName, Arc<Attributes>>, peer: PeerName, more: &Arc<Attributes>, sum: Sum) {
    match routes.get_mut(&peer) {
        None => drop(routes.insert(peer, Arc::clone(more))),
        Some(route) if route.link_bandwidth.is_none() && Arc::ptr_eq(route, more) => {}
        Some(route) => *route = Arc::new(combined(route, more, sum)),
    }
}

fn combined(one: &Attributes, other: &Attributes, sum: Sum) -> Attributes {
    let bandwidth = match (one.link_bandwidth, other.link_bandwidth, sum) {
        (Some(one), Some(other), Sum::OfBoth) => Some(LinkBandwidth(one.0.saturating_add(other.0))),
        (one, other, Sum::OfBoth | Sum::Once) => one.max(other),
    };
    let local_prefs = [one.local_pref, other.local_pref].into_iter();
    let local_pref = local_prefs.max_by_key(|pref| (pref.unwrap_or(DEFAULT_LOCAL_PREF), *pref));
    // No MED is the best one (RFC 4271 §9.1.2.2).
    let med = [one.med, other.med].into_iter().min();
    Attributes {
        local_pref: local_pref.flatten(),
        med: med.flatten(),
        prepend: one.prepend.min(other.prepend),
        communities: &one.communities | &other.communities,
        large_communities: &one.large_communities | &other.large_communities,
        link_bandwidth: bandwidth,
        // What one Service is about to leave stays for the other.
        leaving: one.leaving && other.leaving,
    }
}

fn changed(before: &Table, changes: &Changes) -> Table {
    let mut after = before.clone();
    for (prefix, route) in changes {
        match route {
            Some(route) => after.insert(*prefix, Arc::clone(route)),
            None => after.remove(prefix),
        };
    }
    after
}

/// The one of its value.
fn intern<T: Ord>(known: &mut BTreeSet<Arc<T>>, value: Arc<T>) -> Arc<T> {
    match known.get(&value) {
        Some(known) => Arc::clone(known),
        None => {
            known.insert(Arc::clone(&value));
            value
        }
    }
}

#[cfg(test)]
mod tests;
