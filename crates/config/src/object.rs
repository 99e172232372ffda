use std::fmt;

use crds::Stored;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::fault::Fault;
use crate::kind::Kind;
use crate::warning::Warning;

/// A custom resource, by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; none for the kinds that have none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    pub(crate) fn of(kind: Kind, metadata: &ObjectMeta) -> Self {
        Self {
            kind,
            namespace: metadata.namespace.clone(),
            name: name(metadata).to_owned(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The generation that was judged.
    pub generation: i64,
    /// Why it is not in force; none when it is.
    pub fault: Option<Fault>,
    /// The object is wrong now, and the form that it had before is still in force.
    pub previous_in_force: bool,
    /// What is amiss with the form that is in force.
    pub warnings: Vec<Warning>,
}

impl Verdict {
    /// `in_force`: some form of the object is.
    pub(crate) fn new(metadata: &ObjectMeta, fault: Option<Fault>, in_force: bool) -> Self {
        Self {
            generation: metadata.generation.unwrap_or_default(),
            previous_in_force: in_force && fault.is_some(),
            fault,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn with_warnings(self, warnings: Vec<Warning>) -> Self {
        Self { warnings, ..self }
    }
}

/// The object, if it can be read.
pub(crate) fn readable<K>(object: &Stored<K>) -> Result<&K, Fault> {
    object.readable().map_err(|malformed| Fault::Malformed {
        error: malformed.error.clone(),
    })
}

pub(crate) fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// Oldest first; equals by namespace and name.
pub(crate) fn age(metadata: &ObjectMeta) -> (Option<Time>, Option<String>, String) {
    let created = metadata.creation_timestamp.clone();
    (created, metadata.namespace.clone(), name(metadata).to_owned())
}
