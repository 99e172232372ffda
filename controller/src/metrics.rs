use api::events;
use dead_nodes::{DeadNodes, Refusal};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use allocate::reconciler::{Ending, Input, Publication};
use allocate::saturate;
use allocate::task::Ended;

/// How a status write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Outcome {
    /// The API server took it.
    Written,
    /// The API server did not take it, mostly because the object had changed meanwhile.
    Conflict,
    /// The API server refused, or nobody knows.
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectKind {
    kind: String,
}

/// The controller's metrics (parity.md 3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) events: events::Metrics,
    leader: Gauge,
    outranked: Gauge,
    writes: Family<Write, Counter>,
    decisions: Counter,
    in_use: Family<PoolFamily, Gauge>,
    available: Family<PoolFamily, Gauge>,
    reserved: Family<PoolFamily, Gauge>,
    outside: Family<PoolFamily, Gauge>,
    served: Gauge,
    waiting: Gauge,
    refused: Family<ObjectKind, Gauge>,
    stale: Family<ObjectKind, Gauge>,
    dead_nodes: Gauge,
    nodes_cut_off: Gauge,
    pods_marked: Counter,
    pods_repaired: Counter,
    nodes_spared: Family<Spared, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Spared {
    reason: &'static str,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.events.register(registry);
        let registry = registry.sub_registry_with_prefix("herald_controller");
        registry.register(
            "leader",
            "1 while this replica is the leader",
            self.leader.clone(),
        );
        registry.register(
            "outranked",
            "1 while an older release serves what this one is to serve",
            self.outranked.clone(),
        );
        registry.register(
            "status_writes",
            "Status writes of Services, by outcome",
            self.writes.clone(),
        );
        registry.register(
            "decisions",
            "How often it was decided what a Service is to have",
            self.decisions.clone(),
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
            "pool_addresses_reserved",
            "Addresses of a pool that a reservation keeps and no Service holds",
            self.reserved.clone(),
        );
        registry.register(
            "pool_addresses_outside",
            "Addresses that Services got from a pool and that it does not give out any more",
            self.outside.clone(),
        );
        registry.register(
            "objects_refused",
            "Custom resources that are wrong, as their condition Accepted says",
            self.refused.clone(),
        );
        registry.register(
            "objects_stale",
            "Those of them whose form before the last edit is still in force",
            self.stale.clone(),
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

    /// To be called where dead nodes are looked for.
    pub(crate) fn register_dead_nodes(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("herald_controller");
        registry.register(
            "dead_nodes",
            "Nodes that are taken for dead",
            self.dead_nodes.clone(),
        );
        registry.register(
            "cut_off_nodes",
            "Nodes that were taken for dead and live",
            self.nodes_cut_off.clone(),
        );
        registry.register(
            "dead_node_pods_marked",
            "Pods of dead nodes that this replica marked as not ready",
            self.pods_marked.clone(),
        );
        registry.register(
            "dead_node_pods_repaired",
            "Pods whose kubelet made them ready again while their node was unheard",
            self.pods_repaired.clone(),
        );
        registry.register(
            "dead_nodes_spared",
            "Nodes that most speakers did not hear and that were not taken for dead, by reason",
            self.nodes_spared.clone(),
        );
    }

    /// What is thought of the nodes.
    pub(crate) fn dead_nodes(&self, machine: &DeadNodes) {
        let count = |nodes: usize| saturate(nodes as u128);
        self.dead_nodes.set(count(machine.dead().count()));
        self.nodes_cut_off.set(count(machine.cut_off().count()));
        let counters = machine.counters();
        let raise = |counter: &Counter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        raise(&self.pods_marked, counters.marked);
        raise(&self.pods_repaired, counters.repaired);
        for (refusal, count) in &counters.refused {
            let reason = match refusal {
                Refusal::KubeletAnswers => "KubeletAnswers",
                Refusal::TooMany => "TooMany",
                Refusal::OwnNode => "OwnNode",
                Refusal::NoAddress => "NoAddress",
            };
            raise(&self.nodes_spared.get_or_create(&Spared { reason }), *count);
        }
    }

    /// Who leads no more knows nothing: what it said of pools and Services goes (P-OBS-23).
    pub(crate) fn leading(&self, leading: bool) {
        self.leader.set(leading.into());
        if !leading {
            self.publish(&Publication::default());
        }
    }

    /// Whether an older release serves what this one is to serve.
    pub(crate) fn outranked(&self, outranked: bool) {
        self.outranked.set(outranked.into());
    }

    /// So many more decisions about Services were made.
    pub(crate) fn decided(&self, decisions: u64) {
        self.decisions.inc_by(decisions);
    }

    /// Takes note of how a task ended.
    pub(crate) fn ended(&self, ended: &Ended) {
        let outcome = match &ended.input {
            Input::Ended(_, Ending::Written { .. }) => Outcome::Written,
            Input::Ended(_, Ending::Conflict) => Outcome::Conflict,
            Input::Ended(_, Ending::Refused { .. } | Ending::Unknown) => Outcome::Failed,
            Input::Ended(..)
            | Input::Services(_)
            | Input::Former(_)
            | Input::Namespaces(_)
            | Input::Objects(_)
            | Input::Nodes(_)
            | Input::Speakers(_)
            | Input::Finalized(..) => return,
        };
        self.writes.get_or_create(&Write { outcome }).inc();
    }

    /// Series of pools that are gone disappear (P-OBS-23).
    pub(crate) fn publish(&self, publication: &Publication) {
        for gauges in [&self.in_use, &self.available, &self.reserved, &self.outside] {
            gauges.clear();
        }
        for (pool, usage) in &publication.usage {
            for (gauges, count) in [
                (&self.in_use, usage.assigned),
                (&self.available, usage.available),
                (&self.reserved, usage.reserved),
                (&self.outside, usage.outside),
            ] {
                for (family, count) in [("ipv4", count.v4), ("ipv6", count.v6)] {
                    let labels = PoolFamily {
                        pool: pool.0.clone(),
                        family,
                    };
                    gauges.get_or_create(&labels).set(saturate(count));
                }
            }
        }
        self.publish_verdicts(publication);
        let (served, waiting) = publication.served;
        self.served.set(saturate(served as u128));
        self.waiting.set(saturate(waiting as u128));
    }
}

impl Metrics {
    fn publish_verdicts(&self, publication: &Publication) {
        self.refused.clear();
        self.stale.clear();
        for (object, verdict) in &publication.verdicts {
            let labels = ObjectKind {
                kind: object.kind.to_string(),
            };
            let refused = i64::from(verdict.fault.is_some());
            self.refused.get_or_create(&labels).inc_by(refused);
            self.stale
                .get_or_create(&labels)
                .inc_by(verdict.previous_in_force.into());
        }
    }
}
