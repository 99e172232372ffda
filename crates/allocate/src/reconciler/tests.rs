use std::net::IpAddr;
use std::time::Duration;

use config::Configured;
use config::service::Classes;
use crds::{IPPool, L2Advertisement, Stored};
use k8s_openapi::api::core::v1::Service;
use model::ReservationName;
use serde_json::{Value, json};

use super::*;
use crate::event::Event;
use crate::fields;
use crate::request::{Answer, Object, Part, Patch, Request, Target};
use crate::task::{Ended, Progress, StatusWrite};

mod contested;
mod finalizing;
mod moving;
mod reserving;
mod routing;
mod serving;
mod starting;
mod waking;

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
    /// What users were told.
    events: Vec<Event>,
    /// Finalizers of the pools, as they were written.
    finalized: Vec<(String, Vec<String>)>,
}

impl Bench {
    fn new() -> Self {
        Self::of(release(false))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn of(release: Release) -> Self {
        Self {
            reconciler: Reconciler::new(release),
            now: Instant::now(),
            store: BTreeMap::new(),
            reservations: BTreeMap::new(),
            version: 0,
            writes: Vec::new(),
            late: Vec::new(),
            publications: Vec::new(),
            events: Vec::new(),
            finalized: Vec::new(),
            holds_clears: false,
        }
    }

    /// With a pool of these addresses, and every first list delivered.
    fn started(range: &str) -> Self {
        let mut bench = Self::new();
        bench.input(objects::<IPPool>(Change::Listed(vec![pool("home", range)])));
        bench.list();
        bench
    }

    fn list(&mut self) {
        self.input(objects::<L2Advertisement>(Change::Listed(vec![])));
        let reservations = self
            .reservations
            .values()
            .cloned()
            .map(Stored::Readable)
            .collect();
        self.input(objects::<IPReservation>(Change::Listed(reservations)));
        self.input(Input::Namespaces(Change::Listed(vec![namespace(
            "default",
            json!({}),
        )])));
        self.input(Input::Nodes(Change::Listed(vec![])));
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
        self.input(objects::<IPPool>(Change::Listed(vec![pool("home", range)])));
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
            match action {
                Action::Publish(publication) => self.publications.push(*publication),
                Action::Do(task) => self.carry_out(task),
            }
        }
    }

    fn carry_out(&mut self, task: Task) {
        if let Some(ended) = self.end_of(task) {
            self.reconciler.handle_input(self.now, ended);
        }
    }

    /// How a task ends; none if the test ends it.
    fn end_of(&mut self, mut task: Task) -> Option<Input> {
        if let Task::Clear(clearing) = &task {
            self.writes.push(format!("clear {}", clearing.service()));
            if self.holds_clears {
                return None;
            }
        }
        let release = self.reconciler.release.clone();
        loop {
            let answer = self.serve(&task.request(&release, timestamp()));
            task = match task.answered(&release, answer) {
                Progress::Next(task) => task,
                Progress::Again(task) => panic!("{task:?} is not served"),
                Progress::Ended(ended) => {
                    let Ended { input, events } = *ended;
                    self.events.extend(events);
                    return Some(input);
                }
            };
        }
    }

    /// The next status that is to be written; what is needed before is carried out.
    fn next_write(&mut self) -> StatusWrite {
        loop {
            match self.reconciler.poll_action(self.now) {
                Some(Action::Do(Task::WriteStatus(write))) => return *write,
                Some(Action::Do(task)) => self.carry_out(task),
                Some(Action::Publish(_)) => {}
                None => panic!("nothing is written"),
            }
        }
    }

    fn write(&mut self, write: StatusWrite) -> Input {
        self.end_of(Task::WriteStatus(Box::new(write)))
            .expect("a write ends")
    }

    fn serve(&mut self, request: &Request) -> Answer {
        match request {
            Request::ListOthers { .. } => {
                let others = self.store.iter().filter(|(_, object)| !is_load_balancer(object));
                Answer::Page {
                    found: others.map(|(name, _)| name.clone()).collect(),
                    next: None,
                }
            }
            Request::Get(Target::Service(name)) => match self.store.get(name) {
                Some(object) => Answer::Object(Box::new(Object::Service(object.clone()))),
                None => Answer::Absent,
            },
            Request::Patch {
                target: Target::Service(name),
                patch,
                ..
            } => self.patch_status(name, "herald-controller", patch),
            Request::Create { target, object }
            | Request::Patch {
                target,
                part: Part::Object,
                patch: Patch::Apply(object),
            } => self.reserve(target, object),
            Request::Patch {
                target,
                patch: Patch::Merge(object),
                ..
            } => self.finalize(target, object),
            Request::Get(_) | Request::Patch { .. } => panic!("{request:?} is not served"),
        }
    }

    fn patch_status(&mut self, name: &ServiceName, manager: &str, patch: &Patch) -> Answer {
        let Some(stored) = self.store.get_mut(name) else {
            return Answer::Absent;
        };
        let (Patch::Apply(body) | Patch::Merge(body)) = patch;
        let asked = body["metadata"]["resourceVersion"].as_str();
        if asked.is_some_and(|asked| Some(asked) != stored.metadata.resource_version.as_deref()) {
            return conflict();
        }
        let before = json!(stored.status);
        let mut after = before.clone();
        let account = &mut stored.metadata.managed_fields;
        match patch {
            Patch::Apply(_) => {
                fields::apply(&mut after, account, manager, &body["status"], true).unwrap();
            }
            Patch::Merge(_) => {
                fields::merge_patch(&mut after, &body["status"]);
                fields::update(&before, &after, account, manager);
            }
        }
        self.version += 1;
        stored.status = serde_json::from_value(after).unwrap();
        stored.metadata.resource_version = Some(self.version.to_string());
        if manager == "herald-controller" && is_load_balancer(stored) {
            self.writes.push(format!("write {name}"));
        }
        let mut seen = stored.clone();
        crate::slim(&mut seen, &self.reconciler.release);
        self.late.push(seen);
        Answer::Object(Box::new(Object::Service(stored.clone())))
    }

    /// Somebody else writes the ingress of a Service, and the watch shows it.
    fn write_as(&mut self, manager: &str, name: &str, ingress: Value) {
        let patch = Patch::Merge(json!({"status": {"loadBalancer": {"ingress": ingress}}}));
        self.patch_status(&ServiceName::new("default", name), manager, &patch);
        let seen = self.late.pop().unwrap();
        self.input(Input::Services(Change::Applied(seen)));
    }

    fn reserve(&mut self, target: &Target, object: &Value) -> Answer {
        let name = ReservationName::new(target.namespace().unwrap(), target.name());
        let known = self.reservations.get(&name);
        let there = known.and_then(|object| object.metadata.resource_version.clone());
        if object["metadata"]["resourceVersion"].as_str() != there.as_deref() {
            return conflict();
        }
        self.version += 1;
        let mut reservation: IPReservation = serde_json::from_value(object.clone()).unwrap();
        reservation.metadata.resource_version = Some(self.version.to_string());
        self.writes.push(format!("reserve {name}"));
        self.reservations.insert(name, reservation.clone());
        Answer::Object(Box::new(Object::Reservation(reservation)))
    }

    fn finalize(&mut self, target: &Target, object: &Value) -> Answer {
        self.version += 1;
        let finalizers: Vec<String> =
            serde_json::from_value(object["metadata"]["finalizers"].clone()).unwrap();
        self.finalized
            .push((target.name().to_owned(), finalizers.clone()));
        Answer::Object(Box::new(Object::Metadata(kube::core::ObjectMeta {
            name: Some(target.name().to_owned()),
            finalizers: Some(finalizers),
            resource_version: Some(self.version.to_string()),
            ..kube::core::ObjectMeta::default()
        })))
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
                    || json!(timestamp() + jiff::SignedDuration::from_secs(self.version.cast_signed())),
                    |before| json!(before.metadata.creation_timestamp),
                ),
            },
            "spec": spec,
        }))
        .unwrap();
        object.status = before.and_then(|before| before.status.clone());
        object.metadata.managed_fields = before.and_then(|before| before.metadata.managed_fields.clone());
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

fn release(require_class: bool) -> Release {
    Release::new(Classes {
        classes: vec!["heraldlb.io/herald".into()],
        require_class,
    })
}

/// What a watch of custom resources says.
fn objects<K: Configured>(change: Change<Stored<K>>) -> Input {
    Input::Objects(Update::from(change))
}

fn conflict() -> Answer {
    Answer::Refused {
        code: 409,
        retry_after: None,
    }
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
        "metadata": {"name": name, "resourceVersion": "1"}, "spec": {"addresses": ranges},
    }))
    .unwrap()
}

fn namespace(name: &str, labels: Value) -> PartialObjectMeta<Namespace> {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}
