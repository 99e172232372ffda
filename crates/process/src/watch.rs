//! Watching a kind of object for as long as the process runs.
//!
//! [`follow`] lists, watches, and starts over where the watch breaks. What it passes on is complete: a list replaces
//! everything that was passed on before it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use backon::ExponentialBuilder;
use futures::{StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, ExponentialBackoff, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

/// A watch call ends after this many seconds; a connection that died silently is noticed 5 s later.
pub const WATCH_SECONDS: u32 = 45;

/// What a watch says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<K> {
    /// These are all the objects there are.
    Listed(Vec<K>),
    /// An object is new or has changed.
    Applied(K),
    /// An object is gone, or the selector of the watch matches it no more; this is its last state.
    Deleted(K),
}

impl<K: ResourceExt> Change<K> {
    /// Brings `objects`, which are kept by name, up to date.
    pub fn apply_to(self, objects: &mut BTreeMap<String, K>) {
        match self {
            Self::Listed(listed) => {
                *objects = listed
                    .into_iter()
                    .map(|object| (object.name_any(), object))
                    .collect();
            }
            Self::Applied(object) => drop(objects.insert(object.name_any(), object)),
            Self::Deleted(object) => drop(objects.remove(&object.name_any())),
        }
    }
}

/// Passes on what happens to the objects of `api` that `config` selects, until `sender` is closed.
///
/// `slim` drops what nobody reads before an object is passed on, to save memory. An object that cannot be read is logged
/// and left out; it does not stop the others.
pub async fn follow<K, T>(
    api: Api<DeserializeGuard<K>>,
    config: Config,
    slim: impl Fn(&mut K) + Send,
    wrap: impl Fn(Change<K>) -> T + Send,
    sender: mpsc::Sender<T>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = K::kind(&()).into_owned();
    let retry = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times();
    let mut events = watcher(api, config.timeout(WATCH_SECONDS))
        .backoff(ExponentialBackoff::from(retry))
        .boxed();
    let mut listed = Vec::new();
    while !sender.is_closed() {
        let change = match events.try_next().await {
            Ok(Some(event)) => change(event, &kind, &slim, &mut listed),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(kind, %error, "watch broke, starting over");
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

/// What an event means, if anything yet: the objects of a list are held back until it is complete.
fn change<K: Resource<DynamicType = ()>>(
    event: Event<DeserializeGuard<K>>,
    kind: &str,
    slim: &impl Fn(&mut K),
    listed: &mut Vec<K>,
) -> Option<Change<K>> {
    match event {
        Event::Init => {
            listed.clear();
            None
        }
        Event::InitApply(object) => {
            listed.extend(readable(object, kind, slim));
            None
        }
        Event::InitDone => Some(Change::Listed(std::mem::take(listed))),
        Event::Apply(object) => readable(object, kind, slim).map(Change::Applied),
        Event::Delete(object) => readable(object, kind, slim).map(Change::Deleted),
    }
}

fn readable<K: Resource<DynamicType = ()>>(
    object: DeserializeGuard<K>,
    kind: &str,
    slim: &impl Fn(&mut K),
) -> Option<K> {
    match object.0 {
        Ok(mut object) => {
            object.managed_fields_mut().clear();
            slim(&mut object);
            Some(object)
        }
        Err(invalid) => {
            let name = invalid.metadata.name.unwrap_or_default();
            tracing::warn!(
                kind,
                name,
                error = invalid.error,
                "object cannot be read and is left out"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use kube::core::ObjectMeta;

    use super::*;

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
        let mut feed = |event| names(change(event, "Namespace", &|_| {}, &mut listed));
        assert_eq!(feed(Event::Init), None);
        assert_eq!(feed(Event::InitApply(namespace("lost"))), None);
        assert_eq!(feed(Event::Init), None);
        assert_eq!(feed(Event::InitApply(namespace("a"))), None);
        assert_eq!(feed(Event::InitApply(namespace("b"))), None);
        assert_eq!(feed(Event::InitDone), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(feed(Event::Apply(namespace("c"))), Some(vec!["c".to_owned()]));
    }
}
