//! What a Service should have, against what it has.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::service::ServiceFault;
use config::{Kind, ObjectName};
use ipam::{Request, Sharing, Wait};
use k8s_openapi::api::core::v1::Service;
use model::{Family, Labels, ReservationName, ServiceName};

use super::{Reconciler, is_load_balancer, telling};
use crate::desired_status::DesiredStatus;
use crate::task::{Clearing, Reserve, StatusWrite, Task};
use crate::tracked::{Tracked, UnderWay};
use crate::waiting::Awaited;

/// How long an address that a Service is to lose stays in its status beside the one that replaces it, so that speakers
/// announce the new one before they withdraw the old one, and connections end in peace.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What a Service should have.
struct Decision {
    desired: DesiredStatus,
    /// The reservation that has to keep these addresses before they are shown.
    reserve: Option<(ReservationName, Vec<IpAddr>)>,
    /// What may change it, beside the Service and the pools.
    awaited: BTreeSet<Awaited>,
}

impl Reconciler {
    /// Decides what a Service should have, and what to do if that is not what its status says. The decision is made
    /// also while a write is under way, so that of two that wait the older one is served whatever is being written.
    pub(super) fn reconcile(&mut self, now: Instant, name: &ServiceName) -> Option<Task> {
        let tracked = self.services.get(name)?;
        let object = Arc::clone(&tracked.object);
        if tracked.gone || !self.release.serves(&object) {
            return self.part_from(name);
        }
        if tracked.status_is_known() {
            self.ipam.settle(name, &tracked.assigned());
            if self.regains(name) {
                self.rebuild();
                return None;
            }
        }
        let Decision {
            mut desired,
            reserve,
            mut awaited,
        } = self.decide(name, &object)?;
        self.drain(now, name, &object, &mut desired);
        self.contest(now, name, &mut desired);
        desired.withdrawn = self.withdrawn(name, &desired);
        self.note(now, name, &desired);
        let mut held_up_by = self.held_up_by(name);
        if self.others_were_given(name, &held_up_by) {
            self.rebuild();
            return None;
        }
        held_up_by.extend(self.lost_to_writes(name));
        let must_wait = !held_up_by.is_empty();
        let released = held_up_by.into_iter().map(Wait::Address);
        awaited.extend(released.map(Awaited::Ipam));
        let tracked = self.services.get_mut(name)?;
        self.agenda.look_when(tracked.age(), name, awaited);
        if must_wait {
            return None;
        }
        if tracked.in_flight.is_some() {
            return None;
        }
        if let Some((reservation, addresses)) = reserve {
            return self.reserve(name, reservation, addresses);
        }
        // A write that repeats what may be there tells what is there.
        if desired.is_shown_by(&object) && !tracked.in_doubt {
            tracked.told = Some(desired.told());
            tracked.lost.clear();
            return None;
        }
        if let Some(until) = tracked.waits_until(now) {
            self.agenda.look_later(until, name.clone());
            return None;
        }
        let shown = config::service::assigned(&object);
        let gains = desired.addresses.iter().any(|address| !shown.contains(address));
        if gains && !self.pools_are_finalized(now, name) {
            return None;
        }
        self.write(name, &object, desired)
    }

    fn write(&mut self, name: &ServiceName, object: &Arc<Service>, desired: DesiredStatus) -> Option<Task> {
        let tracked = self.services.get_mut(name)?;
        tracked.in_flight = Some(UnderWay::Status);
        tracked.telling = Some(desired.told());
        let form = desired.form(object, &self.release, tracked.in_vain);
        let events = telling::of_write(object, &desired, &tracked.lost, tracked.told.as_deref());
        Some(Task::WriteStatus(Box::new(StatusWrite {
            object: Arc::clone(object),
            desired,
            form,
            events,
        })))
    }

    fn reserve(
        &mut self,
        name: &ServiceName,
        reservation: ReservationName,
        addresses: Vec<IpAddr>,
    ) -> Option<Task> {
        let tracked = self.services.get_mut(name)?;
        tracked.in_flight = Some(UnderWay::Reservation);
        let known = self.objects.object(&object_name(&reservation));
        Some(Task::Reserve(Reserve {
            service: name.clone(),
            version: known.and_then(|object| object.metadata().resource_version.clone()),
            reservation,
            addresses,
        }))
    }

    /// What the Service is to lose and is not to be shown beside what it has.
    fn withdrawn(&self, name: &ServiceName, desired: &DesiredStatus) -> Vec<IpAddr> {
        let leaving = self.ipam.leaving(name).iter().copied();
        leaving
            .filter(|address| !desired.addresses.contains(address))
            .collect()
    }

    /// Says who writes over the status, for as long as somebody does.
    fn contest(&mut self, now: Instant, name: &ServiceName, desired: &mut DesiredStatus) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        tracked.contest.handle_timeout(now);
        if tracked.contest.is_evident() && !desired.addresses.is_empty() {
            desired.contest(tracked.contest.writer());
            if let Some(end) = tracked.contest.ends_at() {
                self.agenda.look_later(end, name.clone());
            }
        }
    }

    /// What the status would show for the first time and that of another Service shows still: addresses that both were to
    /// share, until one of them was edited.
    fn held_up_by(&self, name: &ServiceName) -> Vec<IpAddr> {
        let shown = self.services.get(name).map(Tracked::assigned).unwrap_or_default();
        let contested = self.ipam.contested(name);
        contested.filter(|address| !shown.contains(address)).collect()
    }

    /// Whether one of these addresses was given to another Service by another process, whose status says so, and to this one by a write
    /// alone that did not take place: the status is the record.
    fn others_were_given(&self, name: &ServiceName, held_up_by: &[IpAddr]) -> bool {
        let known = self.services.get(name).is_some_and(Tracked::status_is_known);
        let lost_to_this = |other: &ServiceName, address: IpAddr| {
            let other = self.services.get(other);
            other.is_some_and(|other| {
                let mut lost = other.lost.iter();
                lost.any(|(lost, holder)| *lost == address && holder == name)
            })
        };
        let given = |&address: &IpAddr| {
            let mut others = self.ipam.losing(name, address);
            others.any(|other| lost_to_this(other, address))
        };
        known && held_up_by.iter().any(given)
    }

    /// Addresses that the status shows and that another Service has by a write alone that has not taken place: it may fail, and then
    /// they stay.
    fn lost_to_writes(&self, name: &ServiceName) -> Vec<IpAddr> {
        let lost = self.services.get(name).map_or(&[][..], |tracked| &tracked.lost);
        let by_write = |(address, name): &&(IpAddr, ServiceName)| {
            let holder = self.services.get(name);
            let unsettled = |holder: &Tracked| !holder.in_doubt && !holder.assigned().contains(address);
            holder.is_some_and(unsettled) && self.ipam.has(name, *address)
        };
        lost.iter()
            .filter(by_write)
            .map(|(address, _)| *address)
            .collect()
    }

    /// Whether nobody else has an address any more that the status shows and that another Service was to have.
    fn regains(&self, name: &ServiceName) -> bool {
        self.services.get(name).is_some_and(|tracked| {
            let shown = tracked.assigned();
            let lost = tracked.lost.iter().map(|(address, _)| *address);
            let mut lost = lost.filter(|address| shown.contains(address));
            lost.any(|address| self.ipam.has(name, address) && !self.ipam.is_held_by_others(name, address))
        })
    }

    /// What the Service should have; none while that cannot be told yet.
    fn decide(&mut self, name: &ServiceName, object: &Service) -> Option<Decision> {
        let unknown = Labels::new();
        let labels = self.namespaces.as_ref().and_then(|all| all.get(&*name.namespace));
        if labels.is_none() && self.snapshot.selects_namespaces() {
            return None;
        }
        let request = match config::service::request(object, labels.unwrap_or(&unknown)) {
            Ok(request) => request,
            Err(fault) => {
                match fault == ServiceFault::NoClusterIp {
                    true => self.ipam.forfeit(name),
                    false => self.ipam.retain(name, &config::service::sharing(object)),
                }
                return Some(self.refused(name, fault.reason(), fault.to_string()));
            }
        };
        let mut decision = self.decide_on(name, &request);
        let reservation = request.reservation.map(Awaited::Reservation);
        decision.awaited.extend(reservation);
        Some(decision)
    }

    fn decide_on(&mut self, name: &ServiceName, request: &Request) -> Decision {
        if let Some(fault) = self.fault_of_reservation(request) {
            self.ipam.retain(name, &request.sharing);
            return self.refused(name, "InvalidReservation", fault);
        }
        let mut decision = match self.ipam.assign(request) {
            Ok(grant) => Decision {
                reserve: self.to_be_reserved(request, &grant.addresses),
                desired: DesiredStatus::granted(grant, request.families),
                awaited: BTreeSet::new(),
            },
            Err(refusal) => {
                let mut decision = self.refused(name, refusal.reason(), refusal.to_string());
                decision.desired.set_aside(&refusal);
                decision
            }
        };
        if !decision.desired.is_complete() {
            decision.awaited = self.ipam.waits(request).into_iter().map(Awaited::Ipam).collect();
        }
        decision
    }

    fn refused(&self, name: &ServiceName, reason: &'static str, why: String) -> Decision {
        let held = self.ipam.held(name).to_vec();
        let desired = DesiredStatus::refused(held, &self.ipam.origins(name), reason, why);
        Decision {
            desired,
            reserve: None,
            awaited: BTreeSet::new(),
        }
    }

    fn fault_of_reservation(&self, request: &Request) -> Option<String> {
        let object = object_name(request.reservation.as_ref()?);
        let fault = self.kept.verdicts().get(&object)?.fault.as_ref()?;
        Some(format!("{object} cannot be used: {fault}"))
    }

    /// What the reservation that the Service names has to keep, when it does not keep it yet. Of a family that the
    /// Service has no address of, it goes on keeping what it keeps.
    fn to_be_reserved(
        &self,
        request: &Request,
        granted: &[IpAddr],
    ) -> Option<(ReservationName, Vec<IpAddr>)> {
        let name = request.reservation.clone()?;
        let kept = self.kept.in_force().get(&name).cloned().unwrap_or_default();
        if granted.iter().all(|address| kept.contains(address)) {
            return None;
        }
        let replaced = |kept: &IpAddr| {
            granted
                .iter()
                .any(|address| Family::of(*address) == Family::of(*kept))
        };
        let mut addresses = granted.to_vec();
        addresses.extend(kept.into_iter().filter(|kept| !replaced(kept)));
        Some((name, addresses))
    }

    /// Leaves what the Service is to lose in its status for a while, beside what replaces it, where no other Service has
    /// it and its family has a replacement.
    fn drain(&mut self, now: Instant, name: &ServiceName, object: &Service, desired: &mut DesiredStatus) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        let shown = config::service::assigned(object);
        let replaced = |old: &IpAddr| {
            desired
                .addresses
                .iter()
                .any(|new| Family::of(*new) == Family::of(*old))
        };
        // What no pool has ever given goes at once.
        let origins = self.ipam.origins(name);
        let is_ours = |old: &IpAddr| origins.iter().any(|(address, _)| address == *old);
        let old = self
            .ipam
            .draining(name)
            .into_iter()
            .filter(|old| shown.contains(old) && replaced(old) && is_ours(old));
        let old: Vec<IpAddr> = if desired.allocated {
            old.collect()
        } else {
            Vec::new()
        };
        if old.is_empty() {
            tracked.drains_until = None;
            return;
        }
        let until = *tracked.drains_until.get_or_insert(now + DRAIN_TIME);
        if now < until {
            desired.add_draining(old, &origins);
            self.agenda.look_later(until, name.clone());
        }
    }

    /// Keeps what was decided.
    fn note(&mut self, now: Instant, name: &ServiceName, desired: &DesiredStatus) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        if tracked.set_desired(desired.clone()) {
            self.agenda.publish_soon(now);
        }
    }

    /// Clears the status of a Service that is gone or not ours, when there may be something of ours in it. What another provider shows
    /// on one that is there is given to nobody else.
    fn part_from(&mut self, name: &ServiceName) -> Option<Task> {
        let tracked = self.services.get_mut(name)?;
        self.agenda.forget(name);
        if tracked.in_flight.is_some() {
            self.ipam.retain(name, &Sharing::default());
            return None;
        }
        if !tracked.gone && self.release.ignores(&tracked.object) {
            self.ipam.settle(name, &tracked.assigned());
            return None;
        }
        let of_others = !tracked.gone && is_load_balancer(&tracked.object);
        let holds = !self.ipam.held(name).is_empty();
        let shows = DesiredStatus::any_shown_by(&tracked.object, &self.release);
        if of_others && !holds && !shows && !tracked.in_doubt {
            self.ipam.settle(name, &tracked.assigned());
            return None;
        }
        // Of what it is now the watch shows nothing: it shares with nobody any more.
        self.ipam.retain(name, &Sharing::default());
        tracked.gone = true;
        let holds = holds || !self.ipam.leaving(name).is_empty();
        if !holds && !tracked.in_doubt && !shows {
            self.forget(name);
            return None;
        }
        tracked.in_flight = Some(UnderWay::Clearing);
        Some(Task::Clear(Clearing::LookUp(name.clone())))
    }
}

/// The object that a reservation is.
fn object_name(reservation: &ReservationName) -> ObjectName {
    ObjectName {
        kind: Kind::IPReservation,
        namespace: Some(reservation.namespace.to_string()),
        name: reservation.name.to_string(),
    }
}
