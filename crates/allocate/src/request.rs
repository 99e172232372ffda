//! What is asked of the API server, and what it answers, as values: whoever sends them decides nothing.

use std::time::Duration;

use config::ObjectName;
use crds::IPReservation;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::ServiceName;
use serde_json::{Map, Value, json};

/// The group and version of the custom resources.
const CUSTOM_RESOURCES: &str = "heraldlb.io/v1beta1";

/// The object that a request is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A Service.
    Service(ServiceName),
    /// A custom resource.
    Custom(ObjectName),
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// One page of the metadata of the Services that are not of type LoadBalancer; `after` is the page before.
    ListOthers {
        /// What the page before ended with; none asks for the first.
        after: Option<String>,
    },
    /// The object as it is.
    Get(Target),
    /// A new object; it must not exist.
    Create {
        /// The object.
        target: Target,
        /// All of it.
        object: Value,
    },
    /// A change of an object that exists.
    Patch {
        /// The object.
        target: Target,
        /// The part of it that is changed.
        part: Part,
        /// How.
        patch: Patch,
    },
}

/// A part of an object that is written by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but the status.
    Object,
    /// The status.
    Status,
}

/// How an object is changed. A patch that names a `resourceVersion` fails if the object is at another version.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// Server-side apply in the name of the release's field manager, forced: what the patch says becomes the manager's own,
    /// what the manager said before and the patch does not say goes, unless somebody else says it too.
    Apply(Value),
    /// A merge (RFC 7386): what the patch does not name stays, whoever owns it; null takes away.
    Merge(Value),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The object as it is now.
    Object(Box<Object>),
    /// A page of [`Request::ListOthers`].
    Page {
        /// Those whose status the release has written to.
        found: Vec<ServiceName>,
        /// What the next page is asked for with; none: this is the last.
        next: Option<String>,
    },
    /// There is no such object.
    Absent,
    /// The API server has looked at the request and does not carry it out.
    Refused {
        /// The status code.
        code: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether it took effect.
    Unanswered,
    /// It was not sent, because the process leads no more.
    NotSent,
}

/// An object in an answer, as much of it as is read.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "it is in a box")]
pub enum Object {
    /// A Service.
    Service(Service),
    /// An IPReservation.
    Reservation(IPReservation),
    /// Of any other object its metadata.
    Metadata(ObjectMeta),
}

impl Target {
    /// Its `apiVersion`.
    pub fn api_version(&self) -> &'static str {
        match self {
            Self::Service(_) => "v1",
            Self::Custom(_) => CUSTOM_RESOURCES,
        }
    }

    /// Its `kind`.
    pub fn kind(&self) -> String {
        match self {
            Self::Service(_) => "Service".to_owned(),
            Self::Custom(object) => object.kind.to_string(),
        }
    }

    /// Its namespace; none for kinds that have none.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Service(name) => Some(&name.namespace),
            Self::Custom(object) => object.namespace.as_deref(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Service(service) => &service.name,
            Self::Custom(object) => &object.name,
        }
    }

    /// An object of this name with these other fields; `version` makes a patch conditional.
    pub(crate) fn object(&self, version: Option<&str>, fields: &[(&str, Value)]) -> Value {
        let mut metadata = json!({"name": self.name()});
        if let Some(namespace) = self.namespace() {
            metadata["namespace"] = json!(namespace);
        }
        if let Some(version) = version {
            metadata["resourceVersion"] = json!(version);
        }
        let mut object = Map::new();
        object.insert("apiVersion".to_owned(), json!(self.api_version()));
        object.insert("kind".to_owned(), json!(self.kind()));
        object.insert("metadata".to_owned(), metadata);
        object.extend(
            fields
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        Value::Object(object)
    }
}

impl Answer {
    /// Whether nobody knows if the request took effect. An API server that failed while it carried it out does not know either.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unanswered => true,
            Self::Refused { code, .. } => !(400..500).contains(code),
            Self::Object(_) | Self::Page { .. } | Self::Absent | Self::NotSent => false,
        }
    }
}
