//! Watching a kind of object for as long as the process runs.
//!
//! [`follow`] lists, watches, and starts over where the watch breaks. What it passes on is complete: a list replaces
//! everything that was passed on before it.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use backon::ExponentialBuilder;
use futures::{StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, ExponentialBackoff, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

pub use config::Change;

use crate::health::{Health, Progress};

/// A watch lasts so long at least, in seconds. Beginning it anew costs the API server a request and little more; that its connection
/// is dead is noticed otherwise.
pub const SHORTEST_WATCH: u32 = 300;

/// And so long at most.
pub const LONGEST_WATCH: u32 = 600;

/// Passes on what happens to the objects of `api` that `config` selects, until `sender` is closed.
///
/// `keep` says what is passed on of an object: [`readable`] leaves out what cannot be read, `Some` passes everything on, for
/// types that are never unreadable.
pub async fn follow<R, K, T>(
    api: Api<R>,
    config: Config,
    keep: impl Fn(R) -> Option<K> + Send,
    wrap: impl Fn(Change<K>) -> T + Send,
    sender: mpsc::Sender<T>,
) where
    R: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let unwatched = Health::default().watch::<R>();
    follow_reporting(unwatched, api, config, keep, wrap, sender).await;
}

/// The same, telling `progress` how it gets on.
pub async fn follow_reporting<R, K, T>(
    progress: Progress,
    api: Api<R>,
    config: Config,
    keep: impl Fn(R) -> Option<K> + Send,
    wrap: impl Fn(Change<K>) -> T + Send,
    sender: mpsc::Sender<T>,
) where
    R: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = R::kind(&()).into_owned();
    let retry = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times();
    let chance = RandomState::new().hash_one(&kind);
    let mut events = watcher(api, config.timeout(lasting(chance)))
        .backoff(ExponentialBackoff::from(retry))
        .boxed();
    let mut listed = Vec::new();
    while !sender.is_closed() {
        let change = match events.try_next().await {
            Ok(Some(event)) => {
                report(&progress, &event);
                change(event, &keep, &mut listed)
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(kind, %error, "watch broke, starting over");
                progress.broke(&error);
                None
            }
        };
        if let Some(change) = change
            && sender.send(wrap(change)).await.is_err()
        {
            return;
        }
    }
}

/// How long a watch lasts, in seconds: the watches of thousands of processes are not to end together, nor those of one.
fn lasting(chance: u64) -> u32 {
    let spread = u64::from(LONGEST_WATCH - SHORTEST_WATCH) + 1;
    SHORTEST_WATCH + u32::try_from(chance % spread).unwrap_or_default()
}

fn report<R>(progress: &Progress, event: &Event<R>) {
    match event {
        Event::Init => progress.begun(),
        Event::InitDone => progress.listed(),
        Event::InitApply(_) | Event::Apply(_) | Event::Delete(_) => {}
    }
}

/// What [`follow`] keeps of kinds whose objects Herald does not judge: an object that cannot be read is logged and left out; it
/// does not stop the others. `slim` drops what nobody reads, to save memory: [`without_managed_fields`] at the least.
pub fn readable<K: Resource<DynamicType = ()>>(
    slim: impl Fn(&mut K) + Send,
) -> impl Fn(DeserializeGuard<K>) -> Option<K> + Send {
    move |object| match object.0 {
        Ok(mut object) => {
            slim(&mut object);
            Some(object)
        }
        Err(invalid) => {
            let name = invalid.metadata.name.unwrap_or_default();
            tracing::warn!(
                kind = &*K::kind(&()),
                name,
                error = invalid.error,
                "object cannot be read and is left out"
            );
            None
        }
    }
}

/// Drops from an object who has written which of its fields, which is often the longest part of it.
pub fn without_managed_fields<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// What an event means, if anything yet: the objects of a list are held back until it is complete.
fn change<R, K>(event: Event<R>, keep: &impl Fn(R) -> Option<K>, listed: &mut Vec<K>) -> Option<Change<K>> {
    match event {
        Event::Init => {
            listed.clear();
            None
        }
        Event::InitApply(object) => {
            listed.extend(keep(object));
            None
        }
        Event::InitDone => Some(Change::Listed(std::mem::take(listed))),
        Event::Apply(object) => keep(object).map(Change::Applied),
        Event::Delete(object) => keep(object).map(Change::Deleted),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use kube::ResourceExt;
    use kube::core::ObjectMeta;

    use super::*;

    #[test]
    fn watches_last_five_to_ten_minutes_and_do_not_end_together() {
        let lengths: std::collections::BTreeSet<_> = (0..10_000u64).map(lasting).collect();
        assert_eq!(lengths.first(), Some(&300));
        assert_eq!(lengths.last(), Some(&600));
        assert_eq!(lengths.len(), 301);
        assert!((300..=600).contains(&lasting(u64::MAX)));
    }

    fn namespace(name: &str) -> DeserializeGuard<Namespace> {
        let metadata = ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        };
        DeserializeGuard(Ok(Namespace {
            metadata,
            ..Namespace::default()
        }))
    }

    fn names(change: Option<Change<Namespace>>) -> Option<Vec<String>> {
        match change? {
            Change::Listed(objects) => Some(objects.iter().map(ResourceExt::name_any).collect()),
            Change::Applied(object) | Change::Deleted(object) => Some(vec![object.name_any()]),
        }
    }

    #[test]
    fn a_list_is_passed_on_when_it_is_complete_and_forgets_one_that_broke_off() {
        let mut listed = Vec::new();
        let mut feed = |event| names(change(event, &readable(|_| {}), &mut listed));
        assert_eq!(feed(Event::Init), None);
        assert_eq!(feed(Event::InitApply(namespace("lost"))), None);
        assert_eq!(feed(Event::Init), None);
        assert_eq!(feed(Event::InitApply(namespace("a"))), None);
        assert_eq!(feed(Event::InitApply(namespace("b"))), None);
        assert_eq!(feed(Event::InitDone), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(feed(Event::Apply(namespace("c"))), Some(vec!["c".to_owned()]));
    }

    #[test]
    fn an_object_that_cannot_be_read_is_left_out_of_a_list_that_goes_on() {
        let invalid = serde_json::json!({"metadata": {"name": "bad"}, "spec": 7});
        let invalid: DeserializeGuard<Namespace> = serde_json::from_value(invalid).unwrap();
        let mut listed = Vec::new();
        let mut feed = |event| names(change(event, &readable(|_| {}), &mut listed));
        assert_eq!(feed(Event::InitApply(namespace("a"))), None);
        assert_eq!(feed(Event::InitApply(invalid.clone())), None);
        assert_eq!(feed(Event::InitDone), Some(vec!["a".to_owned()]));
        assert_eq!(feed(Event::Apply(invalid)), None);
    }

    #[test]
    fn what_nobody_reads_is_dropped_before_an_object_is_passed_on() {
        let mut object = namespace("a");
        object.meta_mut().managed_fields = Some(vec![Default::default()]);
        object.meta_mut().labels = Some([("team".to_owned(), "web".to_owned())].into());
        let slim = |object: &mut Namespace| {
            without_managed_fields(object);
            object.metadata.labels = None;
        };
        let Some(Change::Applied(kept)) = change(Event::Apply(object), &readable(slim), &mut Vec::new())
        else {
            panic!("an object that can be read is passed on");
        };
        assert_eq!((kept.metadata.managed_fields, kept.metadata.labels), (None, None));
    }
}
