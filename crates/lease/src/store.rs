//! The lease at the API server: one request at a time, and what came of it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use super::seniority::{ALONE, LABEL};
use super::{Action, Identity, Intent, Record, Timing, Version};
use api::client::{Failure, within};

/// What came of an [`Action`].
pub(super) enum Outcome {
    Read(Option<Box<Lease>>),
    Written(Box<Lease>),
    /// The lease was not at the version that was to be replaced, or existed already.
    Conflict,
    /// A write may have taken effect.
    Failed(Failure),
}

/// Where the lease is kept.
pub(super) struct Store {
    api: Api<Lease>,
    name: String,
    identity: Identity,
    /// The annotation [`ALONE`].
    alone: String,
    timing: Timing,
}

impl Store {
    pub(super) fn new(client: Client, lease: &super::Lease, timing: Timing) -> Self {
        Self {
            api: Api::namespaced(client, &lease.namespace),
            name: lease.name.clone(),
            identity: lease.identity.clone(),
            alone: lease.alone.iter().cloned().collect::<Vec<_>>().join(","),
            timing,
        }
    }

    /// Sends one request and waits for its outcome, but not so long that a leader could not try again.
    ///
    /// `seen` is the lease as last read or written.
    pub(super) fn send(&self, action: Action, seen: Option<Lease>) -> impl Future<Output = Outcome> + use<> {
        let limit = (self.timing.renew_deadline / 4).min(Duration::from_secs(3));
        let (api, name) = (self.api.clone(), self.name.clone());
        let write = match action {
            Action::Read => None,
            Action::Write { intent, version } => {
                Some((version.is_some(), self.written(intent, version, seen)))
            }
        };
        async move {
            let params = PostParams::default();
            let answer = match &write {
                None => within(limit, api.get_opt(&name)).await.map(read),
                Some((true, lease)) => within(limit, api.replace(&name, &params, lease))
                    .await
                    .map(written),
                Some((false, lease)) => within(limit, api.create(&params, lease)).await.map(written),
            };
            match answer {
                Ok(outcome) => outcome,
                Err(failure) if write.is_some() && (failure.is_conflict() || failure.is_not_found()) => {
                    Outcome::Conflict
                }
                Err(failure) => Outcome::Failed(failure),
            }
        }
    }

    /// The lease as it is to be. The times are for people: nobody decides by them.
    fn written(&self, intent: Intent, version: Option<Version>, seen: Option<Lease>) -> Lease {
        let now = Some(MicroTime(jiff::Timestamp::now()));
        let seen = seen.filter(|_| version.is_some()).unwrap_or_default();
        let before = seen.spec.unwrap_or_default();
        let taken_over = i32::from(version.is_some());
        let own = |spec| LeaseSpec {
            holder_identity: Some(self.identity.to_string()),
            lease_duration_seconds: Some(whole_seconds(self.timing.lease_duration)),
            renew_time: now.clone(),
            ..spec
        };
        let spec = match intent {
            Intent::Acquire => LeaseSpec {
                acquire_time: now.clone(),
                lease_transitions: Some(
                    before
                        .lease_transitions
                        .unwrap_or_default()
                        .saturating_add(taken_over),
                ),
                ..own(before)
            },
            Intent::Renew => own(before),
            Intent::Release => LeaseSpec {
                holder_identity: Some(String::new()),
                lease_duration_seconds: Some(1),
                acquire_time: now.clone(),
                ..own(before)
            },
        };
        let mut metadata = ObjectMeta {
            name: Some(self.name.clone()),
            resource_version: version.map(|version| version.to_string()),
            ..seen.metadata
        };
        let labels = metadata.labels.get_or_insert_default();
        labels.insert(LABEL.to_owned(), String::new());
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(ALONE.to_owned(), self.alone.clone());
        Lease {
            metadata,
            spec: Some(spec),
        }
    }
}

/// What the machine needs to know of a lease. A holder that released it is written as an empty string.
pub(super) fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.clone());
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    Record {
        holder: holder.filter(|holder| !holder.is_empty()),
        duration: seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs().into())),
        renewed: spec.and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0),
        version: Version::new(lease.metadata.resource_version.clone().unwrap_or_default()),
    }
}

fn read(lease: Option<Lease>) -> Outcome {
    Outcome::Read(lease.map(Box::new))
}

fn written(lease: Lease) -> Outcome {
    Outcome::Written(Box::new(lease))
}

fn whole_seconds(duration: Duration) -> i32 {
    let rounded_up = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(rounded_up).unwrap_or(i32::MAX)
}
