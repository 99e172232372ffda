use std::collections::BTreeMap;

use config::Store;
use config::service::Classes;
use crds::Speaker;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use model::Labels;

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
