//! The finalizers of the pools.

use std::collections::BTreeSet;
use std::time::Instant;

use crds::IPPool;
use kube::{Resource, ResourceExt};
use model::{PoolName, ServiceName};

use super::Reconciler;
use crate::task::{Finalized, Task};

impl Reconciler {
    /// A watch says something of the pools.
    pub(super) fn on_pools(&mut self, now: Instant) {
        for object in self.objects.all::<IPPool>() {
            self.finalizers
                .handle_pool(now, &PoolName(object.name_any()), object.meta());
        }
    }

    /// Whether every pool that the Service is to show an address of carries the finalizer; if not, that is brought about.
    pub(super) fn pools_are_finalized(&mut self, now: Instant, name: &ServiceName) -> bool {
        let origins = self.ipam.origins(name);
        let pools: BTreeSet<PoolName> = origins.iter().map(|(_, pool)| pool.clone()).collect();
        let mut ready = true;
        for pool in pools {
            let Some(object) = self.objects.named::<IPPool>(&pool.0) else {
                continue;
            };
            if self.finalizers.lets(&pool, object.meta(), name) {
                continue;
            }
            ready = false;
            let write = self.finalizers.write(now, &pool, object.meta(), true);
            self.tasks.extend(write.map(Task::Finalize));
        }
        ready
    }

    /// Pools that are used and do not say so, and pools that say so and are not used.
    pub(super) fn review_finalizers(&mut self, now: Instant) {
        let usage = self.ipam.usage();
        for object in self.objects.all::<IPPool>() {
            let pool = PoolName(object.name_any());
            let in_use = usage.get(&pool).is_some_and(ipam::Usage::in_use);
            let write = self.finalizers.write(now, &pool, object.meta(), in_use);
            self.tasks.extend(write.map(Task::Finalize));
        }
    }

    pub(super) fn on_finalized(&mut self, now: Instant, pool: &PoolName, finalized: Finalized) {
        let waiting = match finalized {
            Finalized::Written(metadata) => self.finalizers.handle_written(pool, *metadata),
            Finalized::Missing => {
                let seen = self.objects.named::<IPPool>(&pool.0).map(Resource::meta);
                let waiting = self.finalizers.handle_missing(pool, seen);
                waiting.iter().for_each(|name| self.mark(name));
                return;
            }
            Finalized::Conflict | Finalized::Refused | Finalized::Unknown => {
                let counts = finalized != Finalized::Conflict;
                let (until, waiting) = self.finalizers.handle_failure(now, pool, counts);
                for name in waiting {
                    self.agenda.look_later(until, name);
                }
                return;
            }
        };
        waiting.iter().for_each(|name| self.mark(name));
        self.agenda.publish_soon(now);
    }
}
