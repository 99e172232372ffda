//! What a write makes of an object.

use std::sync::Arc;

use allocate::request::{self, Part, Patch, Target};
use config::ObjectName;
use crds::{IPReservation, Stored};
use kube::api::ObjectMeta;
use model::ServiceName;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Answer, CONFLICT, Failure, NOT_FOUND, fields, is_selected};
use crate::log::Stamp;
use crate::object::{Key, Kind, Object};
use crate::store::{Store, time};

/// How many Services a page has.
const PAGE: usize = 2;

impl Store {
    pub(super) fn serve_leader(
        &mut self,
        stamp: Stamp,
        manager: &str,
        request: &request::Request,
    ) -> Result<Answer, Failure> {
        match request {
            request::Request::ListOthers { after } => Ok(self.list_others(manager, after.as_deref())),
            request::Request::Get(target) => {
                let object = self.get(&Key::of(target)).ok_or(NOT_FOUND)?;
                Ok(found(object))
            }
            request::Request::Create { target, object } => self.create(stamp, &Key::of(target), object),
            request::Request::Patch { target, part, patch } => {
                let key = Key::of(target);
                let current = Arc::clone(self.get(&key).ok_or(NOT_FOUND)?);
                let (Patch::Apply(body) | Patch::Merge(body)) = patch;
                let asked = body["metadata"]["resourceVersion"].as_str();
                if asked.is_some_and(|version| version != current.version()) {
                    return Err(CONFLICT);
                }
                let object = match part {
                    Part::Status => with_status(&current, manager, patch),
                    Part::Object => with_spec(&current, body),
                };
                Ok(self.replace(stamp, key, &current, object))
            }
        }
    }

    /// Somebody else writes the status of an object, in a name of its own.
    pub(crate) fn patch_status(&mut self, stamp: Stamp, key: &Key, manager: &str, patch: &Patch) {
        let Some(current) = self.get(key).cloned() else {
            return;
        };
        let object = with_status(&current, manager, patch);
        self.replace(stamp, key.clone(), &current, object);
    }

    fn replace(&mut self, stamp: Stamp, key: Key, current: &Arc<Object>, object: Object) -> Answer {
        if **current == object {
            return Answer::Leader {
                answer: answer(current),
                unchanged: true,
            };
        }
        let metadata = object.metadata();
        let no_finalizers = metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        let last = no_finalizers && metadata.deletion_timestamp.is_some();
        let written = self.put(stamp, key.clone(), object);
        if last {
            self.delete(stamp, &key);
        }
        found(&written)
    }

    fn create(&mut self, stamp: Stamp, key: &Key, object: &Value) -> Result<Answer, Failure> {
        if self.get(key).is_some() {
            return Err(CONFLICT);
        }
        let mut reservation: IPReservation = read(object);
        reservation.metadata.creation_timestamp = Some(time(stamp.at));
        let object = Object::Reservation(Stored::Readable(reservation));
        Ok(found(&self.put(stamp, key.clone(), object)))
    }

    fn list_others(&self, manager: &str, after: Option<&str>) -> Answer {
        let others = self.of_kind(Kind::Services).filter(|(key, object)| {
            !is_selected(object) && after.is_none_or(|after| id(key).as_str() > after)
        });
        let page: Vec<_> = others.take(PAGE).collect();
        let is_written = |object: &Object| {
            let mut entries = object.metadata().managed_fields.iter().flatten();
            entries.any(|entry| entry.manager.as_deref() == Some(manager))
        };
        let found = page
            .iter()
            .filter(|(_, object)| is_written(object))
            .map(|(key, _)| ServiceName::new(key.namespace.as_str(), key.name.as_str()));
        Answer::Leader {
            answer: request::Answer::Page {
                found: found.collect(),
                next: page.last().filter(|_| page.len() == PAGE).map(|(key, _)| id(key)),
            },
            unchanged: false,
        }
    }
}

impl Key {
    /// The object that a request is about.
    pub(crate) fn of(target: &Target) -> Self {
        match target {
            Target::Service(name) => Self::service(name),
            Target::Custom(ObjectName {
                kind,
                namespace,
                name,
            }) => {
                let kind = match kind {
                    config::Kind::IPPool => Kind::Pools,
                    config::Kind::L2Advertisement => Kind::L2Advertisements,
                    config::Kind::IPReservation => Kind::Reservations,
                    config::Kind::BFDProfile
                    | config::Kind::BGPAdvertisement
                    | config::Kind::BGPPeer
                    | config::Kind::Community => unreachable!("nobody in this world makes one"),
                };
                Self::new(kind, namespace.as_deref().unwrap_or_default(), name)
            }
        }
    }
}

fn id(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

fn found(object: &Arc<Object>) -> Answer {
    Answer::Leader {
        answer: answer(object),
        unchanged: false,
    }
}

fn answer(object: &Object) -> request::Answer {
    request::Answer::Object(Box::new(match object {
        Object::Service(service) => request::Object::Service(service.clone()),
        Object::Reservation(Stored::Readable(reservation)) => {
            request::Object::Reservation(reservation.clone())
        }
        object @ (Object::Namespace(_)
        | Object::Pool(_)
        | Object::L2Advertisement(_)
        | Object::Reservation(_)
        | Object::Lease(_)) => request::Object::Metadata(object.metadata().clone()),
    }))
}

fn with_status(current: &Object, manager: &str, patch: &Patch) -> Object {
    let mut object = Object::clone(current);
    let before = status(&object);
    let mut after = before.clone();
    let account = &mut object.metadata_mut().managed_fields;
    match patch {
        Patch::Apply(body) => {
            let applied = fields::apply(&mut after, account, manager, &body["status"], true);
            applied.expect("an apply with force meets no conflict");
        }
        Patch::Merge(body) => {
            fields::merge_patch(&mut after, &body["status"]);
            fields::update(&before, &after, account, manager);
        }
    }
    match &mut object {
        Object::Service(service) => service.status = read(&after),
        Object::Pool(Stored::Readable(pool)) => pool.status = read(&after),
        Object::L2Advertisement(Stored::Readable(one)) => one.status = read(&after),
        Object::Reservation(Stored::Readable(one)) => one.status = read(&after),
        Object::Pool(Stored::Malformed(object))
        | Object::L2Advertisement(Stored::Malformed(object))
        | Object::Reservation(Stored::Malformed(object)) => object.status = after,
        Object::Namespace(_) | Object::Lease(_) => unreachable!("they have no status"),
    }
    if let Object::Service(service) = &mut object {
        tidy(service);
    }
    object
}

fn status(object: &Object) -> Value {
    match object {
        Object::Service(service) => json!(service.status),
        Object::Pool(Stored::Readable(pool)) => json!(pool.status),
        Object::L2Advertisement(Stored::Readable(one)) => json!(one.status),
        Object::Reservation(Stored::Readable(one)) => json!(one.status),
        Object::Pool(Stored::Malformed(object))
        | Object::L2Advertisement(Stored::Malformed(object))
        | Object::Reservation(Stored::Malformed(object)) => object.status.clone(),
        Object::Namespace(_) | Object::Lease(_) => Value::Null,
    }
}

/// An empty list is no list.
fn tidy(service: &mut k8s_openapi::api::core::v1::Service) {
    let Some(status) = &mut service.status else { return };
    status.load_balancer = status.load_balancer.take().filter(|balancer| {
        balancer
            .ingress
            .as_ref()
            .is_some_and(|ingress| !ingress.is_empty())
    });
    status.conditions = status.conditions.take().filter(|list| !list.is_empty());
}

fn with_spec(current: &Object, body: &Value) -> Object {
    let mut object = Object::clone(current);
    if let Some(finalizers) = body["metadata"].get("finalizers") {
        let finalizers: Vec<String> = read(finalizers);
        object.metadata_mut().finalizers = Some(finalizers).filter(|list| !list.is_empty());
    }
    if let Some(spec) = body.get("spec")
        && let Object::Reservation(reservation) = &mut object
    {
        let status = Some(reservation.status());
        let metadata: ObjectMeta = object.metadata().clone();
        object = Object::Reservation(Stored::Readable(IPReservation {
            metadata,
            spec: read(spec),
            status,
        }));
    }
    object
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("what is written is what the definitions allow")
}
