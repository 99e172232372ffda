use std::collections::BTreeMap;

use config::service::Classes;
use config::{Change, Configured, ForKind, Kind, Store, Update};
use crds::{Speaker, Stored};
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use model::Labels;
use serde_json::Value;

/// All objects that explain anything, as one list of each kind gives them.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The Services of type LoadBalancer.
    pub services: Vec<Service>,
    /// The labels of every namespace.
    pub namespaces: BTreeMap<String, Labels>,
    /// Every Node.
    pub nodes: Vec<Node>,
    /// The EndpointSlices, of these Services at least.
    pub slices: Vec<EndpointSlice>,
    /// Herald's own objects.
    pub objects: Store,
    /// Every Speaker.
    pub speakers: Vec<Speaker>,
}

impl Cluster {
    /// A cluster without any object.
    pub fn empty() -> Self {
        let mut objects = Store::new(Kind::ALL.iter().copied());
        for kind in Kind::ALL {
            objects.handle_update(kind.with_type(Nothing));
        }
        Self {
            services: Vec::new(),
            namespaces: BTreeMap::new(),
            nodes: Vec::new(),
            slices: Vec::new(),
            objects,
            speakers: Vec::new(),
        }
    }

    /// Puts a Service or an object of Herald's in the place of the one that has its name; other objects do not matter here.
    ///
    /// # Errors
    /// What it says is not of its kind.
    pub fn apply(&mut self, document: &Value) -> Result<(), serde_json::Error> {
        if document["apiVersion"] == "v1" && document["kind"] == "Service" {
            let mut service: Service = serde_json::from_value(document.clone())?;
            let namespace = &mut service.metadata.namespace;
            namespace.get_or_insert_with(|| "default".to_owned());
            self.replace(service);
        }
        let kind = Kind::ALL.iter().find(|kind| document["kind"] == kind.word());
        if let Some(kind) = kind.filter(|_| document["apiVersion"] == "heraldlb.io/v1beta1") {
            self.objects.handle_update(kind.with_type(Applied(document))?);
        }
        Ok(())
    }

    /// A Service of the cluster keeps what only the cluster knows of it.
    fn replace(&mut self, mut service: Service) {
        let name = config::service::name(&service);
        let mut services = self.services.iter_mut();
        match services.find(|known| config::service::name(known) == name) {
            Some(known) => {
                service.status = known.status.take();
                service.metadata.creation_timestamp = known.metadata.creation_timestamp.take();
                *known = service;
            }
            None => self.services.push(service),
        }
    }
}

/// Reads an object of a kind.
struct Applied<'a>(&'a Value);

impl ForKind for Applied<'_> {
    type Output = Result<Update, serde_json::Error>;

    fn visit<K: Configured>(self) -> Self::Output {
        let object: Stored<K> = serde_json::from_value(self.0.clone())?;
        Ok(Change::Applied(object).into())
    }
}

/// There are no objects of a kind.
struct Nothing;

impl ForKind for Nothing {
    type Output = Update;

    fn visit<K: Configured>(self) -> Update {
        Change::Listed(Vec::<Stored<K>>::new()).into()
    }
}

/// How Herald is installed, as far as objects do not say it.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The classes that it serves.
    pub classes: Classes,
    /// Whether nodes announce that carry the exclusion label.
    pub ignore_exclude_label: bool,
}

impl Default for Installation {
    fn default() -> Self {
        Self {
            classes: Classes {
                classes: vec!["heraldlb.io/herald".to_owned()],
                require_class: false,
            },
            ignore_exclude_label: false,
        }
    }
}
