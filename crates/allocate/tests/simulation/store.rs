//! The store behind the simulated API server: objects with versions, and all that ever happened to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::log::{Author, Entry, Stamp};
use super::object::{Key, Kind, Object};

/// When these worlds begin: the first of January 2026.
const MIDNIGHT: i64 = 1_767_225_600;
/// How far a restored store is moved ahead where the one who restores it does so (etcd #16028).
const BUMP: u64 = 1_000_000;

/// The store.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Object>>,
    revision: u64,
    /// Everything that ever happened. Watches see it from `oldest` on; the oracle sees it all.
    log: Vec<Entry>,
    oldest: usize,
    oldest_revision: u64,
}

/// An older state of the store.
#[derive(Clone, Debug)]
pub(super) struct Backup {
    objects: BTreeMap<Key, Arc<Object>>,
    revision: u64,
}

/// How a store is set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restore {
    /// Revisions go on from that of the backup: those that clients have seen are given out a second time.
    Plain,
    /// Revisions go on far above all that clients have seen, and every older one counts as compacted.
    Bumped,
}

/// A watch asked for changes since a revision that the server knows nothing of any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Store {
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Arc<Object>)> {
        let first = Key::new(kind, "", "");
        self.objects
            .range(first..)
            .take_while(move |(key, _)| key.kind == kind)
    }

    pub(super) fn log(&self) -> &[Entry] {
        &self.log
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The last change of an object, and where in the log it is.
    pub(super) fn last_change(&self, key: &Key) -> Option<(usize, &Entry)> {
        self.log.iter().enumerate().rfind(|(_, entry)| entry.key == *key)
    }

    /// Creates or replaces an object, which gets a new version.
    pub(super) fn put(&mut self, stamp: Stamp, key: Key, mut object: Object) -> Arc<Object> {
        self.revision += 1;
        object.metadata_mut().resource_version = Some(self.revision.to_string());
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.record(stamp, key, before, Some(Arc::clone(&object)));
        object
    }

    /// Deletes an object, or notes that its deletion is asked for while it has finalizers.
    pub(super) fn delete(&mut self, stamp: Stamp, key: &Key) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        let metadata = object.metadata();
        if metadata.finalizers.as_ref().is_none_or(Vec::is_empty) {
            self.revision += 1;
            let before = self.objects.remove(key);
            self.record(stamp, key.clone(), before, None);
        } else if metadata.deletion_timestamp.is_none() {
            let mut object = Object::clone(object);
            object.metadata_mut().deletion_timestamp = Some(time(stamp.at));
            self.put(stamp, key.clone(), object);
        }
    }

    /// Where in the log a watch goes on that has seen everything up to `revision`. One from the future is let in and sees
    /// nothing until the store has come that far (Kubernetes #107457).
    pub(super) fn position_after(&self, revision: u64) -> Result<usize, Gone> {
        if revision < self.oldest_revision {
            return Err(Gone);
        }
        let visible = &self.log[self.oldest..];
        Ok(self.oldest + visible.partition_point(|entry| entry.revision <= revision))
    }

    /// The server forgets its history.
    pub(super) fn compact(&mut self) {
        self.oldest = self.log.len();
        self.oldest_revision = self.revision;
    }

    pub(super) fn backup(&self) -> Backup {
        Backup {
            objects: self.objects.clone(),
            revision: self.revision,
        }
    }

    /// Goes back to `backup`. The server starts anew with it, so that all its watches break.
    pub(super) fn restore(&mut self, at: Duration, backup: Backup, how: Restore) {
        self.revision = match how {
            Restore::Plain => backup.revision,
            Restore::Bumped => self.revision + BUMP,
        };
        let former = std::mem::replace(&mut self.objects, backup.objects);
        let mut keys: Vec<_> = former.keys().chain(self.objects.keys()).cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        let author = Author::Restore;
        for key in keys {
            let (before, after) = (former.get(&key).cloned(), self.objects.get(&key).cloned());
            if before != after {
                self.record(Stamp { at, author }, key, before, after);
            }
        }
        self.compact();
    }

    fn record(&mut self, stamp: Stamp, key: Key, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        self.log.push(Entry {
            stamp,
            revision: self.revision,
            key,
            before,
            after,
        });
    }
}

/// The time of day in the store, in whole seconds, as the API server has it: several objects are equally old.
pub(super) fn time(at: Duration) -> Time {
    let seconds = i64::try_from(at.as_secs()).expect("minutes, not ages");
    Time(Timestamp::from_second(MIDNIGHT + seconds).expect("a year that there is"))
}
