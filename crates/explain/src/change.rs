//! What a change of objects would do to the addresses of Services.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{Labels, ServiceName};
use serde::Serialize;

use crate::finding::Finding;
use crate::study::Study;

/// What would become of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceChange {
    /// The Service, as namespace/name.
    pub service: String,
    /// The addresses that it has, or would have had.
    pub before: Vec<IpAddr>,
    /// Those that it would have.
    pub after: Vec<IpAddr>,
    /// Why it would have no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What becomes of a Service: its addresses, and why it has no others.
type Outcome = (Vec<IpAddr>, Option<String>);

impl Study<'_> {
    /// What would become of each Service whose addresses are others here than in `before`: allocation is tried with what objects of
    /// both say, oldest Service first, and nothing is written.
    pub fn changes_since(&self, before: &Study<'_>) -> Vec<ServiceChange> {
        let (before, after) = (before.outcomes(), self.outcomes());
        let nothing = (Vec::new(), None);
        let changes = after.iter().filter_map(|(name, (addresses, refused))| {
            let (former, _) = before.get(name).unwrap_or(&nothing);
            (former != addresses || !before.contains_key(name)).then(|| ServiceChange {
                service: name.to_string(),
                before: former.clone(),
                after: addresses.clone(),
                refused: refused.clone(),
            })
        });
        changes.collect()
    }

    /// What becomes of each of Herald's Services, beside what it has: allocation is tried, oldest Service first, and nothing is written.
    pub fn allocations(&self) -> Vec<ServiceChange> {
        let outcomes = self.outcomes().into_iter();
        let allocations = outcomes.map(|(name, (after, refused))| ServiceChange {
            before: self.ipam.held(&name).to_vec(),
            service: name.to_string(),
            after,
            refused,
        });
        allocations.collect()
    }

    /// What is wrong with Herald's own objects.
    pub fn of_these_objects(&self) -> Vec<Finding> {
        self.of_objects()
    }

    fn outcomes(&self) -> BTreeMap<ServiceName, Outcome> {
        let mut books = self.ipam.clone();
        let mut ours: Vec<_> = self.ours().collect();
        ours.sort_by_key(|(name, service)| (service.metadata.creation_timestamp.clone(), (*name).clone()));
        let unknown = Labels::new();
        let mut outcomes = BTreeMap::new();
        for (name, service) in ours {
            let labels = self.cluster.namespaces.get(&*name.namespace).unwrap_or(&unknown);
            let outcome = match config::service::request(service, labels) {
                Ok(request) => match books.assign(&request) {
                    Ok(grant) => (grant.addresses, None),
                    Err(refusal) => (books.held(name).to_vec(), Some(refusal.to_string())),
                },
                Err(fault) => (books.held(name).to_vec(), Some(fault.to_string())),
            };
            outcomes.insert(name.clone(), outcome);
        }
        outcomes
    }
}
