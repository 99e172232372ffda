//! How the watches of a process get on, in words for whoever has to do something about it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::api::ListParams;
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::{Failure, REQUEST_TIMEOUT, within};
use crate::version::{MINIMUM, VersionError};

/// A list that has not ended after so long is worth telling of.
pub const LONG_LIST: Duration = Duration::from_secs(30);

/// A watch that could not begin again says so every few seconds; after so long without a word it did. Nothing else tells when it
/// does, for it may be silent for hours.
const FORGET: Duration = Duration::from_secs(15);

/// How often the time is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What keeps a watch from its work: it does not go away by itself, or has not had its time yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The API server knows no such kind.
    #[error(
        "there is no definition of {resource}: apply Herald's custom resource definitions (chart value crds.enabled)"
    )]
    NoDefinition {
        /// The plural and the group.
        resource: String,
    },
    /// The process has not the right to.
    #[error("no right to {verb} {resource}: {message}")]
    NoRight {
        /// What it may not do.
        verb: &'static str,
        /// The plural and the group.
        resource: String,
        /// What the API server says, which names the account.
        message: String,
    },
    /// The API server does not understand the request.
    #[error(
        "the API server refuses the list of {resource}: {message} (Herald needs Kubernetes {MINIMUM} or newer)"
    )]
    NotUnderstood {
        /// The plural and the group.
        resource: String,
        /// What it says.
        message: String,
    },
    /// The first list is not complete yet.
    #[error("the list of {resource} is not in yet")]
    Pending {
        /// The plural and the group.
        resource: String,
    },
    /// A list is not complete for longer than [`LONG_LIST`].
    #[error("the list of {resource} does not end{}", .last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    Endless {
        /// The plural and the group.
        resource: String,
        /// What was wrong last.
        last_error: Option<String>,
    },
    /// The API server is too old.
    #[error("{0}")]
    Version(String),
}

/// Why a process with these troubles is not ready; none: it is. That lists are not in yet is told where nothing is worse, and in words
/// that stay the same while one after the other comes in.
pub fn reason(troubles: &[Trouble]) -> Option<String> {
    let is_pending = |trouble: &&Trouble| matches!(trouble, Trouble::Pending { .. });
    let (pending, worse): (Vec<_>, Vec<_>) = troubles.iter().partition(is_pending);
    if worse.is_empty() {
        return (!pending.is_empty()).then(|| "the first lists are not in yet".to_owned());
    }
    let worse: Vec<_> = worse.into_iter().map(ToString::to_string).collect();
    Some(worse.join("; "))
}

/// How all watches of a process get on. Clones are the same.
#[derive(Clone, Debug)]
pub struct Health {
    states: watch::Sender<States>,
    last: Arc<AtomicU64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct States {
    watches: BTreeMap<Key, State>,
    version: Option<Trouble>,
}

/// There may be two watches of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    resource: String,
    number: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// Since when a list is on its way; none: it is complete.
    listing_since: Option<Instant>,
    /// A list was complete once.
    is_listed: bool,
    last_error: Option<String>,
    /// When it was noticed last.
    trouble: Option<(Instant, Trouble)>,
}

impl State {
    /// What to tell of it.
    fn trouble(&self, resource: &str, now: Instant) -> Option<Trouble> {
        let is_told =
            |(at, _): &&(Instant, Trouble)| self.listing_since.is_some() || now.duration_since(*at) < FORGET;
        let trouble = self
            .trouble
            .as_ref()
            .filter(is_told)
            .map(|(_, trouble)| trouble.clone());
        let is_long = |since: &Instant| now.duration_since(*since) >= LONG_LIST;
        let endless = self.listing_since.filter(is_long).map(|_| Trouble::Endless {
            resource: resource.to_owned(),
            last_error: self.last_error.clone(),
        });
        let pending = (!self.is_listed).then(|| Trouble::Pending {
            resource: resource.to_owned(),
        });
        trouble.or(endless).or(pending)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            states: watch::Sender::new(States::default()),
            last: Arc::default(),
        }
    }
}

impl Health {
    /// The watch of a resource, which is looked after from now on until what this gives is dropped.
    pub fn watch<K: Resource<DynamicType = ()>>(&self) -> Progress {
        let group = K::group(&());
        let resource = match group.is_empty() {
            true => K::plural(&()).into_owned(),
            false => format!("{}.{group}", K::plural(&())),
        };
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let progress = Progress {
            key: Key { resource, number },
            health: self.clone(),
        };
        progress.begun();
        progress
    }

    /// What came of asking the API server for its version. That it does not answer is no trouble that stays.
    pub fn note_version(&self, error: Option<&VersionError>) {
        let trouble = error
            .filter(|error| !matches!(error, VersionError::Unknown(_)))
            .map(|error| Trouble::Version(error.to_string()));
        self.states.send_if_modified(|states| {
            let changed = states.version != trouble;
            states.version = trouble;
            changed
        });
    }

    /// What is wrong, by resource.
    pub fn troubles(&self) -> Vec<Trouble> {
        let now = Instant::now();
        let states = self.states.borrow();
        let of_watches = states
            .watches
            .iter()
            .filter_map(|(key, state)| state.trouble(&key.resource, now));
        let mut troubles: Vec<_> = states.version.iter().cloned().chain(of_watches).collect();
        troubles.dedup();
        troubles
    }

    /// Calls `tell` with what is wrong, at once and each time that it is something else, for as long as it is polled.
    pub async fn follow(self, tell: impl Fn(&[Trouble])) {
        let mut states = self.states.subscribe();
        let mut told: Option<Vec<Trouble>> = None;
        loop {
            states.mark_unchanged();
            let troubles = self.troubles();
            if told.as_ref() != Some(&troubles) {
                tell(&troubles);
                told = Some(troubles);
            }
            let _ = tokio::time::timeout(LOOK, states.changed()).await;
        }
    }
}

/// How one watch gets on.
#[derive(Debug)]
pub struct Progress {
    key: Key,
    health: Health,
}

impl Progress {
    /// A list is on its way.
    pub fn begun(&self) {
        let now = Instant::now();
        self.change(|state| state.listing_since = state.listing_since.or(Some(now)));
    }

    /// The list is complete.
    pub fn listed(&self) {
        self.change(|state| {
            *state = State {
                is_listed: true,
                ..State::default()
            };
        });
    }

    /// A request has failed.
    pub fn failed(&self, verb: &'static str, error: &kube::Error) {
        let answer = if let kube::Error::Api(status) = error {
            Some((status.code, status.message.clone()))
        } else {
            None
        };
        self.note(verb, answer, error.to_string());
    }

    /// The watch has broken.
    pub fn broke(&self, error: &watcher::Error) {
        match error {
            watcher::Error::InitialListFailed(error) => self.failed("list", error),
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
                self.failed("watch", error);
            }
            watcher::Error::WatchError(status) => {
                let code = Some((status.code, status.message.clone()));
                self.note("watch", code, error.to_string());
            }
            watcher::Error::NoResourceVersion => self.note("watch", None, error.to_string()),
        }
    }

    fn note(&self, verb: &'static str, answer: Option<(u16, String)>, error: String) {
        let resource = self.key.resource.clone();
        let trouble = answer.and_then(|(code, message)| match code {
            400 | 422 => Some(Trouble::NotUnderstood { resource, message }),
            401 | 403 => Some(Trouble::NoRight {
                verb,
                resource,
                message,
            }),
            404 => Some(Trouble::NoDefinition { resource }),
            _ => None,
        });
        let now = Instant::now();
        self.change(|state| {
            state.last_error = Some(error);
            state.trouble = trouble.map(|trouble| (now, trouble));
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.health.states.send_if_modified(|states| {
            let known = states.watches.get(&self.key).cloned();
            let mut state = known.clone().unwrap_or_default();
            change(&mut state);
            let changed = known.as_ref() != Some(&state);
            states.watches.insert(self.key.clone(), state);
            changed
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.health
            .states
            .send_if_modified(|states| states.watches.remove(&self.key).is_some());
    }
}

/// Asks for one of the objects that `params` selects, until the API server answers: for a process that watches nothing yet and is to know
/// whether it could.
pub async fn probe<K>(progress: Progress, api: Api<K>, params: ListParams)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let params = params.limit(1);
    loop {
        match within(REQUEST_TIMEOUT, api.list_metadata(&params)).await {
            Ok(_) => return,
            Err(Failure::Kube(error)) => progress.failed("list", &error),
            Err(Failure::Timeout(_)) => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use kube::core::response::Status;

    use super::*;

    fn refused(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status {
            code,
            message: "not so".into(),
            ..Status::default()
        }))
    }

    fn told(health: &Health) -> Vec<String> {
        health.troubles().iter().map(ToString::to_string).collect()
    }

    /// F35
    #[tokio::test(start_paused = true)]
    async fn what_does_not_go_away_by_itself_is_told_at_once_and_in_words() {
        let health = Health::default();
        let services = health.watch::<Service>();
        let pools = health.watch::<crds::IPPool>();
        services.failed("watch", &refused(403));
        pools.failed("list", &refused(404));
        assert_eq!(
            told(&health),
            [
                "there is no definition of ippools.heraldlb.io: apply Herald's custom resource definitions (chart value crds.enabled)",
                "no right to watch services: not so",
            ]
        );
        services.failed("list", &refused(400));
        pools.listed();
        assert_eq!(
            told(&health),
            ["the API server refuses the list of services: not so (Herald needs Kubernetes 1.31 or newer)"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_does_not_end_is_told_of_and_one_that_fails_for_a_moment_is_not() {
        let health = Health::default();
        let services = health.watch::<Service>();
        services.failed("list", &refused(503));
        assert_eq!(told(&health), ["the list of services is not in yet"]);
        tokio::time::advance(LONG_LIST).await;
        assert_eq!(told(&health).len(), 1);
        assert!(
            told(&health)[0].starts_with("the list of services does not end: "),
            "{:?}",
            told(&health)
        );
        services.listed();
        assert_eq!(told(&health), Vec::<String>::new());
        services.begun();
        services.failed("list", &refused(503));
        assert_eq!(told(&health), Vec::<String>::new());
        tokio::time::advance(LONG_LIST).await;
        assert!(told(&health)[0].starts_with("the list of services does not end: "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_is_given_back_is_noticed_though_the_watch_is_silent() {
        let health = Health::default();
        let services = health.watch::<Service>();
        services.listed();
        services.failed("watch", &refused(403));
        assert_eq!(told(&health), ["no right to watch services: not so"]);
        tokio::time::advance(FORGET).await;
        assert_eq!(told(&health), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn lists_that_come_in_one_after_the_other_change_no_word_and_what_is_worse_is_told_alone() {
        let health = Health::default();
        let (services, pools) = (health.watch::<Service>(), health.watch::<crds::IPPool>());
        let pending = Some("the first lists are not in yet".to_owned());
        assert_eq!(reason(&health.troubles()), pending);
        pools.listed();
        assert_eq!(reason(&health.troubles()), pending);
        let nodes = health.watch::<k8s_openapi::api::core::v1::Node>();
        services.failed("list", &refused(403));
        assert_eq!(
            reason(&health.troubles()).unwrap(),
            "no right to list services: not so"
        );
        services.listed();
        nodes.listed();
        assert_eq!(reason(&health.troubles()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_nobody_follows_any_more_is_no_trouble() {
        let health = Health::default();
        let services = health.watch::<Service>();
        services.failed("list", &refused(403));
        drop(services);
        assert_eq!(told(&health), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_watches_nothing_finds_out_whether_it_could() {
        let health = Health::default();
        let api: Api<crds::IPPool> = Api::all(kube::Client::new(axum::Router::new(), "default"));
        let probing = tokio::spawn(probe(health.watch::<crds::IPPool>(), api, ListParams::default()));
        tokio::time::sleep(LOOK / 2).await;
        assert!(told(&health)[0].starts_with("there is no definition of ippools.heraldlb.io"));
        // Another watch of the same is not asked twice about, and does not lose its own.
        let second = health.watch::<crds::IPPool>();
        second.failed("list", &refused(404));
        assert_eq!(told(&health).len(), 1);
        probing.abort();
        let _cancelled = probing.await;
        assert_eq!(told(&health).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_told_once_and_its_end_too() {
        let health = Health::default();
        let (sender, mut counts) = tokio::sync::mpsc::unbounded_channel();
        let tell = move |troubles: &[Trouble]| sender.send(troubles.len()).unwrap();
        let following = tokio::spawn(health.clone().follow(tell));
        assert_eq!(counts.recv().await, Some(0));
        let services = health.watch::<Service>();
        assert_eq!(counts.recv().await, Some(1));
        services.failed("list", &refused(403));
        assert_eq!(counts.recv().await, Some(1));
        tokio::time::advance(LONG_LIST * 3).await;
        services.listed();
        assert_eq!(counts.recv().await, Some(0));
        assert!(counts.try_recv().is_err());
        following.abort();
    }
}
