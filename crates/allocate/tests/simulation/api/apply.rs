//! What a write of a controller makes of an object.

use std::net::IpAddr;
use std::sync::Arc;

use crds::condition::ALLOCATED;
use crds::{IPReservation, IPReservationSpec, Stored};
use k8s_openapi::api::core::v1::{LoadBalancerStatus, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, CONFLICT, Failure, NOT_FOUND};
use crate::log::Stamp;
use crate::object::{Key, Object};
use crate::store::{Store, time};

impl Store {
    pub(super) fn apply_status(&mut self, stamp: Stamp, key: &Key, patch: &Value) -> Result<Answer, Failure> {
        let current = self.get(key).ok_or(NOT_FOUND)?;
        let asked = patch["metadata"]["resourceVersion"].as_str();
        if asked.is_some_and(|version| version != current.version()) {
            return Err(CONFLICT);
        }
        let mut object = Object::clone(current);
        let status = &patch["status"];
        match &mut object {
            Object::Service(service) => apply_to_service(service, status),
            Object::Pool(Stored::Readable(pool)) => pool.status = Some(read(status)),
            Object::L2Advertisement(Stored::Readable(one)) => one.status = Some(read(status)),
            Object::Reservation(Stored::Readable(one)) => one.status = Some(read(status)),
            Object::Pool(Stored::Malformed(object))
            | Object::L2Advertisement(Stored::Malformed(object))
            | Object::Reservation(Stored::Malformed(object)) => object.status = status.clone(),
            Object::Namespace(_) | Object::Lease(_) => return Err(NOT_FOUND),
        }
        if **current == object {
            return Ok(Answer::Unchanged(Arc::clone(current)));
        }
        Ok(Answer::Applied(self.put(stamp, key.clone(), object)))
    }

    pub(super) fn set_finalizers(
        &mut self,
        stamp: Stamp,
        key: &Key,
        list: &[String],
        version: &str,
    ) -> Result<Answer, Failure> {
        let current = self.get(key).ok_or(NOT_FOUND)?;
        if current.version() != version {
            return Err(CONFLICT);
        }
        let mut object = Object::clone(current);
        let metadata = object.metadata_mut();
        metadata.finalizers = (!list.is_empty()).then(|| list.to_vec());
        let last = list.is_empty() && metadata.deletion_timestamp.is_some();
        let written = self.put(stamp, key.clone(), object);
        if last {
            self.delete(stamp, key);
        }
        Ok(Answer::Applied(written))
    }

    pub(super) fn reserve(
        &mut self,
        stamp: Stamp,
        key: &Key,
        addresses: &[IpAddr],
        version: Option<&str>,
    ) -> Result<Answer, Failure> {
        let current = self.get(key);
        if current.map(|object| object.version()) != version {
            return Err(CONFLICT);
        }
        let addresses = addresses.iter().map(IpAddr::to_string).collect();
        let mut reservation = IPReservation::new(&key.name, IPReservationSpec { addresses });
        reservation.metadata = match current {
            Some(current) => current.metadata().clone(),
            None => ObjectMeta {
                namespace: Some(key.namespace.clone()),
                creation_timestamp: Some(time(stamp.at)),
                ..reservation.metadata
            },
        };
        reservation.status = current
            .and_then(|current| current.reservation())
            .map(Stored::status);
        let object = Object::Reservation(Stored::Readable(reservation));
        Ok(Answer::Applied(self.put(stamp, key.clone(), object)))
    }
}

/// The field manager owns `loadBalancer` and one condition: what it leaves out goes, what others wrote stays.
fn apply_to_service(service: &mut Service, wanted: &Value) {
    let status = service.status.get_or_insert_default();
    let load_balancer: LoadBalancerStatus = read(&wanted["loadBalancer"]);
    status.load_balancer = load_balancer.ingress.is_some().then_some(load_balancer);
    let mut conditions = status.conditions.take().unwrap_or_default();
    conditions.retain(|condition| condition.type_ != ALLOCATED);
    if !wanted["conditions"].is_null() {
        conditions.extend(read::<Vec<Condition>>(&wanted["conditions"]));
    }
    status.conditions = (!conditions.is_empty()).then_some(conditions);
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> T {
    T::deserialize(value).expect("the controller writes what the definitions allow")
}
