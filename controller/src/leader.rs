//! What the leader does: watch, decide, write.

use std::time::{Duration, Instant};

use api::client::within;
use api::events::Events;
use api::watch::{follow, readable, without_managed_fields};
use config::service::Classes;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::ListParams;
use kube::core::{ObjectMeta, PartialObjectMeta, PartialObjectMetaExt as _};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use lease::{Leadership, Resign};
use process::clock::{now, until};
use process::probes::Liveness;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::status_writer;
use crate::writer::{FIELD_MANAGER, Writer};
use allocate::desired_status::DesiredStatus;
use allocate::reconciler::{Action, Ending, Input, Publication, Reconciler, RoutingInput};
use allocate::slim::slim;
use allocate::{LAST_WRITES, REQUEST_TIMEOUT};

/// How long the list of all Services that are no LoadBalancers may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

const LIST_RETRY: Duration = Duration::from_millis(500);

/// A Node is tens of kilobytes, of which nothing is kept but its labels: a list of few at a time costs little.
const NODES_AT_ONCE: u32 = 50;

/// What a leader works with.
#[derive(Clone)]
pub(crate) struct Leader {
    pub(crate) client: Client,
    pub(crate) identity: String,
    pub(crate) classes: Classes,
    pub(crate) metrics: Metrics,
    pub(crate) liveness: Liveness,
}

/// How long a turn of the leader's loop may take: it takes seconds to claim what tens of thousands of Services hold.
const LONGEST_TURN: Duration = Duration::from_secs(60);

impl Leader {
    /// Leads until `leading` ends or `stop` turns true. Every time anew: a leader knows nothing but what the API server
    /// says once it leads, so what an earlier leader wrote last is never missed. Gives back what may become of the lease if
    /// the process stops now.
    pub(crate) async fn lead(
        self,
        leading: &mut watch::Receiver<Leadership>,
        stop: &mut watch::Receiver<bool>,
    ) -> Resign {
        self.metrics.leading(true);
        let (sender, mut inputs) = mpsc::channel(1024);
        let mut background = JoinSet::new();
        self.watch(&mut background, &sender);
        let (publications, receiver) = watch::channel(Publication::default());
        background.spawn(status_writer::run(
            self.client.clone(),
            Events::new(
                self.client.clone(),
                FIELD_MANAGER,
                &self.identity,
                &self.metrics.events,
            ),
            leading.clone(),
            receiver,
            self.metrics.clone(),
        ));
        let mut term = Term {
            client: self.client.clone(),
            writer: Writer::new(
                self.client.clone(),
                &self.identity,
                self.classes.clone(),
                leading.clone(),
                self.metrics.clone(),
            ),
            sender,
            publications,
            searches: JoinSet::new(),
            writes: JoinSet::new(),
            unanswered_until: None,
        };
        let mut reconciler = Reconciler::new(self.classes.clone());
        let mut pulse = self.liveness.register("lead", LONGEST_TURN);
        loop {
            pulse.beat();
            while let Some(action) = reconciler.poll_action(now()) {
                term.carry_out(action);
            }
            let input = tokio::select! {
                Some(input) = inputs.recv() => Some(input),
                Some(input) = term.ended() => Some(input),
                () = until(reconciler.poll_timeout()) => None,
                () = pulse.due() => None,
                ended = background.join_next() => {
                    tracing::error!(reason = ?ended, "a watch or the publisher has ended, starting over");
                    break;
                }
                _ = leading.wait_for(|leadership| !leadership.leads(now())) => break,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            self.feed(&mut reconciler, input);
        }
        self.metrics.leading(false);
        background.abort_all();
        term.end().await
    }

    fn feed(&self, reconciler: &mut Reconciler, input: Option<Input>) {
        let started = reconciler.started();
        match input {
            Some(input) => reconciler.handle_input(now(), input),
            None => reconciler.handle_timeout(now()),
        }
        if !started && reconciler.started() {
            tracing::info!("every object is known, giving out addresses");
        }
    }

    fn watch(&self, tasks: &mut JoinSet<()>, sender: &mpsc::Sender<Input>) {
        let all = Config::default;
        let services = all().fields("spec.type=LoadBalancer");
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            services,
            readable(slim),
            Input::Services,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            readable(without_managed_fields),
            Input::Namespaces,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            Input::Pools,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            Input::L2Advertisements,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            Input::Reservations,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            |change| Input::Routing(RoutingInput::Advertisements(change)),
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            |change| Input::Routing(RoutingInput::Peers(change)),
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            |change| Input::Routing(RoutingInput::Profiles(change)),
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            Some,
            |change| Input::Routing(RoutingInput::Communities(change)),
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all().page_size(NODES_AT_ONCE),
            |node| Some(only_labels(node)),
            |change| Input::Routing(RoutingInput::Nodes(change)),
            sender.clone(),
        ));
    }
}

fn only_labels(node: PartialObjectMeta<Node>) -> PartialObjectMeta<Node> {
    let metadata = ObjectMeta {
        name: node.metadata.name,
        labels: node.metadata.labels,
        ..ObjectMeta::default()
    };
    metadata.into_response_partial()
}

/// What is under way while a replica leads.
struct Term {
    client: Client,
    writer: Writer,
    sender: mpsc::Sender<Input>,
    publications: watch::Sender<Publication>,
    searches: JoinSet<()>,
    writes: JoinSet<Input>,
    /// Until when a write that ended without an answer may still take effect.
    unanswered_until: Option<Instant>,
}

impl Term {
    fn carry_out(&mut self, action: Action) {
        let writer = self.writer.clone();
        match action {
            Action::FindFormer => {
                self.searches
                    .spawn(find_former(self.client.clone(), self.sender.clone()));
            }
            Action::Write {
                object,
                desired,
                lost,
            } => drop(self.writes.spawn(writer.write(object, desired, lost))),
            Action::Reserve {
                service,
                reservation,
                addresses,
                version,
            } => drop(
                self.writes
                    .spawn(writer.reserve(service, reservation, addresses, version)),
            ),
            Action::Clear(name) => drop(self.writes.spawn(writer.clear(name))),
            Action::Publish(publication) => drop(self.publications.send(*publication)),
        }
    }

    /// The end of the next write; none while nothing is under way.
    async fn ended(&mut self) -> Option<Input> {
        let input = self.writes.join_next().await?.ok()?;
        if matches!(input, Input::Ended(_, Ending::Unknown)) {
            self.unanswered_until = Some(now() + REQUEST_TIMEOUT);
        }
        Some(input)
    }

    /// What may become of the lease: another replica may lead at once only if nothing that this one sent can take effect any
    /// more (S1).
    async fn end(mut self) -> Resign {
        let all = async { while self.ended().await.is_some() {} };
        let ended = tokio::time::timeout(LAST_WRITES, all).await.is_ok();
        let answered = self.unanswered_until.is_none_or(|until| until <= now());
        match ended && answered {
            true => Resign::GiveBack,
            false => Resign::Abandon,
        }
    }
}

/// Lists the Services that are no LoadBalancers, as often as it takes; of most nothing is kept.
async fn find_former(client: Client, sender: mpsc::Sender<Input>) {
    let others = ListParams::default().fields("spec.type!=LoadBalancer");
    let api: Api<Service> = Api::all(client);
    loop {
        match within(LIST_TIMEOUT, api.list(&others)).await {
            Ok(list) => {
                let ours = list.items.into_iter().filter(DesiredStatus::any_shown_by);
                // Nobody listens when this replica leads no more.
                let _ = sender.send(Input::Former(ours.collect())).await;
                return;
            }
            Err(error) => tracing::warn!(%error, "services cannot be listed, trying again"),
        }
        tokio::time::sleep(LIST_RETRY).await;
    }
}
