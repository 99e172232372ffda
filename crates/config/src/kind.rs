//! The kinds of custom resources that configure Herald. A new one is one line in the table below.

use std::fmt;
use std::sync::Arc;

use crds::{Condition, Stored};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::ApiResource;
use kube::core::object::{HasSpec, HasStatus};
use serde::de::DeserializeOwned;

use crate::object::ObjectName;

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the cluster: they have no namespace.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// A kind of custom resource that configures Herald, as a Rust type.
pub trait Configured:
    Resource<DynamicType = ()>
    + HasSpec<Spec: PartialEq>
    + HasStatus<Status: Clone + Default + DeserializeOwned>
    + Clone
    + fmt::Debug
    + PartialEq
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The kind.
    const KIND: Kind;

    /// The conditions in a status of it.
    fn conditions(status: &Self::Status) -> &[Condition];

    /// An object of this kind, as one of any kind.
    fn erase(object: Arc<Stored<Self>>) -> Object;

    /// The object, if it is of this kind.
    fn downcast(object: &Object) -> Option<&Stored<Self>>;
}

/// What is done with the Rust type of a [`Kind`].
pub trait ForKind {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<K: Configured>(self) -> Self::Output;
}

/// A custom resource of any kind. A clone costs next to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Any);

macro_rules! kinds {
    ($($kind:ident in $scope:ident;)*) => {
        /// A kind of custom resource that configures Herald.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $kind,)*
        }

        #[derive(Clone, Debug, PartialEq)]
        enum Any {
            $($kind(Arc<Stored<crds::$kind>>),)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// As Kubernetes writes it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }

            /// Where its objects live.
            pub const fn scope(self) -> Scope {
                match self {
                    $(Self::$kind => Scope::$scope,)*
                }
            }

            /// Has its Rust type visited.
            pub fn with_type<V: ForKind>(self, visitor: V) -> V::Output {
                match self {
                    $(Self::$kind => visitor.visit::<crds::$kind>(),)*
                }
            }
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match &self.0 {
                    $(Any::$kind(_) => Kind::$kind,)*
                }
            }

            /// Its metadata.
            pub fn metadata(&self) -> &ObjectMeta {
                match &self.0 {
                    $(Any::$kind(object) => object.meta(),)*
                }
            }

            /// The conditions that it shows.
            pub fn conditions(&self) -> Vec<Condition> {
                match &self.0 {
                    $(Any::$kind(object) => crds::$kind::conditions(&object.status()).to_vec(),)*
                }
            }

            /// Whether both say the same of what is judged: not what controllers write, which is the status, the finalizers and
            /// the version.
            pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
                match (&self.0, &other.0) {
                    $((Any::$kind(one), Any::$kind(other)) => say_the_same(one, other),)*
                    #[allow(unreachable_patterns, reason = "there may be one kind alone")]
                    (_, _) => false,
                }
            }
        }

        $(
            impl Configured for crds::$kind {
                const KIND: Kind = Kind::$kind;

                fn conditions(status: &Self::Status) -> &[Condition] {
                    &status.conditions
                }

                fn erase(object: Arc<Stored<Self>>) -> Object {
                    Object(Any::$kind(object))
                }

                fn downcast(object: &Object) -> Option<&Stored<Self>> {
                    if let Any::$kind(object) = &object.0 {
                        Some(object)
                    } else {
                        None
                    }
                }
            }
        )*
    };
}

kinds! {
    BFDProfile in Cluster;
    BGPAdvertisement in Cluster;
    BGPPeer in Cluster;
    Community in Cluster;
    IPPool in Cluster;
    IPReservation in Namespaced;
    L2Advertisement in Cluster;
}

impl Kind {
    /// What a client asks the API server for, to read or write objects of it without their Rust type.
    pub fn resource(self) -> ApiResource {
        struct Erase;
        impl ForKind for Erase {
            type Output = ApiResource;

            fn visit<K: Configured>(self) -> ApiResource {
                ApiResource::erase::<K>(&())
            }
        }
        self.with_type(Erase)
    }
}

impl Object {
    /// Its name.
    pub fn name(&self) -> ObjectName {
        ObjectName::of(self.kind(), self.metadata())
    }

    /// Its version, a number since Kubernetes 1.35 and in practice before.
    pub fn version(&self) -> Option<u64> {
        self.metadata().resource_version.as_ref()?.parse().ok()
    }

    /// The object as one of the kind `K`, if it is.
    pub fn typed<K: Configured>(&self) -> Option<&Stored<K>> {
        K::downcast(self)
    }
}

impl<K: Configured> From<Stored<K>> for Object {
    fn from(object: Stored<K>) -> Self {
        K::erase(Arc::new(object))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

fn say_the_same<K: Configured>(one: &Stored<K>, other: &Stored<K>) -> bool {
    let specs = match (one.readable(), other.readable()) {
        (Ok(one), Ok(other)) => one.spec() == other.spec(),
        (Err(one), Err(other)) => one.error == other.error,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    };
    let judged = |object: &Stored<K>| ObjectMeta {
        managed_fields: None,
        resource_version: None,
        finalizers: None,
        ..object.meta().clone()
    };
    specs && judged(one) == judged(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_tells_where_the_api_server_has_its_objects() {
        let resource = Kind::IPReservation.resource();
        assert_eq!(
            (resource.plural.as_str(), resource.api_version.as_str()),
            ("ipreservations", "heraldlb.io/v1beta1")
        );
        let namespaced: Vec<_> = Kind::ALL
            .iter()
            .filter(|kind| kind.scope() == Scope::Namespaced)
            .collect();
        assert_eq!(namespaced, [&Kind::IPReservation]);
    }

    #[test]
    fn every_kind_is_called_as_its_definition_is() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string(), kind.resource().kind);
        }
    }
}
