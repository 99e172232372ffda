use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kube::core::ObjectMeta;
use model::{PoolName, ServiceName};

use crate::contest::Contest;
use crate::status_updates::IN_USE;
use crate::task::Finalize;

/// The longest pause after a write that failed.
const LONGEST: Duration = Duration::from_secs(32);

/// How often a write may fail for another reason than that the pool has changed before Services wait for it no longer.
const PATIENCE: u32 = 3;

/// The finalizers of the pools: each pool carries one before the first Service shows an address of it, so that a deletion waits, and loses it
/// as soon as no Service does any more.
#[derive(Debug, Default)]
pub(crate) struct Finalizers(BTreeMap<PoolName, Finalizer>);

#[derive(Debug, Default)]
struct Finalizer {
    under_way: bool,
    /// Services that show nothing of the pool before it carries the finalizer.
    waiting: BTreeSet<ServiceName>,
    failures: u32,
    /// Writes that failed for whatever reason since the last that did not.
    tries: u32,
    /// There was no such pool any more when it was to be written, though a watch shows this version still.
    missing: Option<u64>,
    rests_until: Option<Instant>,
    /// Somebody takes the finalizer away again and again.
    contest: Contest,
    /// The finalizer was there when the pool was seen last.
    was_there: bool,
    /// What a write has made of the pool, until a watch has shown that or something later.
    written: Option<ObjectMeta>,
}

impl Finalizer {
    /// The newer of what a watch shows and what was written.
    fn newest<'a>(&'a self, seen: &'a ObjectMeta) -> &'a ObjectMeta {
        let written = self.written.as_ref();
        let newer = |written: &&ObjectMeta| written.uid == seen.uid && version(seen) < version(written);
        written.filter(newer).unwrap_or(seen)
    }
}

impl Finalizers {
    /// What is to be written so that a pool carries the finalizer, or does not.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        pool: &PoolName,
        metadata: &ObjectMeta,
        in_use: bool,
    ) -> Option<Finalize> {
        let known = self.0.entry(pool.clone()).or_default();
        if known.under_way || known.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        if known.missing.is_some() && known.missing == version(metadata) {
            return None;
        }
        let newest = known.newest(metadata).clone();
        let mut finalizers = newest.finalizers.clone().unwrap_or_default();
        let ours = carries(&newest);
        match (in_use, ours, metadata.deletion_timestamp.is_some()) {
            (true, false, false) => finalizers.push(IN_USE.to_owned()),
            (false, true, _) if known.waiting.is_empty() => {
                finalizers.retain(|finalizer| finalizer != IN_USE)
            }
            (true, true, _) | (true, false, true) | (false, _, _) => return None,
        }
        let version = newest.resource_version?;
        known.under_way = true;
        Some(Finalize {
            pool: pool.clone(),
            finalizers,
            version,
        })
    }

    /// Whether a Service may show an address of the pool. If not, it waits to be looked at again.
    pub(crate) fn lets(&mut self, pool: &PoolName, metadata: &ObjectMeta, service: &ServiceName) -> bool {
        let known = self.0.entry(pool.clone()).or_default();
        let ready = carries(known.newest(metadata)) && !known.under_way;
        let closed = metadata.deletion_timestamp.is_some() || known.missing == version(metadata);
        if ready || closed || known.failures >= PATIENCE || known.contest.is_evident() {
            known.waiting.remove(service);
            return true;
        }
        known.waiting.insert(service.clone());
        false
    }

    /// A watch shows the pool.
    pub(crate) fn handle_pool(&mut self, now: Instant, pool: &PoolName, metadata: &ObjectMeta) {
        let known = self.0.entry(pool.clone()).or_default();
        let there = carries(known.newest(metadata));
        if version(metadata) >= known.written.as_ref().and_then(version) {
            known.written = None;
        }
        if known.was_there && !there && !known.under_way {
            known.contest.handle_overwrite(now, None);
            known.rests_until = known.rests_until.max(known.contest.rests_until());
        }
        known.was_there = there;
    }

    /// A write took effect; the Services that waited for it.
    pub(crate) fn handle_written(&mut self, pool: &PoolName, metadata: ObjectMeta) -> BTreeSet<ServiceName> {
        let known = self.0.entry(pool.clone()).or_default();
        known.under_way = false;
        known.failures = 0;
        known.tries = 0;
        known.missing = None;
        known.rests_until = None;
        known.was_there = carries(&metadata);
        known.written = Some(metadata);
        std::mem::take(&mut known.waiting)
    }

    /// A write took no effect, or nobody knows: when to look again, and at which Services. `counts` if the reason is not that the pool has
    /// changed.
    pub(crate) fn handle_failure(
        &mut self,
        now: Instant,
        pool: &PoolName,
        counts: bool,
    ) -> (Instant, BTreeSet<ServiceName>) {
        let known = self.0.entry(pool.clone()).or_default();
        known.under_way = false;
        known.failures += u32::from(counts);
        known.tries += 1;
        let pause = Duration::from_millis(50) * 2u32.pow(known.tries.min(10));
        let until = now + pause.min(LONGEST);
        known.rests_until = Some(until);
        (until, std::mem::take(&mut known.waiting))
    }

    /// The pool is gone, though a watch may show it as it was seen for a while; the Services that waited.
    pub(crate) fn handle_missing(
        &mut self,
        pool: &PoolName,
        seen: Option<&ObjectMeta>,
    ) -> BTreeSet<ServiceName> {
        let known = self.0.entry(pool.clone()).or_default();
        let waiting = std::mem::take(&mut known.waiting);
        *known = Finalizer {
            missing: seen.and_then(version),
            ..Finalizer::default()
        };
        waiting
    }

    /// When the pools are to be reviewed again because a pause is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let pauses = self.0.values().filter_map(|known| known.rests_until);
        pauses.min()
    }

    /// The Services that waited for such a pause to be over; none if none is.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<BTreeSet<ServiceName>> {
        let mut over = None;
        for known in self.0.values_mut() {
            known.contest.handle_timeout(now);
            if known.rests_until.take_if(|until| *until <= now).is_some() {
                let waiting = std::mem::take(&mut known.waiting);
                over.get_or_insert_with(BTreeSet::new).extend(waiting);
            }
        }
        over
    }
}

fn carries(metadata: &ObjectMeta) -> bool {
    metadata
        .finalizers
        .iter()
        .flatten()
        .any(|finalizer| finalizer == IN_USE)
}

fn version(metadata: &ObjectMeta) -> Option<u64> {
    metadata.resource_version.as_ref()?.parse().ok()
}
