//! What the leader does: watch, decide, write.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocate::reconciler::{Action, Input, Publication, Reconciler};
use allocate::task::{Ended, Task};
use allocate::{LAST_WRITES, REQUEST_TIMEOUT, Release, slim};
use api::health::Health;
use api::watch::{follow_reporting, readable};
use config::{Kind, SpeakerFacts};
use crds::Speaker;
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::core::{ObjectMeta, PartialObjectMeta, PartialObjectMetaExt as _};
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use lease::{Leadership, Resign, Seniority};
use process::clock::{now, until};
use process::probes::Liveness;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{Id, JoinSet};

use crate::metrics::Metrics;
use crate::sender::Sender;
use crate::status_writer;
use crate::telling::Teller;

/// Writes under way at once: enough to keep an API server busy, too few to crowd out others.
const CONCURRENT_WRITES: usize = 16;

/// A Node is tens of kilobytes, of which little is kept: a list of few at a time costs little.
const NODES_AT_ONCE: u32 = 50;

/// How long a turn of the leader's loop may take: it takes seconds to claim what tens of thousands of Services hold.
const LONGEST_TURN: Duration = Duration::from_secs(60);

/// What a leader works with.
#[derive(Clone)]
pub(crate) struct Leader {
    pub(crate) client: Client,
    pub(crate) identity: String,
    pub(crate) release: Arc<Release>,
    pub(crate) metrics: Metrics,
    pub(crate) liveness: Liveness,
    pub(crate) health: Health,
}

impl Leader {
    /// Leads until `leading` ends, an older release turns up or `stop` turns true. Every time anew: a leader knows nothing but what the API server
    /// says once it leads, so what an earlier leader wrote last is never missed. Gives back what may become of the lease if
    /// the process stops now.
    pub(crate) async fn lead(
        self,
        leading: &mut watch::Receiver<Leadership>,
        seniority: &mut watch::Receiver<Seniority>,
        stop: &mut watch::Receiver<bool>,
    ) -> Resign {
        self.metrics.leading(true);
        let (sender, mut inputs) = mpsc::channel(1024);
        let mut background = JoinSet::new();
        self.watch(&mut background, &sender);
        let requests = Sender {
            client: self.client.clone(),
            release: Arc::clone(&self.release),
            leading: leading.clone(),
        };
        let teller = Teller::new(&self.client, &self.release, &self.identity, &self.metrics);
        let (publications, receiver) = watch::channel(Publication::default());
        background.spawn(status_writer::run(
            requests.clone(),
            teller.clone(),
            receiver,
            self.metrics.clone(),
        ));
        let mut term = Term {
            sender: requests,
            teller,
            metrics: self.metrics.clone(),
            permits: Arc::new(Semaphore::new(CONCURRENT_WRITES)),
            publications,
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            unanswered_until: None,
        };
        let mut reconciler = Reconciler::new(Release::clone(&self.release));
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
                    tracing::error!(reason = ?ended, "a watch or the status writer has ended, starting over");
                    break;
                }
                _ = leading.wait_for(|leadership| !leadership.leads(now())) => break,
                _ = seniority.wait_for(|seniority| *seniority != Seniority::Oldest) => break,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            self.feed(&mut reconciler, input);
        }
        background.shutdown().await;
        let resign = term.end().await;
        self.metrics.leading(false);
        resign
    }

    fn feed(&self, reconciler: &mut Reconciler, input: Option<Input>) {
        let started = reconciler.started();
        match input {
            Some(input) => reconciler.handle_input(now(), input),
            None => reconciler.handle_timeout(now()),
        }
        self.metrics.decided(reconciler.poll_decisions());
        if !started && reconciler.started() {
            tracing::info!("every object is known, giving out addresses");
        }
    }

    fn watch(&self, tasks: &mut JoinSet<()>, sender: &mpsc::Sender<Input>) {
        let all = Config::default;
        let release = Arc::clone(&self.release);
        tasks.spawn(follow_reporting(
            self.health.watch::<Service>(),
            Api::all(self.client.clone()),
            all().fields("spec.type=LoadBalancer"),
            readable(move |service| slim(service, &release)),
            Input::Services,
            sender.clone(),
        ));
        tasks.spawn(follow_reporting(
            self.health.watch::<PartialObjectMeta<Namespace>>(),
            Api::all(self.client.clone()),
            all(),
            |namespace| Some(only_labels(namespace)),
            Input::Namespaces,
            sender.clone(),
        ));
        tasks.spawn(follow_reporting(
            self.health.watch::<Node>(),
            Api::all(self.client.clone()),
            all().page_size(NODES_AT_ONCE),
            readable(config::node::slim),
            Input::Nodes,
            sender.clone(),
        ));
        let speaker = readable(|_: &mut Speaker| {});
        tasks.spawn(follow_reporting(
            self.health.watch::<Speaker>(),
            Api::all(self.client.clone()),
            all().page_size(NODES_AT_ONCE),
            move |object| speaker(object).map(|object| SpeakerFacts::of(&object)),
            Input::Speakers,
            sender.clone(),
        ));
        let kinds = Kind::ALL.iter().copied();
        api::kinds::follow(tasks, &self.client, &self.health, kinds, Input::Objects, sender);
    }
}

fn only_labels<K: Resource<DynamicType = ()>>(object: PartialObjectMeta<K>) -> PartialObjectMeta<K> {
    let metadata = ObjectMeta {
        name: object.metadata.name,
        labels: object.metadata.labels,
        ..ObjectMeta::default()
    };
    metadata.into_response_partial()
}

/// What is under way while a replica leads.
struct Term {
    sender: Sender,
    teller: Teller,
    metrics: Metrics,
    permits: Arc<Semaphore>,
    publications: watch::Sender<Publication>,
    tasks: JoinSet<Ended>,
    /// What each of them carries out: of one that panics it has to be known.
    under_way: HashMap<Id, Task>,
    /// Until when a write that ended without an answer may still take effect.
    unanswered_until: Option<Instant>,
}

impl Term {
    fn carry_out(&mut self, action: Action) {
        let task = match action {
            Action::Publish(publication) => return drop(self.publications.send(*publication)),
            Action::Do(task) => task,
        };
        let (sender, permits) = (self.sender.clone(), Arc::clone(&self.permits));
        let known = task.clone();
        let spawned = self.tasks.spawn(async move {
            let _permit = permits.acquire().await;
            sender.carry_out(task).await
        });
        self.under_way.insert(spawned.id(), known);
    }

    /// The end of the next task; none while nothing is under way.
    async fn ended(&mut self) -> Option<Input> {
        let ended = match self.tasks.join_next_with_id().await? {
            Ok((id, ended)) => {
                self.under_way.remove(&id);
                ended
            }
            Err(error) => {
                tracing::error!(%error, "a task has broken off, nobody knows how far it came");
                self.under_way.remove(&error.id())?.abandoned()
            }
        };
        if ended.is_unknown() {
            self.unanswered_until = Some(now() + REQUEST_TIMEOUT);
        }
        self.metrics.ended(&ended);
        self.teller.tell(&ended.events);
        Some(ended.input)
    }

    /// What may become of the lease: another replica may lead at once only if nothing that this one sent can take effect any
    /// more (S1).
    async fn end(mut self) -> Resign {
        // What only reads is not waited for, and might go on for ever.
        self.under_way.retain(|_, task| task.outlasts_the_term());
        let all = async {
            while !self.under_way.is_empty() {
                self.ended().await;
            }
        };
        let ended = tokio::time::timeout(LAST_WRITES, all).await.is_ok();
        let answered = self.unanswered_until.is_none_or(|until| until <= now());
        match ended && answered {
            true => Resign::GiveBack,
            false => Resign::Abandon,
        }
    }
}
