//! What the simulated API server answers. It serves every request from the newest state: Herald lists with the most
//! recent semantics, and nothing that it asks for is answered from a cache. What is old when it arrives is old because it
//! travelled, or because a watch lags.

use std::sync::Arc;
use std::time::Duration;

use allocate::request;

use super::log::Stamp;
use super::object::{Key, Kind, Lease, Object};
use super::store::Store;
use jiff::Timestamp;
use kube::api::ObjectMeta;
use lease::{Action, Intent, Record, Version};

mod apply;
pub(super) mod fields;

/// What a replica asks.
#[derive(Clone, Debug)]
pub(super) enum Request {
    List(Kind),
    Watch {
        kind: Kind,
        since: u64,
    },
    /// What a leader asks, in the name of its field manager.
    Leader {
        manager: String,
        request: request::Request,
    },
    /// What the election does with the Lease, in the name of a process and at its time of day.
    Election {
        identity: String,
        action: Action,
        wall_clock: Timestamp,
    },
}

impl Request {
    /// The object whose status this writes.
    pub(super) fn written(&self) -> Option<Key> {
        if let Self::Leader { request, .. } = self
            && let request::Request::Patch {
                target,
                part: request::Part::Status,
                ..
            } = request
        {
            Some(Key::of(target))
        } else {
            None
        }
    }
}

/// What the server says.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Listed {
        objects: Vec<Arc<Object>>,
        revision: u64,
        /// Where the log ended then.
        position: usize,
    },
    /// The watch is accepted. What it delivers is the business of [`super::stream`].
    Watching,
    Leader {
        answer: request::Answer,
        /// The object says already what was to be written: it stays at its version.
        unchanged: bool,
    },
    Lease(Option<Record>),
    LeaseWritten(Record),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server refused the request, with this status code.
    Refused(u16),
    /// Nobody knows what became of it.
    Unanswered,
    /// It was not sent, because the process leads no more.
    NotSent,
}

const CONFLICT: Failure = Failure::Refused(409);
const NOT_FOUND: Failure = Failure::Refused(404);
const GONE: Failure = Failure::Refused(410);

impl Store {
    /// Serves one request.
    pub(super) fn serve(&mut self, stamp: Stamp, request: &Request) -> Result<Answer, Failure> {
        match request {
            Request::List(kind) => Ok(self.list(*kind)),
            Request::Watch { since, .. } => match self.position_after(*since) {
                Ok(_) => Ok(Answer::Watching),
                Err(_gone) => Err(GONE),
            },
            Request::Leader { manager, request } => self.serve_leader(stamp, manager, request),
            Request::Election {
                identity,
                action,
                wall_clock,
            } => self.elect(stamp, identity, action, *wall_clock),
        }
    }

    fn list(&self, kind: Kind) -> Answer {
        let objects = self.of_kind(kind).map(|(_, object)| Arc::clone(object));
        Answer::Listed {
            objects: objects.filter(|object| is_selected(object)).collect(),
            revision: self.revision(),
            position: self.log().len(),
        }
    }

    fn elect(
        &mut self,
        stamp: Stamp,
        identity: &str,
        action: &Action,
        wall_clock: Timestamp,
    ) -> Result<Answer, Failure> {
        let key = Key::lease();
        let current = self.get(&key).and_then(|object| record(object));
        match action {
            Action::Read => Ok(Answer::Lease(current)),
            Action::Write { version, .. } if *version != current.map(|lease| lease.version) => Err(CONFLICT),
            Action::Write { intent, .. } => {
                let held = *intent != Intent::Release;
                let lease = Lease {
                    metadata: ObjectMeta::default(),
                    holder: held.then(|| identity.to_owned()),
                    duration: Duration::from_secs(if held { 15 } else { 1 }),
                    renewed: Some(wall_clock),
                };
                let written = self.put(stamp, key, Object::Lease(lease));
                record(&written).map(Answer::LeaseWritten).ok_or(NOT_FOUND)
            }
        }
    }
}

/// Whether the watch of the object's kind selects it: of Services only those of type LoadBalancer.
pub(super) fn is_selected(object: &Object) -> bool {
    let Some(service) = object.service() else {
        return true;
    };
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    kind == Some("LoadBalancer")
}

fn record(object: &Object) -> Option<Record> {
    let Object::Lease(lease) = object else { return None };
    Some(Record {
        holder: lease.holder.clone(),
        duration: Some(lease.duration),
        renewed: lease.renewed,
        version: Version::new(object.version()),
    })
}
