use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::ServiceName;

use crate::facts::Service;

/// Services, and which of them are tied together by the addresses that they share.
///
/// A *unit* is a set of Services that have addresses in common, each with another or through others. What one node is to
/// announce is a unit: two nodes that answer for one address would be a conflict (P-L2-4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    by_name: BTreeMap<ServiceName, Box<Service>>,
    users: BTreeSet<(IpAddr, ServiceName)>,
}

impl Services {
    /// The Service of that name.
    pub fn get(&self, name: &ServiceName) -> Option<&Service> {
        self.by_name.get(name).map(|service| &**service)
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &ServiceName> {
        self.by_name.keys()
    }

    /// Takes in a Service, in place of an earlier one of its name; whether that changes anything.
    pub fn insert(&mut self, service: Service) -> bool {
        if self.get(&service.name) == Some(&service) {
            return false;
        }
        self.remove(&service.name);
        let use_of = |address: &IpAddr| (*address, service.name.clone());
        self.users.extend(service.addresses.iter().map(use_of));
        self.by_name.insert(service.name.clone(), service.into());
        true
    }

    /// Forgets a Service.
    pub fn remove(&mut self, name: &ServiceName) {
        let Some(service) = self.by_name.remove(name) else {
            return;
        };
        for address in service.addresses {
            self.users.remove(&(address, name.clone()));
        }
    }

    /// The unit of a Service, itself included; empty if there is no Service of that name.
    pub fn unit(&self, name: &ServiceName) -> Vec<&Service> {
        let mut found: BTreeMap<&ServiceName, &Service> = BTreeMap::new();
        let mut open: Vec<&Service> = self.get(name).into_iter().collect();
        while let Some(service) = open.pop() {
            if found.insert(&service.name, service).is_some() {
                continue;
            }
            let users = service.addresses.iter().flat_map(|address| self.users(*address));
            let tied = users.filter(|name| !found.contains_key(name));
            open.extend(tied.filter_map(|name| self.get(name)));
        }
        found.into_values().collect()
    }

    fn users(&self, address: IpAddr) -> impl Iterator<Item = &ServiceName> {
        let first = (address, ServiceName::new("", ""));
        let following = self.users.range(first..);
        following
            .take_while(move |(used, _)| *used == address)
            .map(|(_, name)| name)
    }
}

impl FromIterator<Service> for Services {
    fn from_iter<I: IntoIterator<Item = Service>>(services: I) -> Self {
        let mut all = Self::default();
        for service in services {
            all.insert(service);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Endpoints, TrafficPolicy};

    fn service(name: &str, addresses: &[&str]) -> Service {
        Service {
            name: ServiceName::new("default", name),
            labels: model::Labels::new(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            origins: model::Origins::default(),
            traffic_policy: TrafficPolicy::Cluster,
            health_check_port: None,
            endpoints: Endpoints::default(),
        }
    }

    fn unit(services: &Services, name: &str) -> Vec<String> {
        let unit = services.unit(&ServiceName::new("default", name));
        unit.into_iter()
            .map(|service| service.name.name.to_string())
            .collect()
    }

    #[test]
    fn services_are_tied_by_an_address_in_common_and_through_others() {
        let mut services = Services::default();
        services.insert(service("a", &["192.0.2.1"]));
        services.insert(service("b", &["192.0.2.1", "2001:db8::1"]));
        services.insert(service("c", &["2001:db8::1"]));
        services.insert(service("d", &["192.0.2.2"]));
        services.insert(service("e", &[]));
        for name in ["a", "b", "c"] {
            assert_eq!(unit(&services, name), ["a", "b", "c"]);
        }
        assert_eq!(unit(&services, "d"), ["d"]);
        assert_eq!(unit(&services, "e"), ["e"]);
        assert_eq!(unit(&services, "f"), [""; 0]);
    }

    #[test]
    fn a_service_that_goes_or_gets_another_address_ties_nothing_any_more() {
        let mut services = Services::default();
        services.insert(service("a", &["192.0.2.1"]));
        services.insert(service("b", &["192.0.2.1", "192.0.2.2"]));
        services.insert(service("c", &["192.0.2.2"]));
        assert!(services.insert(service("b", &["192.0.2.2"])));
        assert!(!services.insert(service("b", &["192.0.2.2"])));
        assert_eq!(unit(&services, "a"), ["a"]);
        assert_eq!(unit(&services, "c"), ["b", "c"]);
        services.remove(&ServiceName::new("default", "b"));
        assert_eq!(unit(&services, "c"), ["c"]);
        services.remove(&ServiceName::new("default", "a"));
        services.remove(&ServiceName::new("default", "c"));
        assert_eq!(services, Services::default());
    }
}
