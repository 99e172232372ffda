use ipam::Usage;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::reconciler::Publication;

/// How a status write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Outcome {
    /// The API server took it.
    Written,
    /// The object had changed meanwhile.
    Conflict,
    /// Anything else.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolFamily {
    pool: String,
    family: &'static str,
}

/// The controller's metrics (parity.md 3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    leader: Gauge,
    writes: Family<Write, Counter>,
    in_use: Family<PoolFamily, Gauge>,
    available: Family<PoolFamily, Gauge>,
    served: Gauge,
    waiting: Gauge,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("herald_controller");
        registry.register(
            "leader",
            "1 while this replica is the leader",
            self.leader.clone(),
        );
        registry.register(
            "status_writes",
            "Status writes of Services, by outcome",
            self.writes.clone(),
        );
        registry.register(
            "pool_addresses_in_use",
            "Addresses of a pool that Services hold",
            self.in_use.clone(),
        );
        registry.register(
            "pool_addresses_available",
            "Addresses of a pool that are free",
            self.available.clone(),
        );
        registry.register(
            "services_served",
            "Services that have what they ask for",
            self.served.clone(),
        );
        registry.register(
            "services_waiting",
            "Services that wait for an address",
            self.waiting.clone(),
        );
    }

    pub(crate) fn leading(&self, leading: bool) {
        self.leader.set(leading.into());
    }

    pub(crate) fn write(&self, outcome: Outcome) {
        self.writes.get_or_create(&Write { outcome }).inc();
    }

    /// Series of pools that are gone disappear (P-OBS-23).
    pub(crate) fn publish(&self, publication: &Publication) {
        self.in_use.clear();
        self.available.clear();
        for (pool, usage) in &publication.usage {
            let Usage {
                assigned_v4,
                assigned_v6,
                available_v4,
                available_v6,
            } = *usage;
            for (family, assigned, available) in [
                ("ipv4", assigned_v4, available_v4),
                ("ipv6", assigned_v6, available_v6),
            ] {
                let labels = PoolFamily {
                    pool: pool.0.clone(),
                    family,
                };
                self.in_use.get_or_create(&labels).set(saturate(assigned));
                self.available.get_or_create(&labels).set(saturate(available));
            }
        }
        let (served, waiting) = publication.served;
        self.served.set(saturate(served as u128));
        self.waiting.set(saturate(waiting as u128));
    }
}

/// Numbers too large to count are shown as the largest (P-ALLOC-20).
pub(crate) fn saturate(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
