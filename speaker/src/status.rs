//! Shows on the `Speaker` of this node what it does and sees.

use std::time::Duration;

use crds::{AnnouncedAddress, Condition, SeenSpeaker, Speaker, SpeakerInterface, SpeakerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use process::client::{Failure, within};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::scene::Scene;

/// The field manager: one speaker writes one object.
const FIELD_MANAGER: &str = "herald-speaker";

/// The most addresses that are listed.
const MOST: usize = 1_000;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two writes, so that a segment in turmoil does not become the API server's.
const PAUSE: Duration = Duration::from_secs(2);

/// What is to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The UID of the Node, once it is known: the Speaker goes with it.
    pub node_uid: Option<String>,
    /// Without a condition's time.
    pub status: SpeakerStatus,
}

/// What the scene looks like on a Speaker; `ready`: whether the API server has told everything.
pub fn status(scene: &Scene, ready: bool) -> SpeakerStatus {
    let announced = scene.announced();
    let addresses = announced
        .iter()
        .take(MOST)
        .map(|(ip, interfaces)| AnnouncedAddress {
            address: ip.to_string(),
            interfaces: interfaces.iter().cloned().collect(),
        });
    let interfaces = scene.segments().iter().map(|(name, segment)| SpeakerInterface {
        name: name.clone(),
        speakers: segment
            .members
            .iter()
            .map(|(node, status)| SeenSpeaker {
                node: node.0.clone(),
                state: format!("{status:?}"),
            })
            .collect(),
    });
    SpeakerStatus {
        count: i64::try_from(announced.len()).unwrap_or(i64::MAX),
        addresses: addresses.collect(),
        interfaces: interfaces.collect(),
        conditions: vec![condition(scene, ready)],
    }
}

fn condition(scene: &Scene, ready: bool) -> Condition {
    let (holds, reason, message) = match (ready, scene.segments().is_empty()) {
        (false, _) => (false, "Starting", "the API server has not told everything yet"),
        (true, true) => (
            false,
            "NoSegment",
            "no usable interface, or none that another speaker or an address is on yet",
        ),
        (true, false) => (true, "Speaking", "speaks on every usable interface"),
    };
    Condition {
        type_: "Ready".to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: None,
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
    }
}

/// Writes pictures to the Speaker of node `me`, until nobody makes any more.
pub async fn show(client: Client, me: String, mut pictures: watch::Receiver<Picture>) {
    let api: Api<Speaker> = Api::all(client);
    let mut since: Option<(String, jiff::Timestamp)> = None;
    while pictures.changed().await.is_ok() {
        loop {
            let picture = pictures.borrow_and_update().clone();
            let Some(uid) = &picture.node_uid else { break };
            let mut status = picture.status.clone();
            let now = jiff::Timestamp::now();
            for condition in &mut status.conditions {
                let kept = since.as_ref().filter(|(status, _)| *status == condition.status);
                let at = kept.map_or(now, |(_, at)| *at);
                since = Some((condition.status.clone(), at));
                condition.last_transition_time = Time(at);
            }
            match write(&api, &me, uid, &status).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, "Speaker not written, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(PAUSE).await;
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
    use model::NodeName;

    use super::*;
    use crate::announcer::Report;

    #[test]
    fn a_speaker_shows_what_it_announces_and_whom_it_sees() {
        let mut scene = Scene::new(NodeName("n1".into()));
        let iface = || "eth0".to_owned();
        scene.handle_report(Report::Announced {
            ip: "192.0.2.1".parse().unwrap(),
            iface: iface(),
        });
        scene.handle_report(Report::Member {
            iface: iface(),
            node: NodeName("n2".into()),
            status: Some(claim::Status::SpeakerLost),
        });
        let shown = status(&scene, true);
        assert_eq!(
            (shown.count, shown.addresses[0].address.as_str()),
            (1, "192.0.2.1")
        );
        let seen = &shown.interfaces[0].speakers[0];
        assert_eq!((seen.node.as_str(), seen.state.as_str()), ("n2", "SpeakerLost"));
        assert_eq!(shown.conditions[0].status, "True");
        assert_eq!(status(&scene, false).conditions[0].reason, "Starting");
    }

    #[test]
    fn no_more_than_a_thousand_addresses_are_listed_and_all_are_counted() {
        let mut scene = Scene::new(NodeName("n1".into()));
        for number in 0..1_500_u32 {
            scene.handle_report(Report::Announced {
                ip: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
                iface: "eth0".into(),
            });
        }
        let shown = status(&scene, true);
        assert_eq!((shown.count, shown.addresses.len()), (1_500, MOST));
    }
}
