use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use announce::{BgpPlan, Candidates, Endpoints, Exports, Facts, Service, Services};
use bgp::Table;
use model::{NodeName, PeerName, ServiceName};

use super::{Layer2, Prospect, Prospects};

/// Which nodes may announce each Service, and what this one announces by BGP, kept up to date with as little work as a change
/// calls for.
#[derive(Debug)]
pub(super) struct Plans {
    me: NodeName,
    bgp_only: bool,
    facts: Facts,
    services: Services,
    prospects: Prospects,
    exports: Exports,
    /// Made last: most Services have the same, and one of it is enough.
    candidates: Arc<Candidates>,
    routed: Arc<BgpPlan>,
    changed: bool,
}

impl Plans {
    pub(super) fn new(me: NodeName, bgp_only: bool) -> Self {
        Self {
            me,
            bgp_only,
            facts: Facts::default(),
            services: Services::default(),
            prospects: Prospects::new(),
            exports: Exports::default(),
            candidates: Arc::default(),
            routed: Arc::default(),
            changed: false,
        }
    }

    /// Each Service with what becomes of it.
    pub(super) fn prospects(&self) -> &Prospects {
        &self.prospects
    }

    /// Where nodes say whether they serve endpoints of their own, of a Service of which they serve no others.
    pub(super) fn health_check_port(&self, name: &ServiceName) -> Option<u16> {
        self.services.get(name)?.health_check_port
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
        self.exports.remove(name);
        self.changed |= self.prospects.remove(name).is_some();
        self.plan(concerned);
    }

    fn tied_to(&self, name: &ServiceName) -> BTreeSet<ServiceName> {
        let unit = self.services.unit(name).into_iter();
        unit.map(|service| service.name.clone()).collect()
    }

    fn plan_all(&mut self) {
        self.changed = true;
        let (services, exports) = (&self.services, &mut self.exports);
        self.prospects.retain(|name, _| {
            let stays = services.get(name).is_some();
            if !stays {
                exports.remove(name);
            }
            stays
        });
        self.plan(self.services.names().cloned().collect());
    }

    /// Looks again at Services, and at all that is tied to them.
    fn plan(&mut self, mut names: BTreeSet<ServiceName>) {
        self.changed |= !names.is_empty();
        while let Some(name) = names.pop_first() {
            if self.bgp_only {
                self.put(name, Layer2::Off);
                continue;
            }
            let unit = self.services.unit(&name);
            for (name, plan) in announce::layer2(&self.facts, &unit) {
                names.remove(&name);
                self.put(name, plan.map_or_else(Layer2::Nobody, Layer2::One));
            }
        }
    }

    /// Notes what becomes of one Service: this on the segments, and by BGP what is still to be found out.
    fn put(&mut self, name: ServiceName, mut layer2: Layer2) {
        if let Layer2::One(plan) = &mut layer2 {
            plan.candidates = share(&mut self.candidates, plan.candidates.clone());
        }
        let Some(service) = self.services.get(&name) else {
            return;
        };
        let exports = announce::exports(&self.facts, &self.me, service);
        self.exports.set(name.clone(), exports.unwrap_or_default());
        let prospect = Prospect {
            layer2,
            bgp: announce::bgp(&self.facts, service).map(|plan| share(&mut self.routed, plan.into())),
        };
        self.prospects.insert(name, prospect.into());
    }
}

/// The one copy of what is the same as the last time.
fn share<T: PartialEq>(last: &mut Arc<T>, new: Arc<T>) -> Arc<T> {
    if *last != new {
        *last = new;
    }
    last.clone()
}
