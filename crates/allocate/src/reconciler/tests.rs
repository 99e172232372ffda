use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::*;

mod moving;
mod reserving;
mod routing;
mod serving;
mod starting;

/// A reconciler and the smallest API server that can be: objects with versions, and status writes that fail when the
/// version is not the newest.
struct Bench {
    reconciler: Reconciler,
    now: Instant,
    store: BTreeMap<ServiceName, Service>,
    reservations: BTreeMap<ReservationName, IPReservation>,
    version: u64,
    writes: Vec<String>,
    /// Watch events of status writes are held back until the test delivers them.
    late: Vec<Service>,
    publications: Vec<Publication>,
    /// The test itself ends what is cleared.
    holds_clears: bool,
    /// What of an [`Action::Write`] was told besides.
    lost: Vec<(IpAddr, ServiceName)>,
}

impl Bench {
    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn new() -> Self {
        let classes = Classes {
            classes: vec!["heraldlb.io/herald".into()],
            require_class: false,
        };
        Self {
            reconciler: Reconciler::new(classes),
            now: Instant::now(),
            store: BTreeMap::new(),
            reservations: BTreeMap::new(),
            version: 0,
            writes: Vec::new(),
            late: Vec::new(),
            publications: Vec::new(),
            lost: Vec::new(),
            holds_clears: false,
        }
    }

    /// With a pool of these addresses, and every first list delivered.
    fn started(range: &str) -> Self {
        let mut bench = Self::new();
        bench.input(Input::Pools(Change::Listed(vec![pool("home", range)])));
        bench.list();
        bench
    }

    fn list(&mut self) {
        self.input(Input::L2Advertisements(Change::Listed(vec![])));
        let reservations = self
            .reservations
            .values()
            .cloned()
            .map(Stored::Readable)
            .collect();
        self.input(Input::Reservations(Change::Listed(reservations)));
        self.input(Input::Namespaces(Change::Listed(vec![namespace(
            "default",
            json!({}),
        )])));
        let balancers = self.store.values().filter(|object| is_load_balancer(object));
        self.input(Input::Services(Change::Listed(balancers.cloned().collect())));
    }

    /// What a new leader sees.
    fn restart(&mut self, range: &str) {
        let before = std::mem::replace(self, Self::new());
        self.store = before.store;
        self.reservations = before.reservations;
        self.version = before.version;
        self.holds_clears = before.holds_clears;
        self.now = before.now;
        self.input(Input::Pools(Change::Listed(vec![pool("home", range)])));
        self.list();
    }

    fn input(&mut self, input: Input) {
        self.reconciler.handle_input(self.now, input);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.reconciler.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.reconciler.poll_action(self.now) {
            let ended = match action {
                Action::FindFormer => {
                    let others = self.store.values().filter(|object| !is_load_balancer(object));
                    Input::Former(others.cloned().collect())
                }
                Action::Write {
                    object,
                    desired,
                    lost,
                } => {
                    self.lost.extend(lost);
                    self.write(&object, &desired.patch(&object, timestamp()))
                }
                Action::Reserve {
                    service,
                    reservation,
                    addresses,
                    version,
                } => self.reserve(service, reservation, &addresses, version),
                Action::Clear(name) => {
                    self.writes.push(format!("clear {name}"));
                    if self.holds_clears {
                        continue;
                    }
                    Input::Ended(name, Ending::Cleared(None))
                }
                Action::Publish(publication) => {
                    self.publications.push(*publication);
                    continue;
                }
            };
            self.reconciler.handle_input(self.now, ended);
        }
    }

    fn write(&mut self, object: &Service, patch: &Value) -> Input {
        let name = config::service::name(object);
        let stored = self
            .store
            .get_mut(&name)
            .filter(|stored| stored.metadata.resource_version == object.metadata.resource_version);
        let Some(stored) = stored else {
            return Input::Ended(name, Ending::Refused { retry_after: None });
        };
        self.version += 1;
        stored.status = serde_json::from_value(patch["status"].clone()).unwrap();
        stored.metadata.resource_version = Some(self.version.to_string());
        self.writes.push(format!("write {name}"));
        self.late.push(stored.clone());
        Input::Ended(name, Ending::Written(Box::new(stored.clone())))
    }

    fn reserve(
        &mut self,
        service: ServiceName,
        name: ReservationName,
        addresses: &[IpAddr],
        version: Option<String>,
    ) -> Input {
        let there = self
            .reservations
            .get(&name)
            .and_then(|object| object.metadata.resource_version.clone());
        if there != version {
            return Input::Ended(service, Ending::Refused { retry_after: None });
        }
        self.version += 1;
        let object: IPReservation = serde_json::from_value(json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "IPReservation",
            "metadata": {
                "namespace": &*name.namespace, "name": &*name.name, "resourceVersion": self.version.to_string(),
            },
            "spec": {"addresses": addresses},
        }))
        .unwrap();
        self.writes.push(format!("reserve {name}"));
        self.reservations.insert(name, object.clone());
        Input::Ended(service, Ending::Reserved(Box::new(object)))
    }

    /// Creates or changes a Service, and delivers the watch event.
    fn apply(&mut self, name: &str, spec: Value) {
        let event = self.put(name, spec);
        self.input(Input::Services(Change::Applied(event)));
    }

    /// The same, with annotations.
    fn apply_with(&mut self, name: &str, annotations: Value, spec: Value) {
        let mut event = self.put(name, spec);
        event.metadata.annotations = serde_json::from_value(annotations).unwrap();
        self.store
            .insert(ServiceName::new("default", name), event.clone());
        self.input(Input::Services(Change::Applied(event)));
    }

    fn put(&mut self, name: &str, spec: Value) -> Service {
        self.version += 1;
        let key = ServiceName::new("default", name);
        let before = self.store.get(&key);
        let mut object: Service = serde_json::from_value(json!({
            "metadata": {
                "namespace": "default", "name": name, "uid": name,
                "resourceVersion": self.version.to_string(),
                "creationTimestamp": before.map_or_else(
                    || json!(format!("2026-01-01T00:00:{:02}Z", self.version)),
                    |before| json!(before.metadata.creation_timestamp),
                ),
            },
            "spec": spec,
        }))
        .unwrap();
        object.status = before.and_then(|before| before.status.clone());
        self.store.insert(key, object.clone());
        object
    }

    fn delete(&mut self, name: &str) {
        let object = self.store.remove(&ServiceName::new("default", name)).unwrap();
        self.input(Input::Services(Change::Deleted(object)));
    }

    fn address(&self, name: &str) -> String {
        let assigned = config::service::assigned(&self.store[&ServiceName::new("default", name)]);
        assigned
            .iter()
            .map(IpAddr::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }

    fn condition(&self, name: &str) -> (String, String) {
        let status = self.store[&ServiceName::new("default", name)]
            .status
            .clone()
            .unwrap();
        let condition = status.conditions.unwrap().remove(0);
        (condition.reason, condition.message)
    }
}

fn is_load_balancer(object: &Service) -> bool {
    object.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

fn timestamp() -> jiff::Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn load_balancer() -> Value {
    json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"]})
}

fn pool(name: &str, range: &str) -> Stored<IPPool> {
    pool_of(name, &[range])
}

fn pool_of(name: &str, ranges: &[&str]) -> Stored<IPPool> {
    serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
        "metadata": {"name": name}, "spec": {"addresses": ranges},
    }))
    .unwrap()
}

fn namespace(name: &str, labels: Value) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}
