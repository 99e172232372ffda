use std::collections::{BTreeMap, BTreeSet};

use announce::Endpoints;
use api::watch::Change;
use config::endpoints::Slice;
use model::ServiceName;

/// The usable endpoints of Services; all slices of one are taken together (P-L2-6).
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// By Service; most have one slice.
    endpoints: BTreeMap<ServiceName, Vec<Known>>,
}

/// One slice.
#[derive(Debug)]
struct Known {
    name: Box<str>,
    /// What is older is no news: what is asked for may be answered after the watch has shown what came next.
    version: u64,
    /// None of a slice that is gone.
    endpoints: Endpoints,
}

impl Slices {
    /// Takes in a change; gives the Services that it may concern.
    pub(super) fn handle_change(&mut self, change: Change<Slice>) -> BTreeSet<ServiceName> {
        match change {
            Change::Listed(slices) => {
                let before: Vec<_> = self.endpoints.keys().cloned().collect();
                self.endpoints.values_mut().for_each(Vec::clear);
                let listed = slices.into_iter().map(|slice| self.insert(slice));
                listed.chain(before).collect()
            }
            Change::Applied(slice) => [self.insert(slice)].into(),
            // What is asked for by name may show it yet, as it was.
            Change::Deleted(slice) if self.endpoints.contains_key(&slice.service) => {
                let endpoints = Endpoints::default();
                [self.insert(Slice { endpoints, ..slice })].into()
            }
            Change::Deleted(slice) => [slice.service].into(),
        }
    }

    /// Slices of this Service may come, or be gone again before they come.
    pub(super) fn expect(&mut self, name: &ServiceName) {
        if !self.endpoints.contains_key(name) {
            self.endpoints.insert(name.clone(), Vec::new());
        }
    }

    /// No slice of this Service is of any use.
    pub(super) fn forget(&mut self, name: &ServiceName) {
        self.endpoints.remove(name);
    }

    /// Those of other Services than these are of no use.
    pub(super) fn keep(&mut self, names: BTreeSet<&ServiceName>) {
        self.endpoints.retain(|name, _| names.contains(name));
        for name in names {
            self.expect(name);
        }
    }

    /// Where the usable endpoints of a Service are.
    pub(super) fn of(&self, name: &ServiceName) -> Endpoints {
        let mut all = Endpoints::default();
        for slice in self.endpoints.get(name).into_iter().flatten() {
            all.add(&slice.endpoints);
        }
        all
    }

    /// The copy of a Service's name that is kept here, if one is: there need not be two.
    pub(super) fn kept(&self, name: ServiceName) -> ServiceName {
        let known = self.endpoints.get_key_value(&name);
        known.map_or(name, |(known, _)| known.clone())
    }

    fn insert(&mut self, slice: Slice) -> ServiceName {
        let Slice {
            service,
            name,
            version,
            endpoints,
        } = slice;
        let slices = self.endpoints.entry(service.clone()).or_default();
        match slices.iter_mut().find(|known| known.name == name) {
            Some(known) if known.version > version => {}
            Some(known) => (known.version, known.endpoints) = (version, endpoints),
            None => {
                slices.reserve_exact(1);
                slices.push(Known {
                    name,
                    version,
                    endpoints,
                });
            }
        }
        service
    }
}
