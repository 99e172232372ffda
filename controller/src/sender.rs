//! Sends what was decided to ask of the API server, and hands back what it answers.

use std::sync::Arc;

use allocate::request::{Answer, Object, Part, Patch, Request, Target};
use allocate::task::{Ended, Progress, RETRY, Task};
use allocate::{REQUEST_TIMEOUT, Release};
use api::client::{Failure, within};
use config::Kind;
use crds::IPReservation;
use k8s_openapi::api::core::v1::Service;
use kube::api::{GetParams, ListParams, PatchParams, PostParams};
use kube::core::{ObjectList, PartialObjectMeta};
use kube::{Client, Resource};
use lease::Leadership;
use process::clock::{now, wall_clock};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

/// How many Services one page of a list has. Their metadata take a few kilobytes each.
const PAGE: u32 = 500;

/// Whoever sends requests for a leader.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) release: Arc<Release>,
    pub(crate) leading: watch::Receiver<Leadership>,
}

impl Sender {
    /// Carries out a task to its end.
    pub(crate) async fn carry_out(&self, mut task: Task) -> Ended {
        loop {
            let answer = match task.changes_something() && !self.leads() {
                true => Answer::NotSent,
                false => self.send(&task.request(&self.release, wall_clock())).await,
            };
            task = match task.answered(&self.release, answer) {
                Progress::Next(task) => task,
                Progress::Again(task) => {
                    tokio::time::sleep(RETRY).await;
                    task
                }
                Progress::Ended(ended) => return *ended,
            };
        }
    }

    /// Sends what only a leader may send.
    pub(crate) async fn send_as_leader(&self, request: &Request) -> Answer {
        match self.leads() {
            true => self.send(request).await,
            false => Answer::NotSent,
        }
    }

    /// Asked immediately before each request: whoever led when the decision was made may not lead any more.
    fn leads(&self) -> bool {
        self.leading.borrow().leads(now())
    }

    async fn send(&self, request: &Request) -> Answer {
        let answer = match request {
            Request::ListOthers { after } => self.list_others(after.as_deref()).await,
            Request::Get(target) => {
                let built = path(target).get(target.name(), &GetParams::default());
                self.ask(target, built).await
            }
            Request::Create { target, object } => {
                let body = object.to_string().into_bytes();
                let built = path(target).create(&PostParams::default(), body);
                self.ask(target, built).await
            }
            Request::Patch { target, part, patch } => {
                self.ask(target, self.patch(target, *part, patch)).await
            }
        };
        answer.unwrap_or_else(|failure| {
            tell(request, &failure);
            answer_of(&failure)
        })
    }

    fn patch(&self, target: &Target, part: Part, patch: &Patch) -> Built {
        let manager = &self.release.manager;
        let (params, patch): (_, kube::api::Patch<&Value>) = match patch {
            Patch::Apply(object) => (
                PatchParams::apply(manager).force(),
                kube::api::Patch::Apply(object),
            ),
            Patch::Merge(object) => (PatchParams::apply(manager), kube::api::Patch::Merge(object)),
        };
        match part {
            Part::Object => path(target).patch(target.name(), &params, &patch),
            Part::Status => path(target).patch_subresource("status", target.name(), &params, &patch),
        }
    }

    async fn ask(&self, target: &Target, built: Built) -> Result<Answer, Failure> {
        let object = match target {
            Target::Service(_) => Object::Service(self.read::<Service>(built).await?),
            Target::Custom(object) if object.kind == Kind::IPReservation => {
                Object::Reservation(self.read::<IPReservation>(built).await?)
            }
            Target::Custom(_) => Object::Metadata(self.read::<PartialObjectMeta>(built).await?.metadata),
        };
        Ok(Answer::Object(Box::new(object)))
    }

    async fn list_others(&self, after: Option<&str>) -> Result<Answer, Failure> {
        let mut params = ListParams::default()
            .fields("spec.type!=LoadBalancer")
            .limit(PAGE);
        params.continue_token = after.map(str::to_owned);
        let built = kube::core::Request::new(Service::url_path(&(), None)).list_metadata(&params);
        let page: ObjectList<PartialObjectMeta<Service>> = self.read(built).await?;
        let mut found = page.items;
        found.retain(|service| self.has_written_to(service));
        Ok(Answer::Page {
            found: found.iter().map(name).collect(),
            next: page.metadata.continue_.filter(|next| !next.is_empty()),
        })
    }

    fn has_written_to(&self, service: &PartialObjectMeta<Service>) -> bool {
        let mut entries = service.metadata.managed_fields.iter().flatten();
        entries.any(|entry| entry.manager.as_deref() == Some(&self.release.manager))
    }

    async fn read<T: DeserializeOwned>(&self, built: Built) -> Result<T, Failure> {
        let request = built.map_err(kube::Error::BuildRequest)?;
        within(REQUEST_TIMEOUT, self.client.request(request)).await
    }
}

type Built = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

fn path(target: &Target) -> kube::core::Request {
    let namespace = target.namespace();
    kube::core::Request::new(match target {
        Target::Service(_) => Service::url_path(&(), namespace),
        Target::Custom(object) => kube::core::DynamicObject::url_path(&object.kind.resource(), namespace),
    })
}

fn name(service: &PartialObjectMeta<Service>) -> model::ServiceName {
    let metadata = &service.metadata;
    model::ServiceName::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// What changed meanwhile, or is gone, is decided about again; anything else somebody may have to look into.
fn tell(request: &Request, failure: &Failure) {
    match answer_of(failure) {
        Answer::Absent | Answer::NotSent | Answer::Refused { code: 409, .. } => {
            tracing::debug!(error = %failure, ?request, "request without success");
        }
        Answer::Refused { .. } | Answer::Unanswered | Answer::Object(_) | Answer::Page { .. } => {
            tracing::warn!(error = %failure, object = subject(request), "request without success, trying again");
        }
    }
}

fn subject(request: &Request) -> String {
    match request {
        Request::ListOthers { .. } => "Services of other types".to_owned(),
        Request::Get(target) | Request::Create { target, .. } | Request::Patch { target, .. } => {
            let namespace = target.namespace().map(|namespace| format!("{namespace}/"));
            format!(
                "{} {}{}",
                target.kind(),
                namespace.unwrap_or_default(),
                target.name()
            )
        }
    }
}

fn answer_of(failure: &Failure) -> Answer {
    match failure {
        Failure::Kube(kube::Error::Api(status)) if status.code == 404 => Answer::Absent,
        Failure::Kube(kube::Error::Api(status)) => Answer::Refused {
            code: status.code,
            retry_after: failure.retry_after(),
        },
        // Nothing was sent.
        Failure::Kube(kube::Error::BuildRequest(_)) => Answer::NotSent,
        Failure::Kube(_) | Failure::Timeout(_) => Answer::Unanswered,
    }
}
