//! What there is to announce.

use std::collections::BTreeSet;
use std::sync::Arc;

use bgp::{
    Attributes, Community, Drain, Export, ExportGuard, LargeCommunity, LinkBandwidth, NextHops, Table,
};
use ipnet::IpNet;

use crate::chance::Chance;

#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) routes: Arc<Table>,
    pub(crate) guard: Arc<ExportGuard>,
    /// Which of the guards it is.
    which: usize,
    pub(crate) drain: Drain,
    pub(crate) next_hops: NextHops,
}

/// How much of the addresses the guards permit: all, all but some of IPv4, only IPv4, nothing.
const GUARDS: [&[&str]; 4] = [
    &["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/64"],
    &["192.0.2.0/28", "10.0.0.0/8", "2001:db8::/64"],
    &["192.0.2.0/24", "10.0.0.0/8"],
    &[],
];

pub(crate) fn vip(i: u64) -> IpNet {
    let text = if i.is_multiple_of(3) {
        format!("2001:db8::{i:x}/128")
    } else {
        format!("192.0.2.{}/32", i % 256)
    };
    text.parse().unwrap()
}

fn attributes(chance: &mut Chance) -> Arc<Attributes> {
    let few = |chance: &mut Chance| {
        (0..chance.below(3))
            .map(|i| 64512 << 16 | i as u32)
            .collect::<Vec<u32>>()
    };
    let large = |local_1: u32| LargeCommunity {
        global: 4_200_000_000,
        local_1,
        local_2: 1,
    };
    Arc::new(Attributes {
        local_pref: [None, Some(100), Some(200)][chance.index(3)],
        med: [None, None, Some(7)][chance.index(3)],
        prepend: [0, 0, 2][chance.index(3)],
        communities: few(chance).into_iter().map(Community).collect(),
        large_communities: few(chance).into_iter().map(large).collect::<BTreeSet<_>>(),
        link_bandwidth: [None, None, Some(LinkBandwidth(3))][chance.index(3)],
        leaving: chance.happens(100),
    })
}

impl Facts {
    pub(crate) fn new(chance: &mut Chance, many: bool) -> Self {
        let mut facts = Self::default();
        facts.set_guard(0);
        for _ in 0..chance.below(12) {
            facts.change_a_route(chance);
        }
        if many {
            let (mut routes, shared) = ((*facts.routes).clone(), attributes(chance));
            let extra = (0..chance.between(1000, 3000)).map(|i| format!("10.1.{}.{}/32", i / 256, i % 256));
            routes.extend(extra.map(|prefix| (prefix.parse().unwrap(), shared.clone())));
            facts.routes = Arc::new(routes);
        }
        facts
    }

    /// What every process knows.
    pub(crate) fn of(next_hops: NextHops) -> Self {
        Self {
            next_hops,
            ..Self::default()
        }
    }

    pub(crate) fn set_guard(&mut self, which: usize) {
        self.which = which;
        let exports = GUARDS[which].iter().map(|range| Export {
            range: range.parse().unwrap(),
            shortest: 32,
        });
        self.guard = Arc::new(ExportGuard::new(exports));
    }

    /// Whether the guard permits it, in other words than its own.
    pub(crate) fn is_permitted(&self, prefix: &IpNet) -> bool {
        let ranges = GUARDS[self.which]
            .iter()
            .map(|range| range.parse::<IpNet>().unwrap());
        ranges.into_iter().any(|range| range.contains(prefix))
    }

    /// One appears, goes, or gets other attributes.
    pub(crate) fn change_a_route(&mut self, chance: &mut Chance) {
        let (mut routes, prefix) = ((*self.routes).clone(), vip(chance.below(30)));
        if chance.happens(350) {
            routes.remove(&prefix);
        } else {
            routes.insert(prefix, attributes(chance));
        }
        self.routes = Arc::new(routes);
    }

    pub(crate) fn change_guard(&mut self, chance: &mut Chance) {
        self.set_guard(chance.index(GUARDS.len()));
    }
}
