use std::collections::BTreeMap;
use std::sync::Arc;

use config::Change;

use super::api::is_selected;
use super::log::{Entry, Who};
use super::object::{Kind, Object};
use super::store::{Gone, Store};

/// The server's end of the watches that are open.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<StreamId, Stream>);

/// The process, and the call that opened the watch.
pub(super) type StreamId = (Who, u64);

#[derive(Debug)]
struct Stream {
    kind: Kind,
    /// How much of the log has been looked at.
    position: usize,
    /// What is not newer than this is not sent, whenever it happened.
    after: u64,
    /// The connection is dead and neither end knows.
    hung: bool,
}

/// What comes through a watch.
#[derive(Debug)]
pub(super) struct Delivery {
    /// None: a bookmark.
    pub(super) change: Option<Change<Arc<Object>>>,
    pub(super) revision: u64,
    /// How much of the log the receiver has seen then.
    pub(super) position: usize,
}

impl Streams {
    /// Opens a watch; how many changes are waiting for it.
    pub(super) fn open(
        &mut self,
        store: &Store,
        id: StreamId,
        kind: Kind,
        after: u64,
    ) -> Result<usize, Gone> {
        let position = store.position_after(after)?;
        let stream = Stream {
            kind,
            position,
            after,
            hung: false,
        };
        self.0.insert(id, stream);
        Ok(store.log().len() - position)
    }

    /// The next change that a watch has to deliver.
    pub(super) fn next(&mut self, store: &Store, id: StreamId) -> Option<Delivery> {
        let stream = self.0.get_mut(&id).filter(|stream| !stream.hung)?;
        while let Some(entry) = store.log().get(stream.position) {
            stream.position += 1;
            if entry.key.kind != stream.kind || entry.revision <= stream.after {
                continue;
            }
            if let Some(change) = change(entry) {
                return Some(Delivery {
                    change: Some(change),
                    revision: entry.revision,
                    position: stream.position,
                });
            }
        }
        None
    }

    /// How far a watch has come.
    pub(super) fn bookmark(&self, store: &Store, id: StreamId) -> Option<Delivery> {
        let stream = self.0.get(&id).filter(|stream| !stream.hung)?;
        let entry = store.log().get(stream.position.checked_sub(1)?)?;
        (entry.revision > stream.after).then_some(Delivery {
            change: None,
            revision: entry.revision,
            position: stream.position,
        })
    }

    pub(super) fn hang(&mut self, id: StreamId) {
        if let Some(stream) = self.0.get_mut(&id) {
            stream.hung = true;
        }
    }

    pub(super) fn close(&mut self, id: StreamId) {
        self.0.remove(&id);
    }

    pub(super) fn is_hung(&self, id: StreamId) -> bool {
        self.0.get(&id).is_some_and(|stream| stream.hung)
    }

    pub(super) fn ids(&self) -> Vec<StreamId> {
        self.0.keys().copied().collect()
    }

    pub(super) fn of_kind(&self, kind: Kind) -> Vec<StreamId> {
        let of_kind = |(id, stream): (&StreamId, &Stream)| (stream.kind == kind).then_some(*id);
        self.0.iter().filter_map(of_kind).collect()
    }

    pub(super) fn kind(&self, id: StreamId) -> Option<Kind> {
        self.0.get(&id).map(|stream| stream.kind)
    }
}

/// What a change is to a watch that selects some of the objects: one that stops matching is deleted for it, and one that
/// never matched does not exist.
fn change(entry: &Entry) -> Option<Change<Arc<Object>>> {
    let selected = |object: &Option<Arc<Object>>| object.clone().filter(|object| is_selected(object));
    match (selected(&entry.before), selected(&entry.after)) {
        (_, Some(after)) => Some(Change::Applied(after)),
        (Some(before), None) => {
            let mut last = Object::clone(&before);
            last.metadata_mut().resource_version = Some(entry.revision.to_string());
            Some(Change::Deleted(Arc::new(last)))
        }
        (None, None) => None,
    }
}
