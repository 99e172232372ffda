//! Keeps what is wanted and what is agreed on disk, whenever it changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claim::Snapshot;
use model::NodeName;
use tokio::sync::watch;

use crate::bgp::peering::Peerings;
use crate::decide::wanted::Wanted;
use crate::state::{self, State};

/// Changes that come this close together are written once.
const CALM: Duration = Duration::from_secs(1);

/// The file of the state in its folder: by the name of the node, in case that nodes share it.
pub fn file(me: &NodeName) -> String {
    format!("{me}.state")
}

/// Writes to one file.
#[derive(Clone)]
pub struct Keeper {
    /// The file.
    pub path: PathBuf,
    /// Whose state it is.
    pub me: NodeName,
    /// What is wanted.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// What peers are to get.
    pub peerings: watch::Receiver<Arc<Peerings>>,
    /// What is agreed.
    pub segments: watch::Receiver<BTreeMap<String, Snapshot>>,
}

impl Keeper {
    /// What an earlier process left; what cannot be used is left aside, with a word about it.
    pub fn recall(path: &std::path::Path, me: &NodeName) -> State {
        match state::read(path, me, now()) {
            Ok(Some(state)) => {
                tracing::info!(
                    units = state.wanted.units.len(),
                    peers = state.peerings.peers.len(),
                    "going on from what the last speaker left"
                );
                state
            }
            Ok(None) => State::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what the last speaker left is left aside");
                State::default()
            }
        }
    }

    /// Writes until nobody changes anything any more. What cannot be written is said once.
    pub async fn run(mut self) {
        let mut failed = false;
        loop {
            let changed = tokio::select! {
                changed = self.wanted.changed() => changed,
                changed = self.peerings.changed() => changed,
                changed = self.segments.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
            tokio::time::sleep(CALM).await;
            match self.write().await {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(path = %self.path.display(), %error, "state not kept: a restart without the API server would lose it");
                }
                Err(_) => {}
            }
        }
    }

    /// Writes what there is now.
    ///
    /// # Errors
    /// The disk is full, read-only, or gone.
    pub async fn write(&mut self) -> std::io::Result<()> {
        let state = State {
            wanted: Wanted::clone(&self.wanted.borrow_and_update()),
            peerings: Peerings::clone(&self.peerings.borrow_and_update()),
            segments: self.segments.borrow_and_update().clone(),
        };
        let (path, me) = (self.path.clone(), self.me.clone());
        let written = tokio::task::spawn_blocking(move || state::write(&path, &me, now(), &state)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the age of a file is told by the wall clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
