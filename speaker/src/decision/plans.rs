use std::collections::{BTreeMap, BTreeSet};

use announce::{Endpoints, Facts, Plan, Reason, Service, Services};
use model::ServiceName;

/// Which nodes may announce each Service, kept up to date with as little work as a change calls for.
#[derive(Debug, Default)]
pub(super) struct Plans {
    facts: Facts,
    services: Services,
    plans: BTreeMap<ServiceName, Result<Plan, Reason>>,
    changed: bool,
}

impl Plans {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ServiceName, &Result<Plan, Reason>)> {
        self.plans.iter()
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
        self.plan(self.services.names().cloned().collect());
    }

    /// Looks again at Services, and at all that is tied to them.
    fn plan(&mut self, mut names: BTreeSet<ServiceName>) {
        self.changed |= !names.is_empty();
        while let Some(name) = names.pop_first() {
            let unit = self.services.unit(&name);
            for (name, plan) in announce::layer2(&self.facts, &unit) {
                names.remove(&name);
                self.plans.insert(name, plan);
            }
        }
    }
}
