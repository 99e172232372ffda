//! What the watches and the ends of writes change in what the machine knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use config::Change;
use config::{Objects, Reservations, Snapshot};
use crds::{IPReservation, Stored};
use ipam::{Adoption, Claim, Ipam};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::ResourceExt;
use model::{Labels, PoolName, ReservationName, ServiceName};

use super::{Ending, Former, Reconciler};
use crate::desired_status::DesiredStatus;
use crate::tracked::Errand;

impl Reconciler {
    pub(super) fn on_services(&mut self, change: Change<Service>) {
        match change {
            Change::Listed(objects) => {
                self.services_listed = true;
                // Whatever the watch missed may have ceased to be a LoadBalancer meanwhile, and be unknown here: another
                // replica that led, or believed so, has written its status.
                self.former = Former::NotAskedFor;
                self.departed.clear();
                let listed: BTreeMap<_, _> = objects
                    .into_iter()
                    .map(|object| (config::service::name(&object), object))
                    .collect();
                let gone: Vec<_> = self
                    .services
                    .keys()
                    .filter(|name| !listed.contains_key(name))
                    .cloned()
                    .collect();
                gone.iter().for_each(|name| self.on_gone(name));
                listed
                    .into_iter()
                    .for_each(|(name, object)| self.on_seen(&name, object));
            }
            Change::Applied(object) => {
                let name = config::service::name(&object);
                self.departed.handle_progress(&object);
                if !self.departed.is_old_news(&name, &object) {
                    self.on_seen(&name, object);
                }
            }
            Change::Deleted(object) => self.on_deleted(object),
        }
    }

    fn on_deleted(&mut self, object: Service) {
        let name = config::service::name(&object);
        self.departed.handle_progress(&object);
        let old_news = self.departed.is_old_news(&name, &object);
        self.departed.handle_end(&name, &object);
        if old_news {
            return;
        }
        self.on_seen(&name, object);
        self.on_gone(&name);
    }

    /// Services that are no LoadBalancers and show something of ours: their addresses are theirs until that is cleared.
    pub(super) fn on_former(&mut self, services: Vec<Service>) {
        self.former = Former::Found;
        let ours = services.into_iter().filter(DesiredStatus::any_shown_by);
        for object in ours {
            let name = config::service::name(&object);
            let tracked = self.services.entry(name.clone()).or_default();
            if tracked.observe(object) {
                tracked.gone = true;
                self.on_news(&name);
            }
        }
    }

    /// A Service is there. A version that is older than one that was seen is late news, from a list too: what was seen
    /// since may be our own write (P-ALLOC-66). That the whole store went back is noticed by the election.
    fn on_seen(&mut self, name: &ServiceName, object: Service) {
        if self.services.entry(name.clone()).or_default().observe(object) {
            self.on_news(name);
        }
    }

    /// A version was taken in that is newer than what was known.
    fn on_news(&mut self, name: &ServiceName) {
        let unknown = self.ipam.held(name).is_empty() && self.ipam.leaving(name).is_empty();
        if self.started && unknown && self.claim(name, &Ipam::default()) {
            self.rebuild();
        }
        self.mark(name);
    }

    /// A Service is gone or no LoadBalancer any more: its addresses stay its own until its status is known to be clear.
    fn on_gone(&mut self, name: &ServiceName) {
        if let Some(tracked) = self.services.get_mut(name) {
            tracked.gone = true;
            tracked.end_seen = true;
        }
        self.mark(name);
    }

    pub(super) fn on_namespaces(&mut self, change: Change<Namespace>) {
        let labels = |object: &Namespace| (object.name_any(), Labels::from(object.labels().clone()));
        let namespaces = self.namespaces.get_or_insert_default();
        let changed: BTreeSet<String> = match change {
            Change::Listed(objects) => {
                *namespaces = objects.iter().map(labels).collect();
                namespaces.keys().cloned().collect()
            }
            Change::Applied(object) => {
                let (name, labels) = labels(&object);
                let before = namespaces.insert(name.clone(), labels.clone());
                let changed = before.as_ref() != Some(&labels);
                changed.then_some(name).into_iter().collect()
            }
            Change::Deleted(object) => {
                namespaces.remove(&object.name_any());
                BTreeSet::new()
            }
        };
        let affected = self
            .services
            .keys()
            .filter(|name| changed.contains(&*name.namespace));
        let affected: Vec<_> = affected.cloned().collect();
        affected.iter().for_each(|name| self.mark(name));
    }

    pub(super) fn on_reservations(&mut self, now: Instant, change: Change<Stored<IPReservation>>) {
        let reservations = self.reservations.get_or_insert_default();
        match change {
            Change::Listed(objects) => {
                *reservations = objects
                    .into_iter()
                    .map(|object| (reservation_name(&object), object))
                    .collect();
            }
            Change::Applied(object) => drop(reservations.insert(reservation_name(&object), object)),
            Change::Deleted(object) => drop(reservations.remove(&reservation_name(&object))),
        }
        if !self.started {
            return;
        }
        let kept = Reservations::read(self.reservations.iter().flat_map(BTreeMap::values), &self.kept);
        if kept != self.kept {
            self.ipam.set_reservations(kept.in_force().clone());
            self.kept = kept;
            self.mark_all();
        }
        self.agenda.publish_soon(now);
    }

    pub(super) fn on_configuration(&mut self, now: Instant) {
        if !self.started {
            return;
        }
        let snapshot = self.read_configuration();
        if snapshot != self.snapshot {
            let pools = snapshot.ipam_pools();
            let other_pools = pools != self.snapshot.ipam_pools();
            self.snapshot = snapshot;
            if other_pools {
                match self.ipam.set_pools(pools) {
                    Adoption::Nothing => self.mark_all(),
                    Adoption::ClaimAnew => self.rebuild(),
                }
            }
        }
        self.agenda.publish_soon(now);
    }

    fn read_configuration(&self) -> Snapshot {
        let objects = Objects {
            pools: self.pools.iter().flat_map(BTreeMap::values).collect(),
            l2_advertisements: self.l2_advertisements.iter().flat_map(BTreeMap::values).collect(),
            ..self.routing.objects()
        };
        Snapshot::read(objects, &self.snapshot)
    }

    pub(super) fn on_ended(&mut self, now: Instant, name: &ServiceName, ending: Ending) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        let errand = tracked.in_flight.take();
        match ending {
            Ending::Written(object) => {
                tracked.succeeded();
                // A Service that went meanwhile stays gone: the reply is older news than the watch's.
                if !tracked.gone {
                    tracked.observe(*object);
                }
                self.mark(name);
            }
            Ending::Cleared(object) if tracked.gone => {
                if object.is_some() || !tracked.end_seen {
                    self.departed
                        .add(name.clone(), &tracked.object, object.as_deref());
                }
                self.forget(now, name);
            }
            // It came back while it was being cleared.
            Ending::Cleared(_) => self.mark(name),
            Ending::Returned(object) => {
                tracked.observe_return(*object);
                self.mark(name);
            }
            Ending::Missing => {
                tracked.gone = true;
                self.mark(name);
            }
            Ending::Reserved(object) => {
                tracked.failures = 0;
                self.on_reservations(now, Change::Applied(Stored::Readable(*object)));
                self.mark(name);
            }
            Ending::Refused { retry_after } => {
                tracked.failures += 1;
                let pause = tracked.back_off().max(retry_after.unwrap_or_default());
                self.agenda.look_later(now + pause, name.clone());
            }
            Ending::Unknown => {
                tracked.failures += 1;
                tracked.in_doubt |= errand != Some(Errand::Reservation);
                self.agenda.look_later(now + tracked.back_off(), name.clone());
            }
        }
    }

    /// Nothing of a Service is left that could show an address.
    pub(super) fn forget(&mut self, now: Instant, name: &ServiceName) {
        self.services.remove(name);
        self.hopeful.remove(name);
        self.ipam.release(name);
        self.wake_the_hopeful(now);
    }

    pub(super) fn start_when_complete(&mut self, now: Instant) {
        let complete = self.services_listed
            && self.former == Former::Found
            && self.namespaces.is_some()
            && self.pools.is_some()
            && self.l2_advertisements.is_some()
            && self.reservations.is_some();
        if self.started || !complete {
            return;
        }
        self.started = true;
        self.snapshot = self.read_configuration();
        self.kept = Reservations::read(self.reservations.iter().flat_map(BTreeMap::values), &self.kept);
        self.rebuild();
        self.agenda.publish_soon(now);
    }

    /// Finds out anew who holds what, from the status of the Services. Of two with one address that they may not share,
    /// the older one keeps it, as after a restore of the store.
    fn rebuild(&mut self) {
        let before = std::mem::take(&mut self.ipam);
        self.loosened = 0;
        self.ipam.set_pools(self.snapshot.ipam_pools());
        self.ipam.set_reservations(self.kept.in_force().clone());
        let by_age: BTreeSet<_> = self
            .services
            .iter()
            .map(|(name, tracked)| (tracked.age(), name.clone()))
            .collect();
        for (_, name) in &by_age {
            self.claim(name, &before);
        }
        self.mark_all();
    }

    /// Takes note of the addresses that a Service's status shows, and of those that a write under way may add to it,
    /// which only `before` knows. Whether another Service has one of them.
    fn claim(&mut self, name: &ServiceName, before: &Ipam) -> bool {
        let Some(tracked) = self.services.get_mut(name) else {
            return false;
        };
        let ours = !tracked.gone && config::service::is_ours(&tracked.object, &self.classes);
        if !ours && !tracked.gone && !DesiredStatus::any_shown_by(&tracked.object) {
            return false;
        }
        let mut addresses = tracked.assigned();
        if tracked.gone || !tracked.status_is_known() {
            addresses.extend(before.held(name).iter().chain(before.leaving(name)));
        }
        if !ours {
            // Nobody's until it is cleared, and no reason to take them from a Service that has them too.
            self.ipam.settle(name, &addresses);
            return false;
        }
        let recorded = config::service::recorded_pools(&tracked.object);
        let known = before.origins(name);
        let owned = |(address, pool): (IpAddr, &PoolName)| (address, pool.clone());
        let claim = Claim {
            addresses,
            sharing: config::service::sharing(&tracked.object),
            origins: recorded.iter().chain(known.iter()).map(owned).collect(),
        };
        tracked.lost = self.ipam.claim(name, claim);
        !tracked.lost.is_empty()
    }
}

fn reservation_name(object: &Stored<IPReservation>) -> ReservationName {
    ReservationName::new(object.namespace().unwrap_or_default(), object.name_any())
}
