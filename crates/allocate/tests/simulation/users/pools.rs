use std::time::Duration;

use crds::{
    IPPool, IPPoolSpec, Malformed, NamespaceLimit, NamespaceQuota, NamespaceSharing, ReclaimPolicy,
    ServiceAllocation, Stored,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;

use super::{NAMESPACES, NOTHING, TIERS, Users};
use crate::log::Stamp;
use crate::object::{Key, Kind, Object};
use crate::store::Store;

pub(super) const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// The entries that people put into each pool. No two of different pools overlap.
const ENTRIES: [&[&str]; 3] = [
    &["192.0.2.0/31", "192.0.2.2-192.0.2.3", "2001:db8:a::/127"],
    &[
        "192.0.2.253-192.0.2.254",
        "192.0.2.255/32",
        "2001:db8:b::1-2001:db8:b::2",
    ],
    &["198.51.100.1-198.51.100.3"],
];

/// An address of the first entry of each pool.
const FIRST: [&str; 3] = ["192.0.2.1", "192.0.2.253", "198.51.100.2"];

impl Users {
    /// Creates a pool, or edits it if it is there.
    pub(super) fn write_pool(&mut self, store: &mut Store, now: Duration, name: &str) -> String {
        let key = Key::new(Kind::Pools, "", name);
        let index = NAMES.iter().position(|known| *known == name).unwrap_or_default();
        let metadata = self.metadata(store, now, &key);
        let before = store.get(&key).and_then(|object| object.pool());
        let status = before.map(Stored::status);
        let known = before.and_then(|before| before.readable().ok());
        let mut spec = known.map_or_else(|| plain(self.entries(index)), |pool| pool.spec.clone());
        match self.chance.below(60) {
            0 => {
                let malformed = Malformed {
                    metadata,
                    status: json!(status),
                    error: "addresses: expected a sequence".to_owned(),
                };
                store.put(
                    Stamp::user(now),
                    key,
                    Object::Pool(Stored::Malformed(Box::new(malformed))),
                );
                return format!("pool {name}: malformed");
            }
            // By mistake, the addresses of another pool.
            1 | 2 => {
                spec.addresses = self.entries((index + 1) % NAMES.len());
                spec.exclude.clear();
            }
            3..20 => {
                spec.addresses = self.entries(index);
                spec.exclude.clear();
            }
            20..30 => spec.service_allocation = self.allocation(),
            30..40 => {
                spec.auto_assign = self.chance.percent(75);
                spec.avoid_buggy_ips = self.chance.percent(25);
            }
            40..50 => spec.reclaim_policy = self.chance.one_of(&[ReclaimPolicy::Keep, ReclaimPolicy::Move]),
            _ => {
                let first = spec
                    .addresses
                    .first()
                    .is_some_and(|first| *first == ENTRIES[index][0]);
                let exclude = first && self.chance.percent(50);
                spec.exclude = exclude.then(|| FIRST[index].to_owned()).into_iter().collect();
                spec.namespace_quota = self.quota();
            }
        }
        let words = format!("pool {name}: {}", json!(spec));
        let pool = IPPool {
            metadata,
            spec,
            status,
        };
        store.put(Stamp::user(now), key, Object::Pool(Stored::Readable(pool)));
        words
    }

    /// Gives every pool addresses of its own.
    pub(super) fn mend_pools(&mut self, store: &mut Store, now: Duration) {
        for (index, name) in NAMES.iter().enumerate() {
            let key = Key::new(Kind::Pools, "", name);
            let Some(pool) = store.get(&key).and_then(|object| object.pool()) else {
                continue;
            };
            let good = |pool: &IPPool| {
                pool.spec
                    .addresses
                    .iter()
                    .all(|entry| ENTRIES[index].contains(&entry.as_str()))
            };
            if pool.readable().is_ok_and(good) {
                continue;
            }
            let status = pool.status();
            let mended = IPPool {
                metadata: self.metadata(store, now, &key),
                spec: plain(self.entries(index)),
                status: Some(status),
            };
            store.put(Stamp::user(now), key, Object::Pool(Stored::Readable(mended)));
        }
    }

    pub(super) fn delete_pool(&mut self, store: &mut Store, now: Duration) -> String {
        let Some(key) = self.any(store, Kind::Pools) else {
            return NOTHING.to_owned();
        };
        store.delete(Stamp::user(now), &key);
        format!("deletes pool {}", key.name)
    }

    fn entries(&mut self, index: usize) -> Vec<String> {
        let mut entries = self.chance.some_of(ENTRIES[index]);
        if entries.is_empty() {
            entries.push(ENTRIES[index][0]);
        }
        entries.into_iter().map(str::to_owned).collect()
    }

    fn allocation(&mut self) -> Option<ServiceAllocation> {
        let tier = |tier: &str| LabelSelector {
            match_labels: Some([("tier".to_owned(), tier.to_owned())].into()),
            match_expressions: None,
        };
        self.chance.percent(60).then(|| ServiceAllocation {
            priority: i32::try_from(self.chance.below(3)).expect("a small number"),
            namespaces: self
                .chance
                .some_of(&NAMESPACES)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            namespace_selectors: self
                .chance
                .some_of(&TIERS)
                .into_iter()
                .map(tier)
                .take(1)
                .collect(),
            service_selectors: self
                .chance
                .some_of(&TIERS)
                .into_iter()
                .map(tier)
                .take(1)
                .collect(),
        })
    }

    fn quota(&mut self) -> Option<NamespaceQuota> {
        let limit = |chance: &mut super::Chance| i32::try_from(chance.below(4)).expect("a small number");
        self.chance.percent(40).then(|| NamespaceQuota {
            limit: limit(&mut self.chance),
            overrides: vec![NamespaceLimit {
                namespace: (self.chance.one_of(&NAMESPACES)).to_owned(),
                limit: limit(&mut self.chance),
            }],
        })
    }
}

fn plain(addresses: Vec<String>) -> IPPoolSpec {
    IPPoolSpec {
        addresses,
        exclude: Vec::new(),
        auto_assign: true,
        avoid_buggy_ips: false,
        service_allocation: None,
        namespace_quota: None,
        reclaim_policy: ReclaimPolicy::Keep,
        namespace_sharing: NamespaceSharing::Invited,
    }
}
