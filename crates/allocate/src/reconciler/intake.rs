//! What the watches and the ends of writes change in what the machine knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use config::{Change, Kind, Novelty, Object, ObjectName, Objects, Reservations, Snapshot, Update};
use crds::{IPReservation, Stored};
use ipam::{Adoption, Claim, Ipam};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use model::{Labels, PoolName, ReservationName, ServiceName};

use super::routing::NodeNews;
use super::{Ending, Former, Reconciler, is_load_balancer};
use crate::tracked::UnderWay;
use crate::waiting::Awaited;

impl Reconciler {
    pub(super) fn on_services(&mut self, now: Instant, change: Change<Service>) {
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
                    .for_each(|(name, object)| self.on_seen(now, &name, object));
            }
            Change::Applied(object) => {
                let name = config::service::name(&object);
                self.departed.handle_progress(&object);
                if !self.departed.is_old_news(&name, &object) {
                    self.on_seen(now, &name, object);
                }
            }
            Change::Deleted(object) => self.on_deleted(now, object),
        }
    }

    fn on_deleted(&mut self, now: Instant, object: Service) {
        let name = config::service::name(&object);
        self.departed.handle_progress(&object);
        let old_news = self.departed.is_old_news(&name, &object);
        self.departed.handle_end(&name, &object);
        if old_news {
            return;
        }
        self.on_seen(now, &name, object);
        self.on_gone(&name);
    }

    /// Services that are no LoadBalancers and show something of ours: their addresses are theirs until that is cleared.
    pub(super) fn on_former(&mut self, services: Option<Vec<Service>>) {
        let Some(services) = services else {
            self.former = Former::NotAskedFor;
            return;
        };
        self.former = Former::Found;
        for object in services {
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
    fn on_seen(&mut self, now: Instant, name: &ServiceName, object: Service) {
        let tracked = self.services.entry(name.clone()).or_default();
        if tracked.observe_from_watch(now, object, &self.release) {
            self.on_news(name);
        }
    }

    /// A version was taken in that is newer than what was known.
    fn on_news(&mut self, name: &ServiceName) {
        let unknown = self.ipam.held(name).is_empty() && self.ipam.leaving(name).is_empty();
        if self.started && unknown && self.claim(name, &Ipam::default()) {
            self.rebuild();
        } else if self.started && !unknown {
            self.note_sharing(name);
            self.note_shown(name);
        }
        self.mark(name);
    }

    /// With whom a Service may share is known before any other is decided about: nobody joins one that shares no more.
    fn note_sharing(&mut self, name: &ServiceName) {
        let Some(tracked) = self.services.get(name) else {
            return;
        };
        if !tracked.gone && self.release.serves(&tracked.object) {
            self.ipam.retain(name, &config::service::sharing(&tracked.object));
        }
    }

    /// What a status shows is taken as soon as it is seen, also while a write is under way that may change it: another
    /// process may have written it.
    fn note_shown(&mut self, name: &ServiceName) {
        let Some(tracked) = self.services.get(name) else {
            return;
        };
        let known = self.ipam.leaving(name).iter().chain(self.ipam.foreign(name));
        let shown: Vec<IpAddr> = known.copied().chain(tracked.assigned()).collect();
        self.ipam.settle(name, &shown);
    }

    /// A Service is gone or no LoadBalancer any more: its addresses stay its own until its status is known to be clear.
    fn on_gone(&mut self, name: &ServiceName) {
        if let Some(tracked) = self.services.get_mut(name) {
            tracked.gone = true;
            tracked.end_seen = true;
        }
        self.mark(name);
    }

    pub(super) fn on_namespaces(&mut self, change: Change<PartialObjectMeta<Namespace>>) {
        let labels = |object: &PartialObjectMeta<Namespace>| {
            (object.name_any(), Labels::from(object.labels().clone()))
        };
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

    pub(super) fn on_objects(&mut self, now: Instant, update: Update) {
        let (kind, about) = (update.kind(), update.about());
        let novelty = self.objects.handle_update(update);
        if kind == Kind::IPPool {
            self.on_pools(now);
        }
        if !self.started {
            return;
        }
        match (kind, novelty) {
            (_, Novelty::Nothing) => {}
            (Kind::IPReservation, Novelty::Content) => self.on_reservations(now, about),
            (_, Novelty::Content) => self.on_configuration(now),
            // What is to be written is compared with the newest version.
            (_, Novelty::Status) => self.agenda.publish_soon(now),
        }
    }

    fn on_reservations(&mut self, now: Instant, about: Option<ObjectName>) {
        let all = self.objects.all::<IPReservation>();
        let changed = match about {
            Some(about) => {
                let object = self.objects.object(&about).and_then(Object::typed);
                let namespace = about.namespace.unwrap_or_default();
                let name = ReservationName::new(namespace, about.name);
                self.kept.update(&name, object, all)
            }
            None => {
                let kept = Reservations::read(all, &self.kept);
                let before = std::mem::replace(&mut self.kept, kept);
                self.kept.changed_since(&before)
            }
        };
        for name in changed {
            let kept = self.kept.in_force().get(&name).cloned().unwrap_or_default();
            self.ipam.set_reservation(&name, kept);
            self.agenda.happened(Awaited::Reservation(name));
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

    /// Nodes have other labels, or are elsewhere in the network: what they have is given to nobody, and who has it keeps it.
    pub(super) fn on_nodes(&mut self, now: Instant, news: NodeNews) {
        if news.labels {
            self.on_configuration(now);
        }
        if news.network && self.started {
            match self.ipam.set_occupied(self.nodes.occupied()) {
                Adoption::Nothing => {}
                Adoption::ClaimAnew => self.rebuild(),
            }
        }
        if news.sessions || news.network {
            self.agenda.publish_soon(now);
        }
    }

    fn read_configuration(&self) -> Snapshot {
        let objects = Objects::of(&self.objects, self.nodes.known());
        Snapshot::read(objects, &self.snapshot)
    }

    pub(super) fn on_ended(&mut self, now: Instant, name: &ServiceName, ending: Ending) {
        self.mark_losing_to(name);
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        let under_way = tracked.in_flight.take();
        match ending {
            Ending::Written {
                object,
                brought_about,
            } => {
                tracked.succeeded(now, brought_about);
                // A Service that went meanwhile stays gone: the reply is older news than the watch's.
                if !tracked.gone {
                    tracked.observe_written(now, *object, &self.release);
                }
                self.mark(name);
            }
            Ending::Cleared(object) if tracked.gone => self.on_cleared(name, object),
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
                self.on_objects(now, Update::from(Change::Applied(Stored::Readable(*object))));
                self.mark(name);
            }
            Ending::Conflict => {
                tracked.failures += 1;
                self.agenda.look_later(now + tracked.back_off(), name.clone());
            }
            Ending::Refused { retry_after } => {
                tracked.failures += 1;
                let pause = tracked.back_off().max(retry_after.unwrap_or_default());
                self.agenda.look_later(now + pause, name.clone());
            }
            Ending::Unknown => {
                tracked.failures += 1;
                tracked.in_doubt |= under_way != Some(UnderWay::Reservation);
                self.agenda.look_later(now + tracked.back_off(), name.clone());
            }
        }
    }

    /// Those that are to lose an address to this Service wait for the end of its write.
    fn mark_losing_to(&mut self, name: &ServiceName) {
        let contested = self.ipam.contested(name);
        let losing = contested.flat_map(|address| self.ipam.losing(name, address));
        let losing: Vec<ServiceName> = losing.cloned().collect();
        losing.iter().for_each(|name| self.mark(name));
    }

    /// Nothing of ours is left in the status of a Service, or there is no such Service any more.
    fn on_cleared(&mut self, name: &ServiceName, object: Option<Box<Service>>) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        match object {
            // It is another provider's.
            Some(object) if is_load_balancer(&object) && !tracked.end_seen => {
                tracked.observe_return(*object);
                self.ipam.release(name);
                self.mark(name);
            }
            object => {
                if object.is_some() || !tracked.end_seen {
                    self.departed
                        .add(name.clone(), &tracked.object, object.as_deref());
                }
                self.forget(name);
            }
        }
    }

    /// Nothing of a Service is left that could show an address.
    pub(super) fn forget(&mut self, name: &ServiceName) {
        self.services.remove(name);
        self.agenda.forget(name);
        self.ipam.release(name);
    }

    pub(super) fn start_when_complete(&mut self, now: Instant) {
        let decisive = [Kind::IPPool, Kind::L2Advertisement, Kind::IPReservation];
        let complete = self.services_listed
            && self.former == Former::Found
            && self.namespaces.is_some()
            && self.nodes.known().is_some()
            && decisive.into_iter().all(|kind| self.objects.is_listed(kind));
        if self.started || !complete {
            return;
        }
        self.started = true;
        self.snapshot = self.read_configuration();
        self.kept = Reservations::read(self.objects.all::<IPReservation>(), &self.kept);
        self.rebuild();
        self.agenda.publish_soon(now);
    }

    /// Finds out anew who holds what, from the status of the Services. Of two with one address that they may not share,
    /// the older one keeps it, as after a restore of the store.
    pub(super) fn rebuild(&mut self) {
        let before = std::mem::take(&mut self.ipam);
        self.ipam.set_pools(self.snapshot.ipam_pools());
        self.ipam.set_occupied(self.nodes.occupied());
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
        let ours = !tracked.gone && self.release.serves(&tracked.object);
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
