//! What the leader does: watch, decide, write.

use std::time::Duration;

use config::service::Classes;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use process::client::within;
use process::clock::{now, until};
use process::events::Events;
use process::lease::{Leadership, Resign};
use process::watch::{follow, readable};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::publisher;
use crate::reconciler::{Action, Input, Publication, Reconciler};
use crate::standing::Standing;
use crate::writer::{FIELD_MANAGER, Writer};

/// How long writes that are under way may take when the leader stops.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// How long the list of all Services that are no LoadBalancers may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

const LIST_RETRY: Duration = Duration::from_millis(500);

/// What a leader works with.
#[derive(Clone)]
pub(crate) struct Leader {
    pub(crate) client: Client,
    pub(crate) identity: String,
    pub(crate) classes: Classes,
    pub(crate) metrics: Metrics,
}

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
        background.spawn(publisher::run(
            self.client.clone(),
            Events::new(self.client.clone(), FIELD_MANAGER, &self.identity),
            leading.clone(),
            receiver,
            self.metrics.clone(),
        ));
        let writer = Writer::new(
            self.client.clone(),
            &self.identity,
            self.classes.clone(),
            leading.clone(),
            self.metrics.clone(),
        );
        let mut reconciler = Reconciler::new(self.classes.clone());
        let mut searches = JoinSet::new();
        let mut writes = JoinSet::new();
        loop {
            while let Some(action) = reconciler.poll_action(now()) {
                match action {
                    Action::FindLeftovers => {
                        drop(searches.spawn(find_leftovers(self.client.clone(), sender.clone())))
                    }
                    Action::Write {
                        object,
                        standing,
                        lost,
                    } => drop(writes.spawn(writer.clone().write(object, standing, lost))),
                    Action::Reserve {
                        service,
                        reservation,
                        addresses,
                        version,
                    } => {
                        let writer = writer.clone();
                        drop(writes.spawn(writer.reserve(service, reservation, addresses, version)))
                    }
                    Action::Clear(name) => drop(writes.spawn(writer.clone().clear(name))),
                    Action::Publish(publication) => drop(publications.send(*publication)),
                }
            }
            let input = tokio::select! {
                Some(input) = inputs.recv() => Some(input),
                Some(Ok(input)) = writes.join_next() => Some(input),
                () = until(reconciler.poll_timeout()) => None,
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
        // Whoever asked us to stop gives the lease back only after this; one who lost it has nothing to give back.
        let ended = async { while writes.join_next().await.is_some() {} };
        match tokio::time::timeout(LAST_WRITES, ended).await {
            Ok(()) => Resign::GiveBack,
            Err(_elapsed) => Resign::Abandon,
        }
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
            readable(|_| {}),
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
    }
}

/// Lists the Services that are no LoadBalancers, as often as it takes; of most nothing is kept.
async fn find_leftovers(client: Client, sender: mpsc::Sender<Input>) {
    let others = ListParams::default().fields("spec.type!=LoadBalancer");
    let api: Api<Service> = Api::all(client);
    loop {
        match within(LIST_TIMEOUT, api.list(&others)).await {
            Ok(list) => {
                let ours = list.items.into_iter().filter(Standing::any_shown_by);
                // Nobody listens when this replica leads no more.
                let _ = sender.send(Input::Leftovers(ours.collect())).await;
                return;
            }
            Err(error) => tracing::warn!(%error, "services cannot be listed, trying again"),
        }
        tokio::time::sleep(LIST_RETRY).await;
    }
}

/// Drops what the controller never reads and users fill with whole manifests.
fn slim(service: &mut Service) {
    if let Some(annotations) = &mut service.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}
