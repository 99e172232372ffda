//! The words in which the story of a world is told, for those who look for the cause of a failure.

use std::sync::Arc;

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
            Self::ListOthers => "list other Services".to_owned(),
            Self::Watch { kind, since } => format!("watch {kind:?} since {since}"),
            Self::Get(key) => format!("get {}", key.words()),
            Self::ApplyStatus { key, patch } => format!("write {}: {}", key.words(), patch["status"]),
            Self::SetFinalizers { key, list, version } => {
                format!("finalizers {} {list:?} of {version}", key.words())
            }
            Self::Reserve {
                key,
                addresses,
                version,
            } => format!("reserve {} {addresses:?} of {version:?}", key.words()),
            Self::Election { identity, action, .. } => format!("{identity} {action:?}"),
        }
    }
}

/// What a process hears of a call.
pub(super) fn heard(answer: &Result<Answer, Failure>) -> String {
    match answer {
        Ok(Answer::Listed { objects, .. }) => format!("{} objects", objects.len()),
        Ok(Answer::Watching) => "watching".to_owned(),
        Ok(Answer::Found(found)) => format!("{:?}", found.as_ref().map(|object| object.words())),
        Ok(Answer::Applied(object)) => format!("applied: {}", object.words()),
        Ok(Answer::Unchanged(object)) => format!("unchanged: {}", object.words()),
        Ok(Answer::Lease(lease)) => format!("{lease:?}"),
        Ok(Answer::LeaseWritten(lease)) => format!("wrote {lease:?}"),
        Err(failure) => format!("{failure:?}"),
    }
}
