//! Carries out what the [`Elector`] decides.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture};
use k8s_openapi::api::coordination::v1;
use kube::core::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::seniority::{Elections, LABEL, LeaseName, Seniority};
use super::store::{Outcome, Store, record};
use super::{Elector, Identity, Leadership, Timing};
use api::health::Health;
use api::watch::{Change, follow_reporting, readable, without_managed_fields};

/// How long a process that stops tries to give the lease back. Without it the others wait for the lease to run out.
const RELEASE_PATIENCE: Duration = Duration::from_secs(3);

/// A lease, and the name under which this process asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Where the lease lives.
    pub namespace: String,
    /// The lease's own name.
    pub name: String,
    /// Who this process is.
    pub identity: Identity,
    /// What its leader does that no leader of another election may do beside it.
    pub alone: BTreeSet<String>,
}

/// What becomes of the lease when a process stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resign {
    /// The process goes on.
    No,
    /// Everything that this process sent as leader has ended: the lease is given back, and a moment later another process may
    /// lead.
    GiveBack,
    /// Something that this process sent as leader may still take effect: the lease is renewed no more, but not given back, so
    /// that the others wait until it has run out.
    Abandon,
}

/// Asks for `lease` until `resign` says what is to become of it, and returns when that is done. A sender that is dropped
/// before says [`Resign::Abandon`].
///
/// `leadership` follows: its receivers are woken when leadership begins or ends, not at each renewal. Before the caller
/// resigns it must have stopped everything that only a leader may do.
///
/// `health` is told how the watch of the lease gets on: a process without a right to it never leads.
///
/// `client` is to be one that nothing else uses, so that other requests cannot stand in the way of a renewal, and without
/// retries ([`api::client::connect`]). The permissions needed: get, list, watch and update this lease, create leases.
pub async fn run(
    client: Client,
    lease: Lease,
    timing: Timing,
    leadership: watch::Sender<Leadership>,
    mut resign: watch::Receiver<Resign>,
    health: &Health,
) {
    let api: Api<DeserializeGuard<v1::Lease>> = Api::namespaced(client.clone(), &lease.namespace);
    let only_this = watcher::Config::default().fields(&format!("metadata.name={}", lease.name));
    let (sender, mut changes) = mpsc::channel(4);
    let watched = follow_reporting(
        health.watch::<v1::Lease>(),
        api,
        only_this,
        readable(without_managed_fields),
        |change| change,
        sender,
    );
    let mut watched = pin!(watched.fuse());
    let resigned = resign.wait_for(|resign| *resign != Resign::No);
    let mut resigned = pin!(
        resigned
            .map(|resign| resign.map_or(Resign::Abandon, |resign| *resign))
            .fuse()
    );
    let mut give_up: Option<Instant> = None;

    let store = Store::new(client, &lease, timing);
    let mut candidate = Candidate {
        elector: Elector::new(lease.identity, timing, Instant::now().into_std()),
        leadership,
        seen: None,
        failing: false,
    };
    let mut request: OptionFuture<BoxFuture<'static, Outcome>> = None.into();
    loop {
        let now = Instant::now();
        candidate.elector.handle_timeout(now.into_std());
        candidate.publish();
        if candidate.elector.is_finished() || give_up.is_some_and(|at| at <= now) {
            return;
        }
        if let Some(action) = candidate.elector.poll_action(now.into_std()) {
            request = Some(store.send(action, candidate.seen.clone()).boxed()).into();
        }
        let wake = candidate.elector.poll_timeout().map(Instant::from_std);
        let wake = wake.into_iter().chain(give_up).min();
        tokio::select! {
            // Ready with nothing when there is no request, and then not selected.
            Some(outcome) = &mut request => {
                request = None.into();
                candidate.on_outcome(Instant::now(), outcome);
            }
            resign = &mut resigned => {
                if resign == Resign::Abandon {
                    candidate.leadership.send_replace(Leadership::Standby);
                    return;
                }
                give_up = Some(Instant::now() + RELEASE_PATIENCE);
                candidate.elector.handle_stop(Instant::now().into_std());
            }
            Some(change) = changes.recv() => {
                if is_vacancy(&change) {
                    candidate.elector.handle_vacancy(Instant::now().into_std());
                }
            }
            () = &mut watched => {}
            () = until(wake) => {}
        }
    }
}

/// Follows whether `lease` is the oldest election of those that say a word of its own, for as long as the receiver lives.
///
/// The permissions needed: list and watch leases of all namespaces.
pub fn follow_seniority(client: Client, lease: &Lease, health: &Health) -> watch::Receiver<Seniority> {
    let own = LeaseName {
        namespace: lease.namespace.clone(),
        name: lease.name.clone(),
    };
    let mut elections = Elections::new(own, lease.alone.clone());
    let (sender, mut changes) = mpsc::channel(16);
    let watched = follow_reporting(
        health.watch::<v1::Lease>(),
        Api::<DeserializeGuard<v1::Lease>>::all(client),
        watcher::Config::default().labels(LABEL),
        readable(without_managed_fields),
        |change| change,
        sender,
    );
    let (seniority, receiver) = watch::channel(Seniority::Unknown);
    tokio::spawn(async move {
        let mut watched = pin!(watched.fuse());
        while !seniority.is_closed() {
            let current = elections.seniority();
            seniority.send_if_modified(|known| std::mem::replace(known, current.clone()) != current);
            tokio::select! {
                Some(change) = changes.recv() => elections.handle_change(Instant::now().into_std(), change),
                () = &mut watched => {}
            }
        }
    });
    receiver
}

struct Candidate {
    elector: Elector,
    leadership: watch::Sender<Leadership>,
    /// The object behind the elector's record, with the parts that are not ours.
    seen: Option<v1::Lease>,
    /// The last request failed; that is logged once, not at every try.
    failing: bool,
}

impl Candidate {
    fn on_outcome(&mut self, now: Instant, outcome: Outcome) {
        let now = now.into_std();
        let held_by = self.elector.holder().map(str::to_owned);
        match outcome {
            Outcome::Read(lease) => {
                self.elector.handle_read(now, lease.as_deref().map(record));
                self.seen = lease.map(|lease| *lease);
            }
            Outcome::Written(lease) => {
                self.elector.handle_written(now, record(&lease));
                self.seen = Some(*lease);
            }
            Outcome::Conflict => self.elector.handle_conflict(now),
            Outcome::Failed(error) => {
                self.elector.handle_failure(now);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "lease cannot be reached, trying again");
                }
                return;
            }
        }
        self.failing = false;
        if let Some(setback) = self.elector.poll_setback() {
            tracing::warn!(from = %setback.from, to = %setback.to, "store went back, leaving the lease alone for its whole duration");
        }
        let holder = self.elector.holder();
        if holder != held_by.as_deref() {
            tracing::info!(from = held_by, to = holder, "lease has another holder");
        }
    }

    /// Whoever watches is woken when leadership begins or ends, and reads how long it lasts at each renewal unwoken.
    fn publish(&self) {
        let current = self.elector.leadership();
        self.leadership.send_if_modified(|published| {
            let before = std::mem::replace(published, current);
            matches!(before, Leadership::Leader { .. }) != matches!(current, Leadership::Leader { .. })
        });
    }
}

fn is_vacancy(change: &Change<v1::Lease>) -> bool {
    match change {
        Change::Listed(leases) => leases.iter().any(|lease| record(lease).holder.is_none()),
        Change::Applied(lease) => record(lease).holder.is_none(),
        Change::Deleted(_) => true,
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
