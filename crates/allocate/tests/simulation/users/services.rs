use std::time::Duration;

use allocate::request::Patch;
use config::service::{ADDRESS_POOL, ALLOW_SHARED_IP, LOAD_BALANCER_IPS, REALLOCATE, RESERVE};
use crds::condition::ANNOUNCED;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::reservations::RESERVATIONS;
use super::{NAMESPACES, NOTHING, TIERS, Users, pools};
use crate::log::Stamp;
use crate::object::{Key, Kind, Object};
use crate::store::{Store, time};

const NAMES: [&str; 4] = ["web", "dns", "mail", "shop"];
const CLASS: &str = "heraldlb.io/herald";
const KEYS: [&str; 2] = ["edge", "core"];
/// Addresses that people ask for: of every pool, of none, and what is no address.
const REQUESTS: [&str; 9] = [
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.254",
    "198.51.100.1",
    "2001:db8:a::",
    "192.0.2.1,2001:db8:a::1",
    "203.0.113.9",
    "router",
];

impl Users {
    /// Creates a Service under a name that is free.
    pub(super) fn write_service(&mut self, store: &mut Store, now: Duration) -> String {
        let (namespace, name) = (self.chance.one_of(&NAMESPACES), self.chance.one_of(&NAMES));
        let key = Key::new(Kind::Services, namespace, name);
        if store.get(&key).is_some() {
            return self.edit_service(store, now);
        }
        let mut service = Service {
            metadata: self.metadata(store, now, &key),
            spec: Some(ServiceSpec {
                type_: Some("LoadBalancer".to_owned()),
                ..ServiceSpec::default()
            }),
            status: None,
        };
        self.set_families(&mut service);
        self.set_ports(&mut service);
        for _ in 0..self.chance.below(3) {
            self.change(&mut service);
        }
        put(store, now, key, service)
    }

    pub(super) fn edit_service(&mut self, store: &mut Store, now: Duration) -> String {
        let Some((key, mut service)) = self.any_service(store) else {
            return NOTHING.to_owned();
        };
        self.change(&mut service);
        put(store, now, key, service)
    }

    pub(super) fn delete_service(&mut self, store: &mut Store, now: Duration) -> String {
        let Some(key) = self.any(store, Kind::Services) else {
            return NOTHING.to_owned();
        };
        store.delete(Stamp::user(now), &key);
        format!("deletes {}/{}", key.namespace, key.name)
    }

    /// A speaker writes its own condition: the version changes and nothing that the controller reads.
    pub(super) fn touch_status(&mut self, store: &mut Store, now: Duration) -> String {
        let Some((key, _)) = self.any_service(store) else {
            return NOTHING.to_owned();
        };
        let condition = Condition {
            type_: ANNOUNCED.to_owned(),
            status: "True".to_owned(),
            reason: "Announced".to_owned(),
            message: format!("from node-{}", self.chance.below(3)),
            observed_generation: None,
            last_transition_time: time(now),
        };
        let patch = Patch::Apply(json!({"status": {"conditions": [condition]}}));
        store.patch_status(Stamp::user(now), &key, "herald-speaker", &patch);
        format!("a speaker touches {}/{}", key.namespace, key.name)
    }

    fn change(&mut self, service: &mut Service) {
        match self.chance.below(14) {
            0 => self.set_families(service),
            1 => self.set_type(service),
            2 | 3 => self.annotate(service, LOAD_BALANCER_IPS, &REQUESTS),
            4 => self.annotate(service, ADDRESS_POOL, &pools::NAMES),
            5..8 => self.annotate(service, ALLOW_SHARED_IP, &KEYS),
            8 => self.set_ports(service),
            9 => self.set_policy(service),
            10 => self.annotate(service, REALLOCATE, &["true", "false", "perhaps"]),
            11 => self.annotate(service, RESERVE, &RESERVATIONS),
            12 => {
                let tier = self.chance.percent(60).then(|| self.chance.one_of(&TIERS));
                service.metadata.labels = tier.map(|tier| [("tier".to_owned(), tier.to_owned())].into());
            }
            _ => self.annotate(service, "example.com/note", &["a", "b"]),
        }
    }

    fn annotate(&mut self, service: &mut Service, key: &str, values: &[&str]) {
        let annotations = service.metadata.annotations.get_or_insert_default();
        match self.chance.percent(60) {
            true => drop(annotations.insert(key.to_owned(), (self.chance.one_of(values)).to_owned())),
            false => drop(annotations.remove(key)),
        }
    }

    fn set_families(&mut self, service: &mut Service) {
        let (policy, ips): (&str, &[&str]) = self.chance.one_of(&[
            ("SingleStack", &["10.96.0.7"][..]),
            ("SingleStack", &["10.96.0.7"]),
            ("SingleStack", &["fd00::7"]),
            ("PreferDualStack", &["10.96.0.7", "fd00::7"]),
            ("PreferDualStack", &["fd00::7", "10.96.0.7"]),
            ("PreferDualStack", &["10.96.0.7"]),
            ("RequireDualStack", &["10.96.0.7", "fd00::7"]),
            ("RequireDualStack", &["10.96.0.7"]),
        ]);
        let spec = service.spec.get_or_insert_default();
        spec.ip_family_policy = Some(policy.to_owned());
        spec.cluster_ip = Some(ips[0].to_owned());
        spec.cluster_ips = Some(ips.iter().map(|ip| (*ip).to_owned()).collect());
    }

    fn set_ports(&mut self, service: &mut Service) {
        let mut ports = self.chance.some_of(&[80, 443, 53]);
        if ports.is_empty() {
            ports.push(8080);
        }
        let port = |port| ServicePort {
            port,
            protocol: Some("TCP".to_owned()),
            ..ServicePort::default()
        };
        service.spec.get_or_insert_default().ports = Some(ports.into_iter().map(port).collect());
    }

    fn set_policy(&mut self, service: &mut Service) {
        let spec = service.spec.get_or_insert_default();
        spec.external_traffic_policy = Some((self.chance.one_of(&["Cluster", "Local"])).to_owned());
        let pods = (self.chance.one_of(&["proxy", "cache"])).to_owned();
        spec.selector = Some([("app".to_owned(), pods)].into());
    }

    /// The class of a Service may change only together with its type.
    fn set_type(&mut self, service: &mut Service) {
        let class = self
            .chance
            .one_of(&[None, None, Some(CLASS), Some("example.com/other")]);
        let spec = service.spec.get_or_insert_default();
        let balances = spec.type_.as_deref() == Some("LoadBalancer");
        spec.type_ = Some(if balances { "ClusterIP" } else { "LoadBalancer" }.to_owned());
        spec.load_balancer_class = class.filter(|_| !balances).map(str::to_owned);
    }
}

fn put(store: &mut Store, now: Duration, key: Key, service: Service) -> String {
    let Key { namespace, name, .. } = &key;
    let (annotations, labels) = (&service.metadata.annotations, &service.metadata.labels);
    let words = format!(
        "{namespace}/{name}: {} {annotations:?} {labels:?}",
        json!(service.spec)
    );
    store.put(Stamp::user(now), key, Object::Service(service));
    words
}
