use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::agenda::STATUS_DELAY;

/// A reconciler and the smallest API server that can be: objects with versions, and status writes that fail when the
/// version is not the newest.
struct Bench {
    reconciler: Reconciler,
    now: Instant,
    store: BTreeMap<ServiceName, Service>,
    version: u64,
    writes: Vec<String>,
    /// Watch events of status writes are held back until the test delivers them.
    late: Vec<Service>,
    publications: Vec<Publication>,
}

impl Bench {
    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn new() -> Self {
        let classes = Classes {
            class: "heraldlb.io/herald".into(),
            require_class: false,
        };
        Self {
            reconciler: Reconciler::new(classes),
            now: Instant::now(),
            store: BTreeMap::new(),
            version: 0,
            writes: Vec::new(),
            late: Vec::new(),
            publications: Vec::new(),
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
        self.input(Input::Namespaces(Change::Listed(vec![namespace(
            "default",
            json!({}),
        )])));
        self.input(Input::Services(Change::Listed(
            self.store.values().cloned().collect(),
        )));
    }

    /// What a new leader sees.
    fn restart(&mut self, range: &str) {
        let Self { store, version, .. } = std::mem::replace(self, Self::new());
        *self = Self {
            store,
            version,
            ..Self::new()
        };
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
                Action::Write { object, standing } => {
                    self.write(&object, &standing.patch(&object, timestamp()))
                }
                Action::Clear(name) => {
                    self.writes.push(format!("clear {name}"));
                    Input::Ended(name, Ending::Cleared)
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
            return Input::Ended(name, Ending::Failed);
        };
        self.version += 1;
        stored.status = serde_json::from_value(patch["status"].clone()).unwrap();
        stored.metadata.resource_version = Some(self.version.to_string());
        self.writes.push(format!("write {name}"));
        self.late.push(stored.clone());
        Input::Ended(name, Ending::Written(Box::new(stored.clone())))
    }

    /// Creates or changes a Service, and delivers the watch event.
    fn apply(&mut self, name: &str, spec: Value) {
        let event = self.put(name, spec);
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

fn timestamp() -> jiff::Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn load_balancer() -> Value {
    json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"]})
}

fn pool(name: &str, range: &str) -> IPPool {
    serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
        "metadata": {"name": name}, "spec": {"addresses": [range]},
    }))
    .unwrap()
}

fn namespace(name: &str, labels: Value) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}

/// P-CFG-45
#[test]
fn nothing_is_given_out_before_every_first_list_is_in() {
    let mut bench = Bench::new();
    let service = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Listed(vec![service])));
    bench.input(Input::Pools(Change::Listed(vec![pool("home", "192.0.2.0/24")])));
    bench.input(Input::L2Advertisements(Change::Listed(vec![])));
    assert!(bench.writes.is_empty() && !bench.reconciler.started());
    bench.input(Input::Namespaces(Change::Listed(vec![])));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert_eq!(
        bench.condition("web"),
        ("Allocated".into(), "192.0.2.0 from IPPool home".into())
    );
}

/// P-ALLOC-54, P-ALLOC-55, S9
#[test]
fn a_restart_writes_nothing_and_moves_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    for name in ["a", "b", "c"] {
        bench.apply(name, load_balancer());
    }
    assert_eq!(bench.writes.len(), 3);
    bench.delete("a");
    bench.restart("192.0.2.0/24");
    assert_eq!(bench.writes, [""; 0]);
    assert_eq!(
        (bench.address("b"), bench.address("c")),
        ("192.0.2.1".into(), "192.0.2.2".into())
    );
    bench.apply("d", load_balancer());
    assert_eq!(bench.address("d"), "192.0.2.0");
}

/// P-ALLOC-66
#[test]
fn the_watch_event_of_our_own_write_seen_late_changes_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    let before = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Applied(before.clone())));
    bench.input(Input::Services(Change::Applied(before)));
    for event in std::mem::take(&mut bench.late) {
        bench.input(Input::Services(Change::Applied(event)));
    }
    assert_eq!(bench.writes, ["write default/web"]);
}

/// P-ALLOC-2, P-ALLOC-3, P-ALLOC-64
#[test]
fn an_address_that_becomes_free_goes_to_the_oldest_that_waits() {
    let mut bench = Bench::started("192.0.2.7/32");
    for name in ["first", "older", "newer"] {
        bench.apply(name, load_balancer());
    }
    assert_eq!(bench.condition("newer").0, "PoolFull");
    let writes = bench.writes.len();
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.writes.len(), writes, "a Service that waits is not retried");
    bench.delete("first");
    assert_eq!(
        (bench.address("older"), bench.address("newer")),
        ("192.0.2.7".into(), String::new())
    );
}

#[test]
fn an_address_is_not_free_before_the_status_that_shows_it_is_clear() {
    let mut bench = Bench::started("192.0.2.7/32");
    bench.apply("first", load_balancer());
    bench.apply("second", load_balancer());
    let object = bench.store.remove(&ServiceName::new("default", "first")).unwrap();
    bench
        .reconciler
        .handle_input(bench.now, Input::Services(Change::Deleted(object)));
    let clear = bench.reconciler.poll_action(bench.now);
    assert_eq!(clear, Some(Action::Clear(ServiceName::new("default", "first"))));
    bench.drain();
    assert_eq!(bench.address("second"), "");
    bench.input(Input::Ended(
        ServiceName::new("default", "first"),
        Ending::Cleared,
    ));
    assert_eq!(bench.address("second"), "192.0.2.7");
}

#[test]
fn without_a_pool_the_service_waits_and_says_so_until_there_is_one() {
    let mut bench = Bench::new();
    bench.input(Input::Pools(Change::Listed(vec![])));
    bench.list();
    bench.apply("web", load_balancer());
    let (reason, message) = bench.condition("web");
    assert_eq!(reason, "NoPool");
    assert!(message.starts_with("there is no IPPool: create one"), "{message}");
    bench.input(Input::Pools(Change::Applied(pool("home", "192.0.2.0/24"))));
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// P-ALLOC-58, DESIGN §7
#[test]
fn an_edit_of_the_pools_moves_nothing() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("web", load_balancer());
    bench.input(Input::Pools(Change::Applied(pool("home", "198.51.100.0/24"))));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert!(bench.condition("web").1.contains("no IPPool covers any more"));
    bench.input(Input::Pools(Change::Deleted(pool("home", "198.51.100.0/24"))));
    bench.restart("198.51.100.0/24");
    assert_eq!(bench.address("web"), "192.0.2.0");
}

#[test]
fn a_write_that_failed_is_tried_again_from_the_newest_version() {
    let mut bench = Bench::started("192.0.2.0/24");
    let stale = bench.put("web", load_balancer());
    let fresh = bench.put("web", load_balancer());
    bench.input(Input::Services(Change::Applied(stale)));
    assert_eq!(bench.writes, [""; 0]);
    bench.input(Input::Services(Change::Applied(fresh)));
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert!(bench.reconciler.poll_timeout().is_some());
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.writes, ["write default/web"]);
    assert_eq!(bench.reconciler.poll_timeout(), None, "quiet in the end");
}

/// P-ALLOC-6
#[test]
fn a_service_of_another_class_is_left_alone() {
    let mut bench = Bench::started("192.0.2.0/24");
    let mut spec = load_balancer();
    spec["loadBalancerClass"] = json!("example.com/other");
    bench.apply("other", spec);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.writes, [""; 0]);
}

#[test]
fn of_two_services_with_one_address_the_older_keeps_it() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.apply("b-older", load_balancer());
    bench.apply("a-newer", load_balancer());
    let status = bench.store[&ServiceName::new("default", "b-older")]
        .status
        .clone();
    bench
        .store
        .get_mut(&ServiceName::new("default", "a-newer"))
        .unwrap()
        .status = status;
    bench.restart("192.0.2.0/24");
    assert_eq!(bench.address("b-older"), "192.0.2.0");
    assert_eq!(bench.address("a-newer"), "192.0.2.1");
}

/// P-ALLOC-30
#[test]
fn a_service_waits_for_the_labels_of_its_namespace_where_a_pool_looks_at_them() {
    let mut bench = Bench::started("198.51.100.0/24");
    let mut gold = pool("gold", "192.0.2.0/24");
    let allocation = json!({"namespaceSelectors": [{"matchLabels": {"tier": "gold"}}]});
    gold.spec.service_allocation = Some(serde_json::from_value(allocation).unwrap());
    bench.input(Input::Pools(Change::Applied(gold)));
    bench.input(Input::Namespaces(Change::Deleted(namespace(
        "default",
        json!({}),
    ))));
    bench.apply("web", load_balancer());
    assert_eq!(bench.writes, [""; 0]);
    bench.input(Input::Namespaces(Change::Applied(namespace(
        "default",
        json!({"tier": "gold"}),
    ))));
    assert_eq!(bench.address("web"), "192.0.2.0");
}

/// P-ALLOC-18
#[test]
fn use_of_the_pools_is_published_once_after_a_burst() {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.pass(STATUS_DELAY);
    bench.publications.clear();
    for number in 0..20 {
        bench.apply(&format!("web-{number}"), load_balancer());
    }
    bench.pass(STATUS_DELAY);
    let [publication] = bench.publications.as_slice() else {
        panic!("{} publications", bench.publications.len())
    };
    assert_eq!(publication.usage[&model::PoolName("home".into())].assigned_v4, 20);
    assert_eq!(publication.served, (20, 0));
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.publications.len(), 1);
}

/// F9: the reply to a write does not bring back a Service that was deleted meanwhile.
#[test]
fn a_service_deleted_while_its_status_is_written_gives_its_address_back() {
    let mut bench = Bench::started("192.0.2.7/32");
    let object = bench.put("first", load_balancer());
    let seen = Input::Services(Change::Applied(object.clone()));
    bench.reconciler.handle_input(bench.now, seen);
    let Some(Action::Write {
        object: decided,
        standing,
    }) = bench.reconciler.poll_action(bench.now)
    else {
        panic!("nothing is written")
    };
    let written = bench.write(&decided, &standing.patch(&decided, timestamp()));
    bench.store.remove(&ServiceName::new("default", "first"));
    bench.input(Input::Services(Change::Deleted(object)));
    bench.input(written);
    bench.apply("second", load_balancer());
    assert_eq!(bench.address("second"), "192.0.2.7");
}
