use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use crate::source::Source;

/// The objects that a plan is made from, of all kinds together.
#[derive(Clone, Debug, Default)]
pub struct Input {
    documents: Vec<Value>,
    services: Vec<Service>,
    /// Services that cannot be read.
    pub(crate) unreadable: Vec<(String, String)>,
}

impl Input {
    /// Takes documents as YAML or JSON has them. Values of Secrets are compared and never told.
    pub fn new(documents: Vec<Value>) -> Self {
        let (mut services, mut unreadable) = (Vec::new(), Vec::new());
        for document in documents.iter().filter(|document| is(document, "", "Service")) {
            match serde_json::from_value::<Service>(document.clone()) {
                Ok(mut service) => {
                    service
                        .metadata
                        .namespace
                        .get_or_insert_with(|| "default".to_owned());
                    services.push(service);
                }
                Err(error) => unreadable.push((Source::of(document).word(), error.to_string())),
            }
        }
        services.retain(|service| {
            let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
            kind == Some("LoadBalancer")
        });
        services.sort_by_key(config::service::name);
        Self {
            documents,
            services,
            unreadable,
        }
    }

    /// The Services of type LoadBalancer, by name.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The objects of a kind of an API group; the core group is empty.
    pub(crate) fn of<'a>(&'a self, group: &'a str, kind: &'a str) -> impl Iterator<Item = Source<'a>> {
        let meant = self
            .documents
            .iter()
            .filter(move |document| is(document, group, kind));
        meant.map(Source::of)
    }

    pub(crate) fn one<'a>(&'a self, group: &'a str, kind: &'a str, name: &str) -> Option<Source<'a>> {
        self.of(group, kind).find(|source| source.name() == name)
    }

    /// All documents of Herald's own group.
    pub(crate) fn herald(&self) -> impl Iterator<Item = &Value> {
        self.documents
            .iter()
            .filter(|document| group(document) == "heraldlb.io")
    }

    /// The password in a Secret, decoded or not: it is compared alone.
    pub(crate) fn password(&self, namespace: &str, name: &str, key: &str) -> Option<&str> {
        let secret = self
            .of("", "Secret")
            .find(|secret| secret.name() == name && secret.namespace() == namespace)?;
        secret.object["data"][key].as_str()
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.of("", "Secret").next().is_some()
    }

    /// What `kubernetes.io/hostname` of a node says.
    pub(crate) fn hostname(&self, node: &str) -> String {
        let label = self.one("", "Node", node).and_then(|node| {
            let labels = &node.object["metadata"]["labels"];
            labels["kubernetes.io/hostname"].as_str().map(str::to_owned)
        });
        label.unwrap_or_else(|| node.to_owned())
    }

    /// The interfaces of each node, as its Speaker says.
    pub(crate) fn interfaces(&self) -> BTreeMap<String, BTreeSet<String>> {
        let speakers = self.of("heraldlb.io", "Speaker");
        let interfaces = speakers.map(|speaker| {
            let list = speaker.list("status.interfaces").iter();
            let names = list.filter_map(|interface| interface["name"].as_str().map(str::to_owned));
            (speaker.name().to_owned(), names.collect())
        });
        interfaces.collect()
    }

    /// The interfaces with a default gateway.
    pub(crate) fn default_interfaces(&self) -> BTreeSet<String> {
        let speakers = self.of("heraldlb.io", "Speaker");
        let lists = speakers.flat_map(|speaker| speaker.list("status.interfaces").iter());
        let default = lists.filter(|interface| {
            interface["gateways"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
        });
        default
            .filter_map(|interface| interface["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// Addresses that nodes and gateways have.
    pub(crate) fn occupied(&self) -> BTreeSet<IpAddr> {
        let gateways = self.of("heraldlb.io", "Speaker").flat_map(|speaker| {
            let lists = speaker.list("status.interfaces").iter();
            let gateways = lists
                .filter_map(|interface| interface["gateways"].as_array())
                .flatten();
            gateways
                .filter_map(|text| text.as_str()?.parse().ok())
                .collect::<Vec<IpAddr>>()
        });
        self.node_addresses().into_iter().chain(gateways).collect()
    }

    /// InternalIPs and ExternalIPs of nodes.
    pub(crate) fn node_addresses(&self) -> BTreeSet<IpAddr> {
        let nodes = self.of("", "Node").flat_map(|node| {
            let list = node.list("status.addresses").iter();
            list.filter_map(|entry| entry["address"].as_str()?.parse().ok())
                .collect::<Vec<_>>()
        });
        nodes.collect()
    }

    /// The values of an environment variable or of an argument `--name=` in all pods' containers of workloads whose image or name has `word`.
    pub(crate) fn setting(&self, word: &str, name: &str) -> Option<String> {
        let workloads = [("apps", "Deployment"), ("apps", "DaemonSet"), ("", "Pod")];
        let sources = workloads
            .iter()
            .flat_map(|(group, kind)| self.of(group, kind).collect::<Vec<_>>());
        let mut containers = sources.flat_map(|source| {
            let path = if source.object["kind"] == "Pod" {
                "spec.containers"
            } else {
                "spec.template.spec.containers"
            };
            let is_named = source.name().contains(word) || source.namespace().contains(word);
            let list = source.list(path).iter();
            let meant = list.filter(|container| {
                is_named
                    || container["image"]
                        .as_str()
                        .is_some_and(|image| image.contains(word))
            });
            meant.cloned().collect::<Vec<_>>()
        });
        containers.find_map(|container| setting_of(&container, name))
    }
}

fn setting_of(container: &Value, name: &str) -> Option<String> {
    let entries = container["env"].as_array().into_iter().flatten();
    let mut named = entries.filter(|entry| entry["name"] == name);
    if let Some(value) = named.find_map(|entry| entry["value"].as_str()) {
        return Some(value.to_owned());
    }
    let lists = [&container["args"], &container["command"]];
    let words = lists.into_iter().filter_map(Value::as_array).flatten();
    let prefix = format!("--{name}=");
    words
        .filter_map(Value::as_str)
        .find_map(|word| word.strip_prefix(&prefix).map(str::to_owned))
}

fn group(document: &Value) -> &str {
    let version = document["apiVersion"].as_str().unwrap_or_default();
    version.split_once('/').map_or("", |(group, _)| group)
}

fn is(document: &Value, of: &str, kind: &str) -> bool {
    document["kind"] == kind && group(document) == of
}
