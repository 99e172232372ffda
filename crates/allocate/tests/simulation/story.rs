//! The words in which the story of a world is told, for those who look for the cause of a failure.

use std::sync::Arc;

use allocate::request::{self, Patch};

use config::Change;
use config::condition::of_service;

use super::api::{Answer, Failure, Request};
use super::log::Entry;
use super::object::{Key, Object};
use super::stream::Delivery;

impl Key {
    pub(super) fn words(&self) -> String {
        format!("{:?} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Object {
    /// What matters of it, and its version.
    pub(super) fn words(&self) -> String {
        let content = match self {
            Self::Service(service) => {
                let told = of_service(service)
                    .iter()
                    .map(|condition| condition.message.as_str());
                format!(
                    "{:?} {:?}",
                    config::service::assigned(service),
                    told.collect::<Vec<_>>()
                )
            }
            Self::Lease(lease) => format!("held by {:?}", lease.holder),
            Self::Reservation(reservation) => match reservation.readable() {
                Ok(reservation) => format!("{:?}", reservation.spec.addresses),
                Err(_) => "malformed".to_owned(),
            },
            Self::Pool(pool) => format!("{:?} {:?}", self.metadata().finalizers, pool.status()),
            Self::Namespace(_) | Self::L2Advertisement(_) => String::new(),
        };
        format!("{content} at {}", self.version())
    }
}

impl Entry {
    pub(super) fn words(&self) -> String {
        let after = self
            .after
            .as_ref()
            .map_or_else(|| "deleted".to_owned(), |object| object.words());
        format!("{}: {after}", self.key.words())
    }
}

impl Delivery {
    pub(super) fn words(&self) -> String {
        let one = |object: &Arc<Object>| {
            let metadata = object.metadata();
            format!(
                "{:?}/{:?} at {}",
                metadata.namespace,
                metadata.name,
                object.version()
            )
        };
        match &self.change {
            None => "a bookmark".to_owned(),
            Some(Change::Listed(objects)) => format!("{} objects", objects.len()),
            Some(Change::Applied(object)) => format!("{} applied", one(object)),
            Some(Change::Deleted(object)) => format!("{} deleted", one(object)),
        }
    }
}

impl Request {
    pub(super) fn words(&self) -> String {
        match self {
            Self::List(kind) => format!("list {kind:?}"),
            Self::Watch { kind, since } => format!("watch {kind:?} since {since}"),
            Self::Leader { request, .. } => match request {
                request::Request::ListOthers { after } => format!("list other Services after {after:?}"),
                request::Request::Get(target) => format!("get {}", Key::of(target).words()),
                request::Request::Create { target, object } => {
                    format!("create {}: {}", Key::of(target).words(), object["spec"])
                }
                request::Request::Patch {
                    target,
                    patch: Patch::Apply(body) | Patch::Merge(body),
                    ..
                } => format!("write {}: {body}", Key::of(target).words()),
            },
            Self::Election { identity, action, .. } => format!("{identity} {action:?}"),
        }
    }
}

/// What a process hears of a call.
pub(super) fn heard(answer: &Result<Answer, Failure>) -> String {
    match answer {
        Ok(Answer::Listed { objects, .. }) => format!("{} objects", objects.len()),
        Ok(Answer::Watching) => "watching".to_owned(),
        Ok(Answer::Leader { answer, unchanged }) => match answer {
            request::Answer::Object(object) => format!("{}, unchanged {unchanged}", version(object)),
            request::Answer::Page { .. }
            | request::Answer::Absent
            | request::Answer::Refused { .. }
            | request::Answer::Unanswered
            | request::Answer::NotSent => format!("{answer:?}"),
        },
        Ok(Answer::Lease(lease)) => format!("{lease:?}"),
        Ok(Answer::LeaseWritten(lease)) => format!("wrote {lease:?}"),
        Err(failure) => format!("{failure:?}"),
    }
}

fn version(object: &request::Object) -> String {
    let metadata = match object {
        request::Object::Service(object) => &object.metadata,
        request::Object::Reservation(object) => &object.metadata,
        request::Object::Metadata(metadata) => metadata,
    };
    format!("at {:?}", metadata.resource_version)
}
