//! What the leader does: watch, decide, write.

use std::time::Duration;

use config::service::Classes;
use k8s_openapi::api::core::v1::Service;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use process::clock::{now, until};
use process::lease::Leadership;
use process::watch::follow;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::publisher;
use crate::reconciler::{Action, Input, Publication, Reconciler};
use crate::writer::Writer;

/// How long writes that are under way may take when the leader stops.
const LAST_WRITES: Duration = Duration::from_secs(2);

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
    /// says once it leads, so what an earlier leader wrote last is never missed.
    pub(crate) async fn lead(
        self,
        leading: &mut watch::Receiver<Leadership>,
        stop: &mut watch::Receiver<bool>,
    ) {
        self.metrics.leading(true);
        let (sender, mut inputs) = mpsc::channel(1024);
        let mut background = JoinSet::new();
        self.watch(&mut background, &sender);
        let (publications, receiver) = watch::channel(Publication::default());
        background.spawn(publisher::run(
            self.client.clone(),
            receiver,
            self.metrics.clone(),
        ));
        let writer = Writer::new(
            self.client.clone(),
            &self.identity,
            leading.clone(),
            self.metrics.clone(),
        );
        let mut reconciler = Reconciler::new(self.classes.clone());
        let mut writes = JoinSet::new();
        loop {
            while let Some(action) = reconciler.poll_action(now()) {
                match action {
                    Action::Write { object, standing } => {
                        drop(writes.spawn(writer.clone().write(object, standing)))
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
        // Whoever asked us to stop gives the Lease back only after this; one who lost it must not write any more.
        if leading.borrow().leads(now()) {
            let _ = tokio::time::timeout(LAST_WRITES, async { while writes.join_next().await.is_some() {} })
                .await;
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
            slim,
            Input::Services,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            |_| {},
            Input::Namespaces,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            |_| {},
            Input::Pools,
            sender.clone(),
        ));
        tasks.spawn(follow(
            Api::all(self.client.clone()),
            all(),
            |_| {},
            Input::L2Advertisements,
            sender.clone(),
        ));
    }
}

/// Drops what the controller never reads and users fill with whole manifests.
fn slim(service: &mut Service) {
    if let Some(annotations) = &mut service.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}
