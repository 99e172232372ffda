use std::collections::BTreeMap;
use std::sync::Arc;

use claim::Snapshot;
use tokio::sync::watch;

/// What was agreed on each segment, for a later life of the interface or of the process. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Memory(Arc<watch::Sender<BTreeMap<String, Snapshot>>>);

impl Memory {
    /// A memory that begins with what an earlier process left.
    pub fn new(left: BTreeMap<String, Snapshot>) -> Self {
        Self(Arc::new(watch::Sender::new(left)))
    }

    /// What is remembered, by interface, and of every change.
    pub fn follow(&self) -> watch::Receiver<BTreeMap<String, Snapshot>> {
        self.0.subscribe()
    }

    pub(super) fn of(&self, iface: &str) -> Snapshot {
        self.0.borrow().get(iface).cloned().unwrap_or_default()
    }

    pub(super) fn record(&self, iface: &str, snapshot: Snapshot) {
        self.0.send_if_modified(|all| {
            let changed = all.get(iface) != Some(&snapshot);
            if changed {
                all.insert(iface.to_owned(), snapshot);
            }
            changed
        });
    }
}
