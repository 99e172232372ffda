use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use api::watch::SHORTEST_WATCH;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use process::clock::now;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long an address may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// When a watch showed what about a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// That it is there.
    pub(crate) created: Instant,
    /// That it has an address.
    pub(crate) address: Instant,
}

/// A watch that notes when it first saw each Service, and each with an address.
pub(crate) struct Observer {
    notes: Arc<Mutex<Notes>>,
    /// How many have an address.
    count: watch::Receiver<usize>,
    task: JoinHandle<Result<Infallible>>,
}

#[derive(Default)]
struct Notes {
    created: HashMap<String, Instant>,
    complete: HashMap<String, Sighting>,
}

impl Observer {
    /// What is created once this has returned is seen.
    pub(crate) async fn start(client: &Client) -> Result<Self> {
        let api: Api<Service> = Api::default_namespaced(client.clone());
        let list = api.list_metadata(&ListParams::default().limit(1)).await?;
        let version = list
            .metadata
            .resource_version
            .context("a list without a version")?;
        let notes = Arc::default();
        let (sender, count) = watch::channel(0);
        let task = tokio::spawn(follow(api, version, Arc::clone(&notes), sender));
        Ok(Self { notes, count, task })
    }

    /// When a Service was seen; waits for its address.
    pub(crate) async fn sighting(&mut self, service: &str) -> Result<Sighting> {
        let end = now() + PATIENCE;
        loop {
            self.count.mark_unchanged();
            if let Some(sighting) = self.notes().complete.get(service) {
                return Ok(*sighting);
            }
            tokio::select! {
                changed = self.count.changed() => {
                    if changed.is_err() {
                        (&mut self.task).await.context("the watch has ended badly")??;
                    }
                }
                () = tokio::time::sleep_until(end.into()) => bail!("{service} has no address after {PATIENCE:?}"),
            }
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    api: Api<Service>,
    mut version: String,
    notes: Arc<Mutex<Notes>>,
    count: watch::Sender<usize>,
) -> Result<Infallible> {
    loop {
        let mut events = Box::pin(
            api.watch(&WatchParams::default().timeout(SHORTEST_WATCH), &version)
                .await?,
        );
        while let Some(event) = events.try_next().await? {
            let at = now();
            match event {
                WatchEvent::Added(service) | WatchEvent::Modified(service) => {
                    let shows_address = shows_address(&service);
                    version = service.metadata.resource_version.unwrap_or(version);
                    let name = service.metadata.name.unwrap_or_default();
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    notes.on_seen(at, name, shows_address);
                    count.send_replace(notes.complete.len());
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Deleted(_) => {}
                WatchEvent::Error(status) => bail!("the watch says {status:?}"),
            }
        }
    }
}

impl Notes {
    fn on_seen(&mut self, at: Instant, service: String, shows_address: bool) {
        let created = *self.created.entry(service.clone()).or_insert(at);
        if shows_address {
            let sighting = Sighting { created, address: at };
            self.complete.entry(service).or_insert(sighting);
        }
    }
}

fn shows_address(service: &Service) -> bool {
    let ingress = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref())
        .and_then(|load_balancer| load_balancer.ingress.as_ref());
    ingress.is_some_and(|ingress| ingress.iter().any(|entry| entry.ip.is_some()))
}
