use std::collections::{BTreeMap, BTreeSet};

use announce::Endpoints;
use api::watch::Change;
use config::endpoints::Slice;
use model::ServiceName;

/// The usable endpoints of every Service; all slices of one are taken together (P-L2-6).
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// By Service, with the name of each slice: most Services have one.
    endpoints: BTreeMap<ServiceName, Vec<(Box<str>, Endpoints)>>,
}

impl Slices {
    /// Takes in a change; gives the Services that it may concern.
    pub(super) fn handle_change(&mut self, change: Change<Slice>) -> BTreeSet<ServiceName> {
        match change {
            Change::Listed(slices) => {
                let before = std::mem::take(&mut self.endpoints).into_keys();
                before
                    .chain(slices.into_iter().map(|slice| self.insert(slice)))
                    .collect()
            }
            Change::Applied(slice) => [self.insert(slice)].into(),
            Change::Deleted(slice) => {
                self.remove(&slice);
                [slice.service].into()
            }
        }
    }

    /// Where the usable endpoints of a Service are.
    pub(super) fn of(&self, name: &ServiceName) -> Endpoints {
        let mut all = Endpoints::default();
        for (_, endpoints) in self.endpoints.get(name).into_iter().flatten() {
            all.add(endpoints);
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
            endpoints,
        } = slice;
        let slices = self.endpoints.entry(service.clone()).or_default();
        match slices.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = endpoints,
            None => {
                slices.reserve_exact(1);
                slices.push((name, endpoints));
            }
        }
        service
    }

    fn remove(&mut self, slice: &Slice) {
        let Some(slices) = self.endpoints.get_mut(&slice.service) else {
            return;
        };
        slices.retain(|(name, _)| *name != slice.name);
        if slices.is_empty() {
            self.endpoints.remove(&slice.service);
        }
    }
}
