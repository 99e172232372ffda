use std::collections::{BTreeMap, BTreeSet};

use announce::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use model::ServiceName;
use process::watch::Change;

/// The usable endpoints of every Service; all slices of one are taken together (P-L2-6).
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// By Service and name of the slice.
    endpoints: BTreeMap<ServiceName, BTreeMap<String, Endpoints>>,
}

impl Slices {
    /// Takes in a change; gives the Services that it may concern.
    pub(super) fn handle_change(&mut self, change: Change<EndpointSlice>) -> BTreeSet<ServiceName> {
        match change {
            Change::Listed(slices) => {
                let before = std::mem::take(&mut self.endpoints).into_keys();
                before
                    .chain(slices.iter().filter_map(|slice| self.insert(slice)))
                    .collect()
            }
            Change::Applied(slice) => self.insert(&slice).into_iter().collect(),
            Change::Deleted(slice) => self.remove(&slice).into_iter().collect(),
        }
    }

    /// Where the usable endpoints of a Service are.
    pub(super) fn of(&self, name: &ServiceName) -> Endpoints {
        let mut all = Endpoints::default();
        for endpoints in self.endpoints.get(name).into_iter().flat_map(BTreeMap::values) {
            all.add(endpoints);
        }
        all
    }

    fn insert(&mut self, slice: &EndpointSlice) -> Option<ServiceName> {
        let service = config::endpoints::service_of(slice)?;
        let slices = self.endpoints.entry(service.clone()).or_default();
        slices.insert(slice.name_any(), config::endpoints::endpoints([slice]));
        Some(service)
    }

    fn remove(&mut self, slice: &EndpointSlice) -> Option<ServiceName> {
        let service = config::endpoints::service_of(slice)?;
        let slices = self.endpoints.get_mut(&service)?;
        slices.remove(&slice.name_any());
        if slices.is_empty() {
            self.endpoints.remove(&service);
        }
        Some(service)
    }
}
