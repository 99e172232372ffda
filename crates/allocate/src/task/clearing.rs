use config::condition::of_service;
use crds::condition::{ALLOCATED, ANNOUNCED};
use k8s_openapi::api::core::v1::Service;
use model::ServiceName;
use serde_json::{Map, Value, json};

use super::{Progress, Task, ended, failed, service};
use crate::desired_status::DesiredStatus;
use crate::event::{Event, EventType};
use crate::reconciler::{Ending, is_load_balancer};
use crate::release::Release;
use crate::request::{Answer, Object, Part, Patch, Request, Target};
use crate::slim;
use crate::writers::OtherWriters;

/// The end of what the release says of a Service: it is looked up, and written at the version that was found if there is anything to
/// take away.
#[derive(Clone, Debug, PartialEq)]
pub enum Clearing {
    /// It is to be looked up.
    LookUp(ServiceName),
    /// It is to be written.
    Write(Box<Service>),
}

impl Clearing {
    pub(crate) fn service(&self) -> ServiceName {
        match self {
            Self::LookUp(name) => name.clone(),
            Self::Write(object) => config::service::name(object),
        }
    }

    pub(super) fn changes_something(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    pub(super) fn request(&self, release: &Release) -> Request {
        match self {
            Self::LookUp(name) => Request::Get(Target::Service(name.clone())),
            Self::Write(object) => Request::Patch {
                target: Target::Service(self.service()),
                part: Part::Status,
                patch: Patch::Merge(json!({
                    "metadata": {"resourceVersion": object.metadata.resource_version},
                    "status": without_ours(object, release),
                })),
            },
        }
    }

    pub(super) fn answered(self, release: &Release, answer: Answer) -> Progress {
        let name = self.service();
        match (self, answer) {
            (Self::LookUp(_), Answer::Object(object)) => match *object {
                Object::Service(object) => looked_up(object, release),
                Object::Reservation(_) | Object::Metadata(_) => refused(name),
            },
            (_, Answer::Absent) => ended(name, Ending::Cleared(None), Vec::new()),
            // Nothing was to be changed.
            (Self::LookUp(_), _) => refused(name),
            (Self::Write(before), answer) => match service(release, answer) {
                Ok(object) => {
                    let cleared = Ending::Cleared(Some(Box::new(object)));
                    ended(name, cleared, released(&before, release))
                }
                Err(answer) => ended(name, failed(&answer), Vec::new()),
            },
        }
    }
}

fn refused(name: ServiceName) -> Progress {
    ended(name, Ending::Conflict, Vec::new())
}

fn looked_up(mut object: Service, release: &Release) -> Progress {
    let name = config::service::name(&object);
    if release.serves(&object) || release.ignores(&object) {
        slim(&mut object, release);
        return ended(name, Ending::Returned(Box::new(object)), Vec::new());
    }
    if without_ours(&object, release).is_empty() {
        slim(&mut object, release);
        return ended(name, Ending::Cleared(Some(Box::new(object))), Vec::new());
    }
    Progress::Next(Task::Clear(Clearing::Write(Box::new(object))))
}

/// What is to be changed in the status, as a merge has it: an ingress that is another writer's is not touched, nor is a condition of
/// anybody else. The speakers' condition goes with the controller's.
fn without_ours(object: &Service, release: &Release) -> Map<String, Value> {
    let others = OtherWriters::of(object, &release.manager);
    let allocated = DesiredStatus::any_shown_by(object, release);
    let goes = |kind: &str| match kind {
        ALLOCATED => allocated,
        ANNOUNCED => allocated || !is_load_balancer(object),
        _ => false,
    };
    let shown = of_service(object);
    let mut status = Map::new();
    if shown.iter().any(|condition| goes(&condition.type_)) {
        let rest: Vec<_> = shown.iter().filter(|condition| !goes(&condition.type_)).collect();
        status.insert("conditions".to_owned(), json!(rest));
    }
    if allocated && others.ingress.is_none() && has_ingress(object) {
        status.insert("loadBalancer".to_owned(), json!({"ingress": null}));
    }
    status
}

fn has_ingress(object: &Service) -> bool {
    let status = object.status.as_ref();
    let load_balancer = status.and_then(|status| status.load_balancer.as_ref());
    load_balancer.is_some_and(|load_balancer| {
        load_balancer
            .ingress
            .as_ref()
            .is_some_and(|list| !list.is_empty())
    })
}

/// What users are told of the addresses that a Service has no more.
fn released(before: &Service, release: &Release) -> Vec<Event> {
    let addresses = config::service::assigned(before);
    if addresses.is_empty() || OtherWriters::of(before, &release.manager).ingress.is_some() {
        return Vec::new();
    }
    let each: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    vec![Event {
        about: Target::Service(config::service::name(before)),
        uid: before.metadata.uid.clone(),
        type_: EventType::Normal,
        reason: "IPReleased",
        action: "ReleaseAddress",
        note: format!(
            "{}: the Service is no LoadBalancer of Herald's any more",
            each.join(", ")
        ),
    }]
}
