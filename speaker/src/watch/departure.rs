//! How this speaker is to end: for good, or with another one about to take its place.

use std::time::Duration;

use api::client::{Failure, within};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use model::NodeName;

/// How a speaker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Another speaker is about to take its place on this node: nothing moves.
    Restart,
    /// For good, or for a machine's restart: others take over before it stops.
    HandOver,
}

/// What waits longer than this would keep the next speaker from starting.
const PATIENCE: Duration = Duration::from_secs(1);

/// A kubelet that shuts the machine down tells the API so at the moment at which it ends the first pods.
const SETTLING: Duration = Duration::from_millis(250);

/// Where it is to be read.
#[derive(Clone)]
pub struct Departure {
    /// The way to the API server.
    pub client: Client,
    /// The namespace that Herald runs in.
    pub namespace: String,
    /// The DaemonSet that runs this speaker; without it nobody takes its place.
    pub daemon_set: Option<String>,
    /// The node of this speaker.
    pub node: NodeName,
    /// A cordoned node hands over what it holds.
    pub drain_on_cordon: bool,
}

impl Departure {
    /// Whether another speaker will start here, on a node that goes on. Unknown counts as yes: where that is wrong, the others take
    /// over when the crash window is over.
    pub async fn how(&self) -> Shutdown {
        let Some(daemon_set) = &self.daemon_set else {
            return Shutdown::HandOver;
        };
        tokio::time::sleep(SETTLING).await;
        let daemon_sets: Api<DaemonSet> = Api::namespaced(self.client.clone(), &self.namespace);
        let nodes: Api<Node> = Api::all(self.client.clone());
        // The speakers may list Nodes and not get one.
        let own = ListParams::default().fields(&format!("metadata.name={}", self.node));
        let (daemon_set, listed) = tokio::join!(
            within(PATIENCE, daemon_sets.get_opt(daemon_set)),
            within(PATIENCE, nodes.list(&own))
        );
        let node = Answer::of(listed.map(|listed| listed.items.into_iter().next()));
        of(&node, &Answer::of(daemon_set), self.drain_on_cordon)
    }
}

/// What the API server says of an object.
enum Answer<T> {
    There(T),
    Gone,
    Unknown,
}

impl<T> Answer<T> {
    fn of(read: Result<Option<T>, Failure>) -> Self {
        match read {
            Ok(Some(object)) => Self::There(object),
            Ok(None) => Self::Gone,
            Err(error) => {
                tracing::info!(%error, "cannot tell whether this speaker is replaced, it probably is");
                Self::Unknown
            }
        }
    }
}

fn of(node: &Answer<Node>, daemon_set: &Answer<DaemonSet>, drain_on_cordon: bool) -> Shutdown {
    let ends = match (node, daemon_set) {
        (Answer::Gone, _) | (_, Answer::Gone) => true,
        (Answer::There(node), _) if config::node::drains(node, drain_on_cordon) => true,
        (_, Answer::There(daemon_set)) if daemon_set.metadata.deletion_timestamp.is_some() => true,
        (Answer::There(node), Answer::There(daemon_set)) => !selects(daemon_set, node),
        (Answer::Unknown, _) | (_, Answer::Unknown) => false,
    };
    if ends {
        Shutdown::HandOver
    } else {
        Shutdown::Restart
    }
}

/// Whether the DaemonSet still wants this node, as far as its node selector says.
fn selects(daemon_set: &DaemonSet, node: &Node) -> bool {
    let pod = daemon_set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let labels = node.metadata.labels.as_ref();
    let mut wanted = pod.iter().flat_map(|pod| pod.node_selector.iter().flatten());
    wanted.all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(change: Value) -> Answer<Node> {
        let mut object = json!({"metadata": {"name": "n1", "labels": {"rack": "a"}}});
        object
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        Answer::There(serde_json::from_value(object).unwrap())
    }

    fn daemon_set(metadata: Value, node_selector: Value) -> Answer<DaemonSet> {
        let pod = json!({"nodeSelector": node_selector, "containers": []});
        let spec = json!({"selector": {}, "template": {"spec": pod}});
        Answer::There(serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
    }

    fn stays() -> Answer<DaemonSet> {
        daemon_set(json!({"name": "speaker"}), json!({}))
    }

    #[test]
    fn a_speaker_is_replaced_while_its_daemon_set_is_there_and_wants_the_node() {
        let how = |daemon_set| of(&node(json!({})), &daemon_set, false);
        assert_eq!(how(stays()), Shutdown::Restart);
        assert_eq!(how(Answer::Unknown), Shutdown::Restart);
        assert_eq!(how(Answer::Gone), Shutdown::HandOver);
        let deleted = json!({"name": "speaker", "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(how(daemon_set(deleted, json!({}))), Shutdown::HandOver);
        let named = || json!({"name": "speaker"});
        assert_eq!(how(daemon_set(named(), json!({"rack": "a"}))), Shutdown::Restart);
        assert_eq!(how(daemon_set(named(), json!({"rack": "b"}))), Shutdown::HandOver);
    }

    /// F39: a machine that stops is not one whose speaker comes back in a moment.
    #[test]
    fn a_speaker_of_a_node_that_shuts_down_is_drained_or_is_deleted_hands_over() {
        let how = |node| of(&node, &stays(), false);
        let message = "node is shutting down";
        let shutting_down =
            json!({"status": {"conditions": [{"type": "Ready", "status": "False", "message": message}]}});
        assert_eq!(how(node(shutting_down)), Shutdown::HandOver);
        let drained =
            json!({"spec": {"taints": [{"key": config::node::DRAIN_TAINT, "effect": "NoSchedule"}]}});
        assert_eq!(how(node(drained)), Shutdown::HandOver);
        assert_eq!(how(Answer::Gone), Shutdown::HandOver);
        assert_eq!(how(Answer::Unknown), Shutdown::Restart);
        let cordoned = || node(json!({"spec": {"unschedulable": true}}));
        assert_eq!(how(cordoned()), Shutdown::Restart);
        assert_eq!(of(&cordoned(), &stays(), true), Shutdown::HandOver);
    }
}
