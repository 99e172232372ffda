//! Feeds [`DeadNodes`] from watches and carries out what it decides. Every replica does, whoever leads: a leader that was on the dead
//! node would be missed for as long as its lease lasts, and a pod that is marked twice is as one that is marked once.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::events::{self, Events};
use api::health::Health;
use api::watch::{follow_reporting, readable};
use crds::Speaker;
use crds::condition::CUT_OFF;
use dead_nodes::{
    Action, DeadNodes, Event, Exposed, Input, KUBELET_TIMEOUT, Kubelet, Life, Mark, Marked, Report,
    SliceOfPods,
};
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use model::NodeName;
use process::clock::{now, until, wall_clock};
use process::probes::Liveness;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::metrics::Metrics;

/// Marks under way at once: more do not make EndpointSlices change sooner.
const CONCURRENT_MARKS: usize = 16;

/// How long a turn of the loop may take.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// Slices of headless Services are of no use: nobody sends them traffic from outside.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// What it takes to mark the endpoints of dead nodes.
#[derive(Clone)]
pub(crate) struct Marking {
    pub(crate) client: Client,
    pub(crate) identity: String,
    /// Under this name statuses are written, and events.
    pub(crate) manager: String,
    pub(crate) node: Option<NodeName>,
    pub(crate) kubelet_port: u16,
    pub(crate) metrics: Metrics,
    pub(crate) liveness: Liveness,
    pub(crate) health: Health,
}

impl Marking {
    /// Runs for as long as the process does.
    pub(crate) async fn run(self) {
        let (sender, mut inputs) = mpsc::channel(1024);
        let mut watches = JoinSet::new();
        self.watch(&mut watches, &sender);
        let mut machine = DeadNodes::new(self.node.clone());
        let events = Events::new(
            self.client.clone(),
            &self.manager,
            &self.identity,
            &self.metrics.events,
        );
        let permits = Arc::new(Semaphore::new(CONCURRENT_MARKS));
        let mut tasks = JoinSet::new();
        let mut pulse = self.liveness.register("dead-nodes", LONGEST_TURN);
        loop {
            pulse.beat();
            while let Some(action) = machine.poll_action() {
                let (marking, events, permits) = (self.clone(), events.clone(), Arc::clone(&permits));
                tasks.spawn(marking.carry_out(action, events, permits));
            }
            self.metrics.dead_nodes(&machine);
            let input = tokio::select! {
                Some(input) = inputs.recv() => Some(input),
                Some(Ok(input)) = tasks.join_next() => input,
                () = until(machine.poll_timeout()) => None,
                () = pulse.due() => continue,
            };
            match input {
                Some(input) => machine.handle_input(now(), input),
                None => machine.handle_timeout(now()),
            }
        }
    }

    fn watch(&self, tasks: &mut JoinSet<()>, sender: &mpsc::Sender<Input>) {
        let all = Config::default;
        tasks.spawn(follow_reporting(
            self.health.watch::<Speaker>(),
            Api::all(self.client.clone()),
            all(),
            {
                let read = readable(|_: &mut Speaker| {});
                move |speaker| read(speaker).map(|speaker| Report::of(&speaker))
            },
            Input::Speakers,
            sender.clone(),
        ));
        tasks.spawn(follow_reporting(
            self.health.watch::<PartialObjectMeta<Service>>(),
            Api::all(self.client.clone()),
            all().fields("spec.type=LoadBalancer"),
            |service: PartialObjectMeta<Service>| Some(Exposed::of(&service)),
            Input::Services,
            sender.clone(),
        ));
        tasks.spawn(follow_reporting(
            self.health.watch::<EndpointSlice>(),
            Api::all(self.client.clone()),
            all().labels(NOT_HEADLESS),
            {
                let read = readable(|_: &mut EndpointSlice| {});
                move |slice| read(slice).and_then(|slice| SliceOfPods::of(&slice))
            },
            Input::Slices,
            sender.clone(),
        ));
    }

    /// Carries out an action, and gives back what came of it.
    async fn carry_out(self, action: Action, events: Events, permits: Arc<Semaphore>) -> Option<Input> {
        match action {
            Action::Ask(node, addresses) => {
                let kubelet = ask(&addresses, self.kubelet_port).await;
                Some(Input::Asked(node, kubelet))
            }
            Action::Mark(mark) => {
                let _permit = permits.acquire().await;
                let marked = self.mark(&mark).await;
                Some(Input::Marked(mark, marked))
            }
            Action::Declare(node, life) => {
                if let Err(error) = self.declare(&node, life).await {
                    tracing::warn!(%node, %error, "status of the speaker not written, trying again");
                }
                Some(Input::Declared(node))
            }
            Action::Tell(event) => {
                tell(&events, &event);
                None
            }
        }
    }

    async fn mark(&self, mark: &Mark) -> Marked {
        let pod = &mark.pod;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace);
        let patch = Patch::Strategic(mark.patch(wall_clock()));
        let params = PatchParams {
            field_manager: Some(self.manager.clone()),
            ..PatchParams::default()
        };
        match within(REQUEST_TIMEOUT, api.patch_status(&pod.name, &params, &patch)).await {
            Ok(_) => {
                tracing::info!(node = %mark.node, pod = %pod.name, namespace = %pod.namespace, "marked a pod of a dead node");
                Marked::Done
            }
            Err(failure) if failure.is_not_found() || failure.is_conflict() => Marked::Gone,
            Err(error) => {
                tracing::warn!(node = %mark.node, pod = %pod.name, %error, "pod of a dead node not marked, trying again");
                Marked::Failed
            }
        }
    }

    async fn declare(&self, node: &NodeName, life: Life) -> Result<(), Failure> {
        let (status, reason, message) = match life {
            Life::CutOff => (
                "True",
                "KubeletAnswered",
                "the node was taken for dead, and its kubelet has shown that it lives: its pods are left as they are until other speakers have heard it for a minute",
            ),
            Life::Heard => ("False", "Heard", "other speakers hear the node"),
        };
        let api: Api<Speaker> = Api::all(self.client.clone());
        let patch = json!({
            "apiVersion": "heraldlb.io/v1beta1",
            "kind": "Speaker",
            "metadata": {"name": node.0},
            "status": {"conditions": [{
                "type": CUT_OFF,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": format!("{:.0}", wall_clock()),
            }]},
        });
        let params = PatchParams::apply(&self.manager).force();
        within(
            REQUEST_TIMEOUT,
            api.patch_status(&node.0, &params, &Patch::Apply(patch)),
        )
        .await?;
        Ok(())
    }
}

/// Whether a kubelet accepts or refuses a connection at one of the addresses of its node.
async fn ask(addresses: &BTreeSet<IpAddr>, port: u16) -> Kubelet {
    let mut attempts = JoinSet::new();
    for address in addresses {
        attempts.spawn(TcpStream::connect(SocketAddr::from((*address, port))));
    }
    let answered = async {
        while let Some(attempt) = attempts.join_next().await {
            match attempt {
                Ok(Ok(_)) => return Kubelet::Answered,
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Kubelet::Answered,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Kubelet::Silent
    };
    tokio::time::timeout(KUBELET_TIMEOUT, answered)
        .await
        .unwrap_or(Kubelet::Silent)
}

fn tell(events: &Events, event: &Event) {
    let node = event.node();
    let note = event.to_string();
    tracing::warn!(%node, reason = event.reason(), note, "a node is unheard");
    // Events of a Node go by its name, as those of its kubelet do.
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(node.0.clone()),
        uid: Some(node.0.clone()),
        ..ObjectReference::default()
    };
    let event = events::Event {
        type_: events::EventType::Warning,
        reason: event.reason(),
        action: "MarkEndpoints",
        note: &note,
    };
    events.tell(&about, event);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn loopback(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    #[tokio::test]
    async fn a_kubelet_that_accepts_or_refuses_lives() {
        let listener = TcpListener::bind((loopback(1), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(ask(&[loopback(1)].into(), port).await, Kubelet::Answered);
        drop(listener);
        assert_eq!(ask(&[loopback(1)].into(), port).await, Kubelet::Answered);
    }

    #[tokio::test]
    async fn a_kubelet_that_cannot_be_reached_is_silent() {
        // The kernel connects to no broadcast address.
        assert_eq!(ask(&[[255; 4].into()].into(), 10250).await, Kubelet::Silent);
    }
}
