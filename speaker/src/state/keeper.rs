//! Keeps what is wanted and what is agreed on disk: whenever it changes, and once an hour while the API server is in reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claim::Snapshot;
use model::NodeName;
use tokio::sync::{Mutex, watch};

use crate::bgp::peering::Peerings;
use crate::decide::wanted::Wanted;
use crate::state::{self, Kept, State};

/// Changes that come this close together are written once.
const CALM: Duration = Duration::from_secs(1);

/// What has not changed is written this often while the API server is in reach: it is still true then.
const AFRESH: Duration = Duration::from_secs(60 * 60);

/// The file of the state in its folder: by the name of the node, in case that nodes share it.
pub fn file(me: &NodeName) -> String {
    format!("{me}.state")
}

/// Writes to one file. Of all clones one writes at a time.
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
    /// When the API server was last in reach.
    pub contact: watch::Receiver<SystemTime>,
    /// Held by who writes.
    pub writing: Arc<Mutex<()>>,
    /// The start of the machine that this is.
    pub boot_id: Option<String>,
}

/// The name of this start of the machine; none where the kernel does not say it.
pub fn boot_id() -> Option<String> {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(read.trim().to_owned()).filter(|read| !read.is_empty())
}

impl Keeper {
    /// What an earlier process left, and when the API server was last in reach; what cannot be used is left aside, with a word about
    /// it.
    pub fn recall(path: &Path, me: &NodeName) -> (State, SystemTime) {
        match state::read(path, me, now()) {
            Ok(Some(Kept {
                state,
                contact,
                fault,
            })) => {
                if let Some(error) = fault {
                    tracing::warn!(path = %path.display(), %error, "a part of what the last speaker left is old");
                }
                tracing::info!(
                    units = state.wanted.units.len(),
                    peers = state.peerings.peers.len(),
                    "going on from what the last speaker left"
                );
                (state, contact)
            }
            Ok(None) => (State::default(), SystemTime::UNIX_EPOCH),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what the last speaker left is left aside");
                (State::default(), SystemTime::UNIX_EPOCH)
            }
        }
    }

    /// Writes until nobody changes anything any more. What cannot be written is said once.
    pub async fn run(mut self) {
        let mut failed = false;
        let mut written = *self.contact.borrow();
        loop {
            let changed = tokio::select! {
                changed = self.wanted.changed() => changed,
                changed = self.peerings.changed() => changed,
                changed = self.segments.changed() => changed,
                () = aged(&mut self.contact, written) => Ok(()),
            };
            if changed.is_err() {
                return;
            }
            tokio::time::sleep(CALM).await;
            let contact = *self.contact.borrow();
            match self.write().await {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(path = %self.path.display(), %error, "state not kept: a restart without the API server would lose it");
                }
                Err(_) => {}
            }
            // What failed is tried again with the next change, or in an hour.
            written = contact;
        }
    }

    /// Writes what there is now.
    ///
    /// # Errors
    /// The disk is full, read-only, or gone.
    pub async fn write(&mut self) -> std::io::Result<()> {
        let _writing = self.writing.lock().await;
        let state = State {
            wanted: Wanted::clone(&self.wanted.borrow_and_update()),
            peerings: Peerings::clone(&self.peerings.borrow_and_update()),
            segments: self.segments.borrow_and_update().clone(),
            boot_id: self.boot_id.clone(),
        };
        let (path, me, contact) = (self.path.clone(), self.me.clone(), *self.contact.borrow());
        let written = tokio::task::spawn_blocking(move || state::write(&path, &me, contact, &state)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

/// Returns when the API server was in reach so much later than what is `written` says.
async fn aged(contact: &mut watch::Receiver<SystemTime>, written: SystemTime) {
    let is_later = |at: &SystemTime| at.duration_since(written).is_ok_and(|later| later >= AFRESH);
    if contact.wait_for(is_later).await.is_err() {
        std::future::pending().await
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the age of a file is told by the wall clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keeper of node n1 in a folder, and who tells it of contact.
    fn keeper(folder: &Path) -> (Keeper, watch::Sender<SystemTime>, watch::Sender<Arc<Wanted>>) {
        let (contacted, contact) = watch::channel(SystemTime::UNIX_EPOCH);
        let (want, wanted) = watch::channel(Arc::default());
        let keeper = Keeper {
            boot_id: None,
            path: folder.join("n1.state"),
            me: NodeName("n1".into()),
            wanted,
            peerings: watch::channel(Arc::default()).1,
            segments: watch::channel(BTreeMap::new()).1,
            contact,
            writing: Arc::default(),
        };
        (keeper, contacted, want)
    }

    fn contact(path: &Path) -> Option<SystemTime> {
        let kept = state::read(path, &NodeName("n1".into()), SystemTime::UNIX_EPOCH).unwrap();
        kept.map(|kept| kept.contact)
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_change_is_written_again_while_the_api_server_is_in_reach() {
        let folder = tempfile::tempdir().unwrap();
        let (mut keeper, contacted, want) = keeper(folder.path());
        let path = keeper.path.clone();
        // Both stay open.
        let (_peerings, peerings) = watch::channel(Arc::default());
        let (_segments, segments) = watch::channel(BTreeMap::new());
        (keeper.peerings, keeper.segments) = (peerings, segments);
        let running = tokio::spawn(keeper.run());
        tokio::task::yield_now().await;
        let soon = SystemTime::UNIX_EPOCH + AFRESH / 2;
        contacted.send_replace(soon);
        tokio::time::sleep(4 * CALM).await;
        assert_eq!(contact(&path), None, "it is too early");
        let late = SystemTime::UNIX_EPOCH + AFRESH;
        contacted.send_replace(late);
        let written = async {
            while contact(&path) != Some(late) {
                tokio::time::sleep(CALM).await;
            }
        };
        tokio::time::timeout(AFRESH, written).await.unwrap();
        drop(want);
        running.await.unwrap();
    }

    #[tokio::test]
    async fn two_that_write_at_once_leave_a_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _contacted, _want) = keeper(folder.path());
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let mut keeper = keeper.clone();
            writers.spawn(async move { keeper.write().await.unwrap() });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap();
        }
        assert_eq!(contact(&keeper.path), Some(SystemTime::UNIX_EPOCH));
    }
}
