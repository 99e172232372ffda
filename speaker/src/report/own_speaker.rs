//! Writes the `Speaker` of this node.

use std::time::{Duration, Instant};

use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::watch::{Change, follow};
use crds::{Speaker, SpeakerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use process::clock::now;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// The field manager: one speaker writes one object.
const FIELD_MANAGER: &str = "herald-speaker";

/// Between two writes in the long run, so that a segment in turmoil does not become the API server's.
const PAUSE: Duration = Duration::from_secs(2);
/// So many follow each other at once after a calm: a node that dies is missing first, and dead a moment later.
const AT_ONCE: u32 = 3;

/// What is to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The UID of the Node, once it is known: the Speaker goes with it.
    pub node_uid: Option<String>,
    /// Without a condition's time.
    pub status: SpeakerStatus,
}

/// Writes pictures to the Speaker of node `me`, until nobody makes any more; the last one again when somebody deletes the Speaker.
pub async fn show(client: Client, me: String, mut pictures: watch::Receiver<Picture>) {
    let api: Api<Speaker> = Api::all(client);
    let (told, mut changes) = mpsc::channel(16);
    let only = Config::default().fields(&format!("metadata.name={me}"));
    tokio::spawn(follow(
        api.clone(),
        only,
        |_: Speaker| Some(()),
        |change| change,
        told,
    ));
    let mut since: Option<(String, jiff::Timestamp)> = None;
    let mut allowance = Allowance::default();
    loop {
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() { return },
            Some(change) = changes.recv() => if !is_gone(&change) { continue },
        }
        loop {
            tokio::time::sleep_until(allowance.take(now()).into()).await;
            let picture = pictures.borrow_and_update().clone();
            let Some(uid) = &picture.node_uid else { break };
            let mut status = picture.status.clone();
            let today = jiff::Timestamp::now();
            for condition in &mut status.conditions {
                let kept = since.as_ref().filter(|(status, _)| *status == condition.status);
                let at = kept.map_or(today, |(_, at)| *at);
                since = Some((condition.status.clone(), at));
                condition.last_transition_time = Time(at);
            }
            match write(&api, &me, uid, &status).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, "Speaker not written, trying again"),
            }
        }
    }
}

/// How often the Speaker may be written: [`AT_ONCE`] times after a calm, then once in each [`PAUSE`].
#[derive(Debug, Default)]
struct Allowance {
    /// When all is allowed again.
    full: Option<Instant>,
}

impl Allowance {
    /// When the next write may go. It counts from now on.
    fn take(&mut self, now: Instant) -> Instant {
        let full = self.full.map_or(now, |full| full.max(now));
        self.full = Some(full + PAUSE);
        let soonest = full.checked_sub(PAUSE * (AT_ONCE - 1)).unwrap_or(now);
        soonest.max(now)
    }
}

/// Whether the Speaker is not there.
fn is_gone(change: &Change<()>) -> bool {
    match change {
        Change::Listed(all) => all.is_empty(),
        Change::Deleted(()) => true,
        Change::Applied(()) => false,
    }
}

async fn write(api: &Api<Speaker>, me: &str, uid: &str, status: &SpeakerStatus) -> Result<(), Failure> {
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let shown = Patch::Apply(patch(me, json!({"status": status})));
    match within(REQUEST_TIMEOUT, api.patch_status(me, &params, &shown)).await {
        Err(failure) if failure.is_not_found() => {}
        other => return other.map(drop),
    }
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": me, "uid": uid});
    let mut object = patch(me, json!({"spec": {}}));
    object["metadata"]["ownerReferences"] = json!([owner]);
    within(REQUEST_TIMEOUT, api.patch(me, &params, &Patch::Apply(object))).await?;
    within(REQUEST_TIMEOUT, api.patch_status(me, &params, &shown))
        .await
        .map(drop)
}

fn patch(me: &str, mut content: Value) -> Value {
    content["apiVersion"] = json!("heraldlb.io/v1beta1");
    content["kind"] = json!("Speaker");
    content["metadata"] = json!({"name": me});
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_that_is_not_there_is_written_again() {
        assert!(is_gone(&Change::Deleted(())) && is_gone(&Change::Listed(vec![])));
        assert!(!is_gone(&Change::Applied(())) && !is_gone(&Change::Listed(vec![()])));
    }

    #[test]
    fn what_changes_twice_in_a_moment_is_told_twice_at_once_and_turmoil_now_and_then() {
        let (mut allowance, start) = (Allowance::default(), now());
        let waits: Vec<Duration> = (0..5).map(|_| allowance.take(start) - start).collect();
        assert_eq!(
            waits,
            [Duration::ZERO, Duration::ZERO, Duration::ZERO, PAUSE, PAUSE * 2]
        );
        let calm = start + PAUSE * 20;
        assert_eq!(allowance.take(calm), calm);
        assert_eq!(allowance.take(calm), calm);
    }
}
