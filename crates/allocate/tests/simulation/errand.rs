//! What the writer, the leader and the publisher do about an action, request by request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use config::ObjectName;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use model::{ReservationName, ServiceName};
use serde_json::json;

use super::api::{Answer, Failure, Request};
use super::object::{Key, Kind, Object};
use super::replica::classes;
use allocate::desired_status::{DesiredStatus, cleared};
use allocate::reconciler::{Ending, Input};
use allocate::slim::slim;
use allocate::status_updates::{Content, Outcome, StatusUpdate};

/// How long an errand rests that goes on until it succeeds.
pub(super) const RETRY: Duration = Duration::from_millis(500);

/// Something that takes one request or several.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// The Services that are no LoadBalancers are to be looked at, as often as it takes.
    FindFormer,
    /// The status of a Service is to be written.
    Write {
        object: Arc<Service>,
        desired: DesiredStatus,
    },
    /// A reservation is to be written, so that the Service can be shown what it keeps.
    Reserve {
        service: ServiceName,
        reservation: ReservationName,
        addresses: Vec<IpAddr>,
        version: Option<String>,
    },
    /// What is ours is to be taken out of the status of a Service: it is looked up first ...
    LookUp(ServiceName),
    /// ... and then written as it was found.
    Clear(Box<Service>),
    /// A custom resource is to say something of itself.
    StatusUpdate(Box<StatusUpdate>),
}

/// How an errand goes on.
#[derive(Debug)]
pub(super) enum Progress {
    /// With this at once,
    Next(Errand),
    /// with this, after [`RETRY`],
    Again(Errand),
    /// not at all.
    Ended(End),
}

/// How an errand ended.
#[derive(Debug)]
pub(super) enum End {
    Decided(Box<Input>),
    Noticed(StatusUpdate, Outcome),
}

impl End {
    /// Whether nobody knows if a write about a Service took place.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Decided(input) if matches!(**input, Input::Ended(_, Ending::Unknown)))
    }
}

impl Errand {
    /// What to ask now. `wall_clock` is what the process takes for the time of day.
    pub(super) fn request(&self, wall_clock: Timestamp) -> Request {
        match self {
            Self::FindFormer => Request::ListOthers,
            Self::Write { object, desired } => Request::ApplyStatus {
                key: Key::service(&config::service::name(object)),
                patch: desired.patch(object, wall_clock),
            },
            Self::Reserve {
                reservation,
                addresses,
                version,
                ..
            } => Request::Reserve {
                key: Key::reservation(reservation),
                addresses: addresses.clone(),
                version: version.clone(),
            },
            Self::LookUp(name) => Request::Get(Key::service(name)),
            Self::Clear(object) => Request::ApplyStatus {
                key: Key::service(&config::service::name(object)),
                patch: cleared(object),
            },
            Self::StatusUpdate(update) => match &update.content {
                Content::Status(status) => Request::ApplyStatus {
                    key: key(&update.object),
                    patch: json!({"status": status}),
                },
                Content::Finalizers { list, version } => Request::SetFinalizers {
                    key: key(&update.object),
                    list: list.clone(),
                    version: version.clone(),
                },
            },
        }
    }

    /// Whether only a leader may ask this.
    pub(super) fn changes_something(&self) -> bool {
        !matches!(self, Self::LookUp(_) | Self::FindFormer)
    }

    /// Whether a leader that stops waits for it.
    pub(super) fn outlasts_the_term(&self) -> bool {
        !matches!(self, Self::StatusUpdate(_) | Self::FindFormer)
    }

    /// How it goes on after the answer to that.
    pub(super) fn answered(self, answer: Result<Answer, Failure>) -> Progress {
        let (name, ending) = match self {
            Self::StatusUpdate(update) => return Progress::Ended(noticed(*update, answer)),
            Self::FindFormer => return found_former(answer),
            Self::LookUp(name) => match looked_up(answer) {
                Ok(ending) => (name, ending),
                Err(next) => return Progress::Next(next),
            },
            Self::Write { object, .. } => (config::service::name(&object), written(answer)),
            Self::Reserve { service, .. } => (service, reserved(answer)),
            Self::Clear(object) => (config::service::name(&object), was_cleared(answer)),
        };
        Progress::Ended(End::Decided(Box::new(Input::Ended(name, ending))))
    }
}

fn found_former(answer: Result<Answer, Failure>) -> Progress {
    let Ok(Answer::Listed { objects, .. }) = answer else {
        return Progress::Again(Errand::FindFormer);
    };
    let services = objects.iter().filter_map(|object| object.service());
    let ours = services
        .filter(|service| DesiredStatus::any_shown_by(service))
        .cloned();
    Progress::Ended(End::Decided(Box::new(Input::Former(ours.collect()))))
}

fn looked_up(answer: Result<Answer, Failure>) -> Result<Ending, Errand> {
    match answer {
        Ok(Answer::Found(found)) => match found.as_deref().and_then(Object::service) {
            Some(object) if config::service::is_ours(object, &classes()) => {
                Ok(Ending::Returned(Box::new(object.clone())))
            }
            Some(object) if DesiredStatus::any_shown_by(object) => {
                Err(Errand::Clear(Box::new(object.clone())))
            }
            found => Ok(Ending::Cleared(found.cloned().map(Box::new))),
        },
        // Nothing was to be changed.
        _ => Ok(Ending::Refused { retry_after: None }),
    }
}

fn was_cleared(answer: Result<Answer, Failure>) -> Ending {
    match applied(answer) {
        Ok(service) => Ending::Cleared(Some(service)),
        Err(failure) => failed(failure),
    }
}

fn written(answer: Result<Answer, Failure>) -> Ending {
    match applied(answer) {
        Ok(service) => Ending::Written(service),
        Err(Failure::Refused(404)) => Ending::Missing,
        Err(failure) => failed(failure),
    }
}

/// The Service whose status was written.
fn applied(answer: Result<Answer, Failure>) -> Result<Box<Service>, Failure> {
    let (Answer::Applied(object) | Answer::Unchanged(object)) = answer? else {
        return Err(Failure::Unanswered);
    };
    let mut service = object.service().cloned().ok_or(Failure::Unanswered)?;
    slim(&mut service);
    Ok(Box::new(service))
}

fn reserved(answer: Result<Answer, Failure>) -> Ending {
    match answer {
        Ok(Answer::Applied(object)) => match object.reservation().map(|object| object.readable()) {
            Some(Ok(reservation)) => Ending::Reserved(Box::new(reservation.clone())),
            Some(Err(_)) | None => failed(Failure::Unanswered),
        },
        Ok(_) => failed(Failure::Unanswered),
        Err(failure) => failed(failure),
    }
}

fn failed(failure: Failure) -> Ending {
    match failure {
        Failure::Refused(400..500) | Failure::NotSent => Ending::Refused { retry_after: None },
        Failure::Refused(_) | Failure::Unanswered => Ending::Unknown,
    }
}

fn noticed(update: StatusUpdate, answer: Result<Answer, Failure>) -> End {
    let outcome = match answer {
        Ok(Answer::Applied(object) | Answer::Unchanged(object)) => {
            Outcome::Written(Some(object.version().to_owned()))
        }
        Err(Failure::Refused(400 | 422 | 500)) if update.is_malformed() => Outcome::Refused,
        Ok(_) | Err(_) => Outcome::Failed,
    };
    End::Noticed(update, outcome)
}

fn key(object: &ObjectName) -> Key {
    let kind = match object.kind {
        config::Kind::IPPool => Kind::Pools,
        config::Kind::L2Advertisement => Kind::L2Advertisements,
        config::Kind::IPReservation => Kind::Reservations,
        config::Kind::BFDProfile
        | config::Kind::BGPAdvertisement
        | config::Kind::BGPPeer
        | config::Kind::Community => unreachable!("nobody in this world makes one"),
    };
    Key::new(
        kind,
        object.namespace.as_deref().unwrap_or_default(),
        &object.name,
    )
}
