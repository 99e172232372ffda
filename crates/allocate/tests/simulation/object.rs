use std::time::Duration;

use crds::{IPPool, IPReservation, L2Advertisement, Stored};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::Resource;
use kube::api::ObjectMeta;
use model::{ReservationName, ServiceName};

/// The kinds of objects in the simulated store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Services,
    Namespaces,
    Pools,
    L2Advertisements,
    Reservations,
    Leases,
}

impl Kind {
    /// What a leader watches.
    pub(super) const WATCHED: [Self; 5] = [
        Self::Services,
        Self::Namespaces,
        Self::Pools,
        Self::L2Advertisements,
        Self::Reservations,
    ];
}

/// An object's name in the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    /// Empty for kinds that are not namespaced.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn service(name: &ServiceName) -> Self {
        Self::new(Kind::Services, &name.namespace, &name.name)
    }

    pub(super) fn reservation(name: &ReservationName) -> Self {
        Self::new(Kind::Reservations, &name.namespace, &name.name)
    }

    /// The Lease on which the replicas elect their leader.
    pub(super) fn lease() -> Self {
        Self::new(Kind::Leases, "herald", "herald-controller")
    }
}

/// An object in the store.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Service(Service),
    Namespace(Namespace),
    Pool(Stored<IPPool>),
    #[allow(
        dead_code,
        reason = "the controller watches them, and no user of this world makes one"
    )]
    L2Advertisement(Stored<L2Advertisement>),
    Reservation(Stored<IPReservation>),
    Lease(Lease),
}

/// What the election needs of a Lease.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lease {
    pub(super) metadata: ObjectMeta,
    pub(super) holder: Option<String>,
    pub(super) duration: Duration,
    pub(super) renewed: Option<Timestamp>,
}

impl Object {
    pub(super) fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Service(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
            Self::Pool(object) => object.meta(),
            Self::L2Advertisement(object) => object.meta(),
            Self::Reservation(object) => object.meta(),
            Self::Lease(object) => &object.metadata,
        }
    }

    pub(super) fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Service(object) => &mut object.metadata,
            Self::Namespace(object) => &mut object.metadata,
            Self::Pool(object) => object.meta_mut(),
            Self::L2Advertisement(object) => object.meta_mut(),
            Self::Reservation(object) => object.meta_mut(),
            Self::Lease(object) => &mut object.metadata,
        }
    }

    pub(super) fn service(&self) -> Option<&Service> {
        if let Self::Service(object) = self {
            Some(object)
        } else {
            None
        }
    }

    pub(super) fn pool(&self) -> Option<&Stored<IPPool>> {
        if let Self::Pool(object) = self {
            Some(object)
        } else {
            None
        }
    }

    pub(super) fn reservation(&self) -> Option<&Stored<IPReservation>> {
        if let Self::Reservation(object) = self {
            Some(object)
        } else {
            None
        }
    }

    /// The version of the object, as its metadata has it.
    pub(super) fn version(&self) -> &str {
        self.metadata().resource_version.as_deref().unwrap_or_default()
    }
}
