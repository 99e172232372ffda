//! A decision on its way to the API server: which request comes next, and what follows from the answer.

mod clearing;
mod search;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use config::{Kind, ObjectName};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::{PoolName, ReservationName, ServiceName};
use serde_json::json;

pub use clearing::Clearing;
pub use search::Search;

use crate::desired_status::{DesiredStatus, Form};
use crate::event::Event;
use crate::reconciler::{Ending, Input};
use crate::release::Release;
use crate::request::{Answer, Object, Part, Patch, Request, Target};
use crate::slim;

/// How long a task rests that goes on until it succeeds.
pub const RETRY: Duration = Duration::from_millis(500);

/// Something that takes one request or several. Send [`request`](Self::request), then let [`answered`](Self::answered) say how it goes
/// on.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// The Services that are no LoadBalancers and show something of the release are to be found.
    FindFormer(Search),
    /// The status of a Service is to be written, if it is still at the version that the decision was made from.
    WriteStatus(Box<StatusWrite>),
    /// A reservation is to be written, before the status of the Service that has its addresses is.
    Reserve(Reserve),
    /// What is of the release is to be taken out of the status of a Service that is gone or is not its own any more.
    Clear(Clearing),
    /// The finalizers of a pool are to be written.
    Finalize(Finalize),
}

/// A status to write.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusWrite {
    /// The object that the decision was made from.
    pub object: Arc<Service>,
    /// What its status is to say.
    pub desired: DesiredStatus,
    /// How that is brought about.
    pub form: Form,
    /// What users are told once it is written.
    pub events: Vec<Event>,
}

/// A reservation to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The Service that is to have the addresses.
    pub service: ServiceName,
    /// The reservation.
    pub reservation: ReservationName,
    /// What it is to keep.
    pub addresses: Vec<IpAddr>,
    /// The version that it replaces; none: there is no such reservation yet.
    pub version: Option<String>,
}

/// Finalizers to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalize {
    /// The pool.
    pub pool: PoolName,
    /// All finalizers that it is to have.
    pub finalizers: Vec<String>,
    /// The version that this is decided from.
    pub version: String,
}

/// How a task goes on.
#[derive(Debug)]
pub enum Progress {
    /// With this at once,
    Next(Task),
    /// with this, after [`RETRY`],
    Again(Task),
    /// not at all.
    Ended(Box<Ended>),
}

/// How a task ended.
#[derive(Debug)]
pub struct Ended {
    /// What the reconciler has to know.
    pub input: Input,
    /// What users are to be told.
    pub events: Vec<Event>,
}

impl Ended {
    /// Whether nobody knows if a write took place.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self.input,
            Input::Ended(_, Ending::Unknown) | Input::Finalized(_, Finalized::Unknown)
        )
    }
}

/// How a write of finalizers ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Finalized {
    /// This is the metadata of the pool now.
    Written(Box<ObjectMeta>),
    /// There is no such pool.
    Missing,
    /// It had changed meanwhile.
    Conflict,
    /// The API server does not take it.
    Refused,
    /// Nobody knows whether the write took place.
    Unknown,
}

impl Task {
    /// The next request; `wall_clock` is the time of day, for conditions.
    pub fn request(&self, release: &Release, wall_clock: Timestamp) -> Request {
        match self {
            Self::FindFormer(search) => search.request(),
            Self::WriteStatus(write) => write.request(wall_clock),
            Self::Reserve(reserve) => reserve.request(),
            Self::Clear(clearing) => clearing.request(release),
            Self::Finalize(finalize) => finalize.request(),
        }
    }

    /// Whether the next request changes something, so that only a leader may send it.
    pub fn changes_something(&self) -> bool {
        match self {
            Self::FindFormer(_) => false,
            Self::Clear(clearing) => clearing.changes_something(),
            Self::WriteStatus(_) | Self::Reserve(_) | Self::Finalize(_) => true,
        }
    }

    /// Whether a leader that stops waits for its end.
    pub fn outlasts_the_term(&self) -> bool {
        !matches!(self, Self::FindFormer(_))
    }

    /// How it goes on after the answer to [`request`](Self::request).
    pub fn answered(self, release: &Release, answer: Answer) -> Progress {
        match self {
            Self::FindFormer(search) => search.answered(release, answer),
            Self::Clear(clearing) => clearing.answered(release, answer),
            Self::WriteStatus(write) => write.answered(release, answer),
            Self::Reserve(reserve) => {
                let ending = reserve.answered(answer);
                ended(reserve.service, ending, Vec::new())
            }
            Self::Finalize(finalize) => Progress::Ended(Box::new(Ended {
                input: Input::Finalized(finalize.pool, finalized(answer)),
                events: Vec::new(),
            })),
        }
    }

    /// How it ends when whoever carried it out is gone, so that nobody knows how far it came.
    pub fn abandoned(self) -> Ended {
        let input = match self {
            Self::FindFormer(_) => Input::Former(None),
            Self::WriteStatus(write) => Input::Ended(config::service::name(&write.object), Ending::Unknown),
            Self::Reserve(reserve) => Input::Ended(reserve.service, Ending::Unknown),
            Self::Clear(clearing) => Input::Ended(clearing.service(), Ending::Unknown),
            Self::Finalize(finalize) => Input::Finalized(finalize.pool, Finalized::Unknown),
        };
        Ended {
            input,
            events: Vec::new(),
        }
    }
}

impl StatusWrite {
    fn request(&self, wall_clock: Timestamp) -> Request {
        let name = config::service::name(&self.object);
        Request::Patch {
            target: Target::Service(name),
            part: Part::Status,
            patch: self.desired.patch(&self.object, self.form, wall_clock),
        }
    }

    fn answered(self, release: &Release, answer: Answer) -> Progress {
        let name = config::service::name(&self.object);
        match service(release, answer) {
            Ok(object) => {
                let brought_about = match self.form {
                    Form::Apply => self.desired.is_shown_by(&object),
                    // The condition follows.
                    Form::Remove => !self.desired.shows_withdrawn(&object),
                };
                let written = Ending::Written {
                    object: Box::new(object),
                    brought_about,
                };
                ended(name, written, self.events)
            }
            Err(Answer::Absent) => ended(name, Ending::Missing, Vec::new()),
            Err(answer) => ended(name, failed(&answer), Vec::new()),
        }
    }
}

impl Reserve {
    fn target(&self) -> Target {
        let ReservationName { namespace, name } = &self.reservation;
        Target::Custom(ObjectName {
            kind: Kind::IPReservation,
            namespace: Some(namespace.to_string()),
            name: name.to_string(),
        })
    }

    fn request(&self) -> Request {
        let target = self.target();
        let spec = json!({"addresses": self.addresses});
        let object = target.object(self.version.as_deref(), &[("spec", spec)]);
        match self.version {
            None => Request::Create { target, object },
            Some(_) => Request::Patch {
                target,
                part: Part::Object,
                patch: Patch::Apply(object),
            },
        }
    }

    fn answered(&self, answer: Answer) -> Ending {
        match answer {
            Answer::Object(object) => match *object {
                Object::Reservation(reservation) => Ending::Reserved(Box::new(reservation)),
                Object::Service(_) | Object::Metadata(_) => Ending::Unknown,
            },
            answer @ (Answer::Page { .. }
            | Answer::Absent
            | Answer::Refused { .. }
            | Answer::Unanswered
            | Answer::NotSent) => failed(&answer),
        }
    }
}

impl Finalize {
    fn request(&self) -> Request {
        let target = Target::Custom(ObjectName {
            kind: Kind::IPPool,
            namespace: None,
            name: self.pool.0.clone(),
        });
        let metadata = json!({"finalizers": self.finalizers, "resourceVersion": self.version});
        Request::Patch {
            target,
            part: Part::Object,
            patch: Patch::Merge(json!({"metadata": metadata})),
        }
    }
}

fn finalized(answer: Answer) -> Finalized {
    match answer {
        Answer::Object(object) => match *object {
            Object::Metadata(metadata) => Finalized::Written(Box::new(metadata)),
            Object::Service(_) | Object::Reservation(_) => Finalized::Unknown,
        },
        Answer::Absent => Finalized::Missing,
        Answer::Refused { code: 409 | 429, .. } | Answer::NotSent => Finalized::Conflict,
        Answer::Refused { code: 400..500, .. } => Finalized::Refused,
        Answer::Refused { .. } | Answer::Unanswered | Answer::Page { .. } => Finalized::Unknown,
    }
}

/// The Service of an answer, as the reconciler keeps it.
fn service(release: &Release, answer: Answer) -> Result<Service, Answer> {
    match answer {
        Answer::Object(object) => match *object {
            Object::Service(mut service) => {
                slim(&mut service, release);
                Ok(service)
            }
            Object::Reservation(_) | Object::Metadata(_) => Err(Answer::Unanswered),
        },
        answer @ (Answer::Page { .. }
        | Answer::Absent
        | Answer::Refused { .. }
        | Answer::Unanswered
        | Answer::NotSent) => Err(answer),
    }
}

fn failed(answer: &Answer) -> Ending {
    match answer {
        Answer::NotSent | Answer::Absent | Answer::Refused { code: 409, .. } => Ending::Conflict,
        Answer::Refused { retry_after, .. } if !answer.is_unknown() => Ending::Refused {
            retry_after: *retry_after,
        },
        Answer::Refused { .. } | Answer::Unanswered | Answer::Object(_) | Answer::Page { .. } => {
            Ending::Unknown
        }
    }
}

fn ended(service: ServiceName, ending: Ending, events: Vec<Event>) -> Progress {
    let input = Input::Ended(service, ending);
    Progress::Ended(Box::new(Ended { input, events }))
}
