//! How this speaker is to end: for good, or with another one about to take its place.

use std::time::Duration;

use api::client::within;
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};

use crate::layer2::announcer::Leave;

/// What waits longer than this would keep the next speaker from starting.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the DaemonSet will start another speaker here. Unknown counts as yes: where that is wrong, the others take over
/// when the crash window is over.
pub async fn how(client: &Client, namespace: &str, daemon_set: Option<&str>) -> Leave {
    let Some(name) = daemon_set else {
        return Leave::HandOver;
    };
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), namespace);
    match within(PATIENCE, api.get_metadata_opt(name)).await {
        Ok(found) => of(found.as_ref()),
        Err(error) => {
            tracing::info!(%error, "cannot tell whether this speaker is replaced, it probably is");
            Leave::Return
        }
    }
}

fn of(daemon_set: Option<&PartialObjectMeta<DaemonSet>>) -> Leave {
    match daemon_set {
        Some(object) if object.metadata.deletion_timestamp.is_none() => Leave::Return,
        Some(_) | None => Leave::HandOver,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_speaker_returns_while_its_daemon_set_is_there_and_stays() {
        let read = |metadata| -> PartialObjectMeta<DaemonSet> {
            serde_json::from_value(json!({"metadata": metadata})).unwrap()
        };
        assert_eq!(of(Some(&read(json!({"name": "speaker"})))), Leave::Return);
        let leaving = json!({"name": "speaker", "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(of(Some(&read(leaving))), Leave::HandOver);
        assert_eq!(of(None), Leave::HandOver);
    }
}
