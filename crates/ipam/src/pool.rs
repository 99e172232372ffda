use std::collections::{BTreeMap, BTreeSet};

use model::{AddressRange, PoolName, Selectors};

use crate::request::Request;

/// A pool of addresses, as `config` read it. No two pools have an address in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The IPPool's name.
    pub name: PoolName,
    /// The addresses to give out, in the order in which they are tried (P-ALLOC-14).
    pub ranges: Vec<AddressRange>,
    /// Addresses of `ranges` that are never given out.
    pub excluded: Vec<AddressRange>,
    /// Whether a Service gets an address from here without naming the pool or the address (P-ALLOC-17).
    pub auto_assign: bool,
    /// Whether IPv4 addresses that end in .0 and .255 are never given out (P-ALLOC-15).
    pub avoid_buggy_ips: bool,
    /// Which Services the pool is for; none: all, after the pinned pools.
    pub pinned: Option<Pinned>,
    /// How much of the pool one namespace may hold; none: all of it.
    pub quota: Option<Quota>,
    /// What becomes of a Service that holds an address which the pool would not give it any more.
    pub reclaim: Reclaim,
    /// Whether Services of different namespaces may share an address of it.
    pub across: Across,
    /// Its deletion is asked for: it gives out nothing more.
    pub closed: bool,
}

/// How many addresses of a pool the Services and reservations of one namespace may hold, both families together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// For every namespace without a number of its own.
    pub limit: u32,
    /// Numbers of their own, by namespace.
    pub overrides: BTreeMap<String, u32>,
}

/// DESIGN §7: what becomes of a Service that holds an address which its pool would not give it any more, because the
/// pool has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reclaim {
    /// It keeps the address.
    #[default]
    Keep,
    /// It is moved to another address, or left without one.
    Move,
}

/// Whether Services of different namespaces may share an address of a pool. Asked when an address is gained: what is shared stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Across {
    /// Those that are invited ([`crate::Joiners`]).
    #[default]
    Invited,
    /// None.
    Never,
}

impl Quota {
    pub(crate) fn of(&self, namespace: &str) -> u32 {
        self.overrides.get(namespace).copied().unwrap_or(self.limit)
    }
}

/// Which Services a pinned pool is for, and when it is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    /// Lower is tried first; 0 is tried last (P-ALLOC-24).
    pub priority: u32,
    /// Namespaces served by name.
    pub namespaces: BTreeSet<String>,
    /// Namespaces served by label; they add to `namespaces` (P-ALLOC-27).
    pub namespace_selectors: Selectors,
    /// Services served, by label; empty: all of the namespaces above (P-ALLOC-28, -29).
    pub service_selectors: Selectors,
}

impl Pool {
    /// A pool for every Service, with the defaults of the IPPool resource.
    pub fn new(name: PoolName, ranges: Vec<AddressRange>) -> Self {
        Self {
            name,
            ranges,
            excluded: Vec::new(),
            auto_assign: true,
            avoid_buggy_ips: false,
            pinned: None,
            quota: None,
            reclaim: Reclaim::Keep,
            across: Across::Invited,
            closed: false,
        }
    }

    /// Whether the Service may have addresses of this pool.
    pub(crate) fn serves(&self, request: &Request) -> bool {
        self.pinned.as_ref().is_none_or(|pinned| pinned.matches(request))
    }

    /// Where the pool stands in the order of automatic choice: pinned before unpinned, then priority with 0 last;
    /// equals go by name, so that the choice does not depend on the order of watches (P-ALLOC-21, -22, -24).
    pub(crate) fn rank(&self) -> (u32, u32, &PoolName) {
        match &self.pinned {
            Some(Pinned { priority: 0, .. }) => (0, u32::MAX, &self.name),
            Some(pinned) => (0, pinned.priority, &self.name),
            None => (1, 0, &self.name),
        }
    }
}

impl Pinned {
    fn matches(&self, request: &Request) -> bool {
        let anywhere = self.namespaces.is_empty() && self.namespace_selectors.is_empty();
        let namespace = anywhere
            || self.namespaces.contains(&*request.service.namespace)
            || self.namespace_selectors.any(&request.namespace_labels);
        namespace && self.service_selectors.unset_or_any(&request.labels)
    }
}
