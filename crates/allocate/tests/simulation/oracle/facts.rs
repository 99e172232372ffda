//! What the objects in the store say, read from them directly.

use std::net::IpAddr;
use std::sync::Arc;

use config::service::ServiceFault;
use crds::{IPPool, ReclaimPolicy};
use ipam::{Families, Request};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use model::{AddressRange, Family, Labels, ReservationName};

use crate::object::{Key, Kind, Object};
use crate::replica::release;
use crate::store::Store;

/// The addresses in a status.
pub(super) fn assigned(object: &Option<Arc<Object>>) -> Vec<IpAddr> {
    object
        .as_deref()
        .and_then(Object::service)
        .map(config::service::assigned)
        .unwrap_or_default()
}

pub(super) fn holds(object: &Object, address: IpAddr) -> bool {
    object
        .service()
        .is_some_and(|service| config::service::assigned(service).contains(&address))
}

pub(super) fn is_ours(service: &Service) -> bool {
    config::service::is_ours(service, &release().classes)
}

/// What a Service asks for, with the labels of its namespace as they are in the store now.
pub(super) fn request(store: &Store, service: &Service) -> Result<Request, ServiceFault> {
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let labels = store.get(&Key::new(Kind::Namespaces, "", namespace));
    let labels = labels.and_then(|object| object.metadata().labels.clone());
    config::service::request(service, &labels.unwrap_or_default().into())
}

/// Whether addresses of these families are what is asked for.
pub(super) fn fits(families: Families, held: &[IpAddr]) -> bool {
    let count = |family| {
        held.iter()
            .filter(|address| Family::of(**address) == family)
            .count()
    };
    match (families, count(Family::V4), count(Family::V6)) {
        (Families::One(Family::V4), v4, v6) => (v4, v6) == (1, 0),
        (Families::One(Family::V6), v4, v6) => (v4, v6) == (0, 1),
        (Families::Both, v4, v6) => (v4, v6) == (1, 1),
        (Families::Prefer(_), v4, v6) => v4 <= 1 && v6 <= 1 && v4 + v6 > 0,
    }
}

/// P-ALLOC-44, -45: equal keys, pods that are selected alike where it matters, and no port in common.
pub(super) fn may_share(a: &Service, b: &Service) -> bool {
    let key = |service: &Service| {
        let key = service
            .annotations()
            .get("heraldlb.io/allow-shared-ip")?
            .trim()
            .to_owned();
        Some(key).filter(|key| !key.is_empty())
    };
    let pods = |service: &Service| {
        let spec = service.spec.as_ref()?;
        let local = spec.external_traffic_policy.as_deref() == Some("Local");
        local.then(|| spec.selector.clone().unwrap_or_default())
    };
    let ports = |service: &Service| -> Vec<(Option<String>, i32)> {
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        ports.map(|port| (port.protocol.clone(), port.port)).collect()
    };
    let theirs = ports(b);
    key(a).is_some()
        && key(a) == key(b)
        && pods(a) == pods(b)
        && !ports(a).iter().any(|port| theirs.contains(port))
}

/// A pool, as its object says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool<'a>(pub(super) &'a IPPool);

impl<'a> Pool<'a> {
    /// All that can be read.
    pub(super) fn all(store: &'a Store) -> Vec<Self> {
        let objects = store.of_kind(Kind::Pools).filter_map(|(_, object)| object.pool());
        objects
            .filter_map(|object| object.readable().ok())
            .map(Self)
            .collect()
    }

    pub(super) fn name(self) -> &'a str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn moves(self) -> bool {
        self.0.spec.reclaim_policy == ReclaimPolicy::Move
    }

    /// Whether it gives out nothing more.
    pub(super) fn is_closed(self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }

    /// Whether the address is one of its entries.
    pub(super) fn covers(self, address: IpAddr) -> bool {
        let ranges = self
            .0
            .spec
            .addresses
            .iter()
            .filter_map(|entry| entry.parse().ok());
        ranges
            .into_iter()
            .any(|range: AddressRange| range.contains(address))
    }

    /// Whether the address is one that it gives out.
    pub(super) fn gives(self, address: IpAddr) -> bool {
        let spec = &self.0.spec;
        let buggy = matches!(address, IpAddr::V4(v4) if [0, 255].contains(&v4.octets()[3]));
        let excluded = spec.exclude.iter().any(|entry| *entry == address.to_string());
        self.covers(address) && !excluded && !(spec.avoid_buggy_ips && buggy)
    }

    /// All that it gives out; the pools of these worlds are small.
    pub(super) fn addresses(self) -> Vec<IpAddr> {
        let ranges = self
            .0
            .spec
            .addresses
            .iter()
            .filter_map(|entry| entry.parse().ok());
        let each = |range: AddressRange| {
            std::iter::successors(Some(range.first()), |address| Some(next(*address)))
                .take_while(move |address| *address <= range.last())
        };
        ranges
            .flat_map(each)
            .filter(|address| self.gives(*address))
            .collect()
    }

    /// Whether a Service may have addresses of it.
    pub(super) fn serves(self, request: &Request) -> bool {
        let Some(allocation) = &self.0.spec.service_allocation else {
            return true;
        };
        let matches = |labels: &Labels, selectors: &[crds::LabelSelector]| {
            selectors.iter().any(|selector| {
                let mut wanted = selector.match_labels.iter().flatten();
                wanted.all(|(key, value)| labels.get(key) == Some(value))
            })
        };
        let anywhere = allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        let here = allocation
            .namespaces
            .contains(&request.service.namespace.to_string())
            || matches(&request.namespace_labels, &allocation.namespace_selectors);
        let services = &allocation.service_selectors;
        (anywhere || here) && (services.is_empty() || matches(&request.labels, services))
    }

    /// How many addresses of it a namespace may have.
    pub(super) fn limit(self, namespace: &str) -> Option<usize> {
        let quota = self.0.spec.namespace_quota.as_ref()?;
        let own = quota.overrides.iter().find(|one| one.namespace == namespace);
        usize::try_from(own.map_or(quota.limit, |own| own.limit)).ok()
    }
}

/// What every reservation keeps.
pub(super) fn reservations(store: &Store) -> Vec<(ReservationName, Vec<IpAddr>)> {
    let read = |(key, object): (&Key, &Arc<Object>)| {
        let spec = &object.reservation()?.readable().ok()?.spec;
        let addresses = spec
            .addresses
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect();
        Some((
            ReservationName::new(key.namespace.as_str(), key.name.as_str()),
            addresses,
        ))
    };
    store.of_kind(Kind::Reservations).filter_map(read).collect()
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::from((u32::from(v4) + 1).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) + 1).to_be_bytes()),
    }
}
