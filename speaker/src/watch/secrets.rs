//! The Secrets that peers name, and no other: each is followed by its name, so that a role may be narrowed to these.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::watch::{Change, follow, readable, without_managed_fields};
use k8s_openapi::api::core::v1::Secret;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::decide::decision::Input;

/// A Secret of which nothing was heard for so long is told of.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows the Secrets of `namespace` that are `named`, until nobody names any more.
pub async fn follow_named(
    client: Client,
    namespace: String,
    mut named: watch::Receiver<BTreeSet<String>>,
    sender: mpsc::Sender<Box<Input>>,
) {
    let api: Api<DeserializeGuard<Secret>> = Api::namespaced(client, &namespace);
    let mut tasks = JoinSet::new();
    let mut followed: BTreeMap<String, AbortHandle> = BTreeMap::new();
    loop {
        let names = named.borrow_and_update().clone();
        followed.retain(|name, task| {
            let stays = names.contains(name);
            if !stays {
                task.abort();
            }
            stays
        });
        for name in names {
            followed
                .entry(name.clone())
                .or_insert_with(|| tasks.spawn(follow_one(api.clone(), name, sender.clone())));
        }
        tokio::select! {
            changed = named.changed() => if changed.is_err() { return },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Follows one Secret, and says so when nothing of it is heard.
async fn follow_one(api: Api<DeserializeGuard<Secret>>, name: String, sender: mpsc::Sender<Box<Input>>) {
    let only = Config::default().fields(&format!("metadata.name={name}"));
    let unread = name.clone();
    let wrap = move |change: Change<Secret>| Input::Secret(name.clone(), change);
    let (read, mut is_read) = watch::channel(());
    let wrap = move |change| {
        let _ = read.send(());
        Box::new(wrap(change))
    };
    let following = follow(api, only, readable(without_managed_fields), wrap, sender.clone());
    tokio::pin!(following);
    tokio::select! {
        () = &mut following => return,
        _ = is_read.changed() => {}
        () = tokio::time::sleep(PATIENCE) => {
            // Nobody listening is how a process ends.
            let _ = sender.send(Input::SecretUnread(unread).into()).await;
        }
    }
    following.await;
}
