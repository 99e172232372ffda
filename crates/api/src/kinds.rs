//! The watches of the custom resources that configure Herald.

use config::{Change, Configured, ForKind, Kind, Update};
use crds::Stored;
use kube::api::ListParams;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::health::{self, Health};
use crate::watch::{follow_reporting, without_managed_fields};

/// Follows all objects of these kinds, in the whole cluster, each kind in a task of its own. An object that cannot be read is passed
/// on too, as what it is.
pub fn follow<T: Send + 'static>(
    tasks: &mut JoinSet<()>,
    client: &Client,
    health: &Health,
    kinds: impl IntoIterator<Item = Kind>,
    wrap: impl Fn(Update) -> T + Clone + Send + 'static,
    sender: &mpsc::Sender<T>,
) {
    for kind in kinds {
        kind.with_type(Follow {
            tasks,
            client,
            health,
            wrap: wrap.clone(),
            sender,
        });
    }
}

struct Follow<'a, T, W> {
    tasks: &'a mut JoinSet<()>,
    client: &'a Client,
    health: &'a Health,
    wrap: W,
    sender: &'a mpsc::Sender<T>,
}

impl<T, W> ForKind for Follow<'_, T, W>
where
    T: Send + 'static,
    W: Fn(Update) -> T + Send + 'static,
{
    type Output = ();

    fn visit<K: Configured>(self) {
        let wrap = self.wrap;
        self.tasks.spawn(follow_reporting(
            self.health.watch::<K>(),
            Api::<Stored<K>>::all(self.client.clone()),
            Config::default(),
            |mut object| {
                without_managed_fields(&mut object);
                Some(object)
            },
            move |change: Change<Stored<K>>| wrap(change.into()),
            self.sender.clone(),
        ));
    }
}

/// Finds out whether objects of these kinds could be followed, each kind in a task of its own that ends when they can.
pub fn probe(
    tasks: &mut JoinSet<()>,
    client: &Client,
    health: &Health,
    kinds: impl IntoIterator<Item = Kind>,
) {
    for kind in kinds {
        kind.with_type(Probe {
            tasks,
            client,
            health,
        });
    }
}

struct Probe<'a> {
    tasks: &'a mut JoinSet<()>,
    client: &'a Client,
    health: &'a Health,
}

impl ForKind for Probe<'_> {
    type Output = ();

    fn visit<K: Configured>(self) {
        let api = Api::<Stored<K>>::all(self.client.clone());
        let probing = health::probe(self.health.watch::<K>(), api, ListParams::default());
        self.tasks.spawn(probing);
    }
}
