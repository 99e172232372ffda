//! Everything that the decider wants to know of the API server, followed.

use std::fmt::Debug;

use api::health::{self, Health, Trouble};
use api::kinds;
use api::watch::{Change, follow_reporting, readable, without_managed_fields};
use config::endpoints::Slice;
use config::service::Classes;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use process::probes::Readiness;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::decide::decision::{self, Input, Seen};
use crate::speaker::API;
use crate::watch::slices::{Interest, fetch_missed};

/// What the API server is asked for, and how it gets on.
pub struct Sources {
    /// The client.
    pub client: Client,
    /// How the watches get on.
    pub health: Health,
    /// The classes of Services that are ours.
    pub classes: Classes,
}

/// Slices of headless Services are of no use: those have no address.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// A Node is tens of kilobytes, most of which is not kept: a list of few at a time costs little.
const NODES_AT_ONCE: u32 = 50;

impl Sources {
    /// Follows everything that the decider wants to know.
    pub fn follow_all(self, sender: &mpsc::Sender<Box<Input>>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let Self {
            client,
            health,
            classes,
        } = &self;
        let all = Config::default;
        let (interest, missed) = Interest::new();
        let service = readable(without_managed_fields);
        let classes = classes.clone();
        let learned = interest.clone();
        self.follow(
            &mut tasks,
            all().fields("spec.type=LoadBalancer"),
            move |object| Some(Seen::of(&service(object)?, &classes)),
            move |change| {
                learned.handle_services(&change);
                Input::Services(change)
            },
            sender,
        );
        self.follow_slices(&mut tasks, interest.clone(), sender);
        tasks.spawn(fetch_missed(client.clone(), interest, missed, sender.clone()));
        let nodes = all().page_size(NODES_AT_ONCE);
        let node = readable(config::node::slim);
        self.follow(&mut tasks, nodes, node, Input::Nodes, sender);
        let wrap = |update| Box::new(Input::Objects(update));
        kinds::follow(&mut tasks, client, health, decision::kinds(), wrap, sender);
        tasks
    }

    /// Follows the slices of Services that are ours, once those are known.
    fn follow_slices(&self, tasks: &mut JoinSet<()>, interest: Interest, sender: &mpsc::Sender<Box<Input>>) {
        let read = readable(without_managed_fields);
        let (known, wanted) = (interest.clone(), interest.clone());
        let keep = move |object| Slice::of(&read(object)?).filter(|slice| wanted.takes(slice));
        let wrap = move |change| {
            if matches!(change, Change::Listed(_)) {
                interest.handle_slices_listed();
            }
            Box::new(Input::Slices(change))
        };
        let following = follow_reporting(
            self.health.watch::<EndpointSlice>(),
            Api::all(self.client.clone()),
            Config::default().labels(NOT_HEADLESS),
            keep,
            wrap,
            sender.clone(),
        );
        tasks.spawn(async move {
            known.known().await;
            following.await;
        });
    }

    /// Follows one kind, in the whole cluster.
    fn follow<R, K>(
        &self,
        tasks: &mut JoinSet<()>,
        config: Config,
        keep: impl Fn(R) -> Option<K> + Send + 'static,
        wrap: impl Fn(Change<K>) -> Input + Send + 'static,
        sender: &mpsc::Sender<Box<Input>>,
    ) where
        R: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
        K: Send + 'static,
    {
        tasks.spawn(follow_reporting(
            self.health.watch::<R>(),
            Api::all(self.client.clone()),
            config,
            keep,
            move |change| Box::new(wrap(change)),
            sender.clone(),
        ));
    }
}

/// Says of the readiness what stands in the way of watches.
pub fn tell(readiness: &Readiness, troubles: &[Trouble]) {
    match health::reason(troubles) {
        None => readiness.met(API),
        Some(reason) => readiness.unmet(API, &reason),
    }
}
