use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use announce::{BgpPlan, Endpoints, Exports, Facts, Plan, Reason, Service, Services};
use bgp::Table;
use model::{NodeName, PeerName, ServiceName};

/// Which nodes may announce each Service, and what this one announces by BGP, kept up to date with as little work as a change
/// calls for.
#[derive(Debug)]
pub(super) struct Plans {
    me: NodeName,
    facts: Facts,
    services: Services,
    plans: BTreeMap<ServiceName, Result<Plan, Reason>>,
    routed: BTreeMap<ServiceName, Routed>,
    exports: Exports,
    /// The plan made last: most Services have the same, and one of it is enough.
    last: Arc<BgpPlan>,
    changed: bool,
}

/// Who announces a Service by BGP, or the reason why nobody does.
type Routed = Result<Arc<BgpPlan>, Reason>;

impl Plans {
    pub(super) fn new(me: NodeName) -> Self {
        Self {
            me,
            facts: Facts::default(),
            services: Services::default(),
            plans: BTreeMap::new(),
            routed: BTreeMap::new(),
            exports: Exports::default(),
            last: Arc::default(),
            changed: false,
        }
    }

    /// Each Service with what becomes of it on the segments and by BGP.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ServiceName, &Result<Plan, Reason>, &Routed)> {
        let both = |(name, plan)| Some((name, plan, self.routed.get(name)?));
        self.plans.iter().filter_map(both)
    }

    /// What each peer of this node is to get.
    pub(super) fn tables(&mut self) -> &BTreeMap<PeerName, Arc<Table>> {
        self.exports.tables()
    }

    /// What may be announced by BGP at all.
    pub(super) fn exportable(&self) -> Vec<bgp::Export> {
        let services = self.services.names().filter_map(|name| self.services.get(name));
        let kept = services.flat_map(|service| announce::guard_of_kept(&self.facts, service));
        announce::guard(&self.facts).into_iter().chain(kept).collect()
    }

    /// The nodes that are Ready.
    pub(super) fn ready(&self) -> BTreeSet<NodeName> {
        let ready = self.facts.nodes.iter().filter(|(_, node)| node.ready);
        ready.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether anything may be different from the last time that this was asked.
    pub(super) fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What is known of the cluster now. What says nothing new causes no work (P-CFG-41, -43).
    pub(super) fn handle_facts(&mut self, facts: Facts) {
        if facts != self.facts {
            self.facts = facts;
            self.plan_all();
        }
    }

    /// These are all the Services there are.
    pub(super) fn handle_services(&mut self, services: Services) {
        self.services = services;
        self.plan_all();
    }

    /// A Service is new or has changed.
    pub(super) fn handle_service(&mut self, service: Service) {
        let name = service.name.clone();
        let mut concerned = self.tied_to(&name);
        if self.services.insert(service) {
            concerned.insert(name);
            self.plan(concerned);
        }
    }

    /// The endpoints of these Services may have changed.
    pub(super) fn handle_endpoints(&mut self, endpoints: impl Iterator<Item = (ServiceName, Endpoints)>) {
        let mut changed = BTreeSet::new();
        for (name, endpoints) in endpoints {
            let Some(service) = self.services.get(&name) else {
                continue;
            };
            if self.services.insert(Service {
                endpoints,
                ..service.clone()
            }) {
                changed.insert(name);
            }
        }
        self.plan(changed);
    }

    /// A Service is gone, or is no concern of ours any more.
    pub(super) fn forget(&mut self, name: &ServiceName) {
        let mut concerned = self.tied_to(name);
        concerned.remove(name);
        self.services.remove(name);
        self.routed.remove(name);
        self.exports.remove(name);
        self.changed |= self.plans.remove(name).is_some();
        self.plan(concerned);
    }

    fn tied_to(&self, name: &ServiceName) -> BTreeSet<ServiceName> {
        let unit = self.services.unit(name).into_iter();
        unit.map(|service| service.name.clone()).collect()
    }

    fn plan_all(&mut self) {
        self.changed = true;
        self.plans.clear();
        let gone = |name: &&ServiceName| self.services.get(name).is_none();
        let gone: Vec<_> = self.routed.keys().filter(gone).cloned().collect();
        for name in gone {
            self.routed.remove(&name);
            self.exports.remove(&name);
        }
        self.plan(self.services.names().cloned().collect());
    }

    /// Looks again at Services, and at all that is tied to them.
    fn plan(&mut self, mut names: BTreeSet<ServiceName>) {
        self.changed |= !names.is_empty();
        while let Some(name) = names.pop_first() {
            let unit = self.services.unit(&name);
            for (name, plan) in announce::layer2(&self.facts, &unit) {
                names.remove(&name);
                self.route(&name);
                self.plans.insert(name, plan);
            }
        }
    }

    /// Looks again at what becomes of one Service by BGP.
    fn route(&mut self, name: &ServiceName) {
        let Some(service) = self.services.get(name) else {
            return;
        };
        let exports = announce::exports(&self.facts, &self.me, service);
        self.exports.set(name.clone(), exports.unwrap_or_default());
        let plan = announce::bgp(&self.facts, service).map(|plan| {
            if *self.last != plan {
                self.last = Arc::new(plan);
            }
            self.last.clone()
        });
        self.routed.insert(name.clone(), plan);
    }
}
