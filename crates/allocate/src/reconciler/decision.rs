//! What a Service should have, against what it has.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::service::ServiceFault;
use config::{Kind, ObjectName};
use ipam::{Request, Sharing};
use k8s_openapi::api::core::v1::Service;
use model::{Family, Labels, ReservationName, ServiceName};

use super::{Reconciler, is_load_balancer, telling};
use crate::desired_status::DesiredStatus;
use crate::task::{Clearing, Reserve, StatusWrite, Task};
use crate::tracked::{Tracked, UnderWay};

/// How long an address that a Service is to lose stays in its status beside the one that replaces it, so that speakers
/// announce the new one before they withdraw the old one, and connections end in peace.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What a Service should have.
struct Decision {
    desired: DesiredStatus,
    /// The reservation that has to keep these addresses before they are shown.
    reserve: Option<(ReservationName, Vec<IpAddr>)>,
}

impl Reconciler {
    /// Decides what a Service should have, and what to do if that is not what its status says. The decision is made
    /// also while a write is under way, so that of two that wait the older one is served whatever is being written.
    pub(super) fn reconcile(&mut self, now: Instant, name: &ServiceName) -> Option<Task> {
        let tracked = self.services.get(name)?;
        let object = Arc::clone(&tracked.object);
        if tracked.gone || !self.release.serves(&object) {
            return self.part_from(now, name);
        }
        if tracked.status_is_known() {
            self.ipam.settle(name, &tracked.assigned());
        }
        let Decision { mut desired, reserve } = self.decide(name, &object)?;
        self.drain(now, name, &object, &mut desired);
        self.contest(now, name, &mut desired);
        desired.withdrawn = self.withdrawn(name, &desired);
        self.note(now, name, &desired);
        if self.must_wait(name) {
            self.hopeful.insert(name.clone());
            return None;
        }
        let tracked = self.services.get_mut(name)?;
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

    /// Whether the status would show for the first time what that of another Service shows still: an address that both
    /// were to share, until one of them was edited.
    fn must_wait(&self, name: &ServiceName) -> bool {
        let shown = self.services.get(name).map(Tracked::assigned).unwrap_or_default();
        self.ipam.contested(name).any(|address| !shown.contains(&address))
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
        if let Some(fault) = self.fault_of_reservation(&request) {
            self.ipam.retain(name, &request.sharing);
            return Some(self.refused(name, "InvalidReservation", fault));
        }
        Some(match self.ipam.assign(&request) {
            Ok(grant) => Decision {
                reserve: self.to_be_reserved(&request, &grant.addresses),
                desired: DesiredStatus::granted(grant, request.families),
            },
            Err(refusal) => {
                let mut decision = self.refused(name, refusal.reason(), refusal.to_string());
                decision.desired.set_aside(&refusal);
                decision
            }
        })
    }

    fn refused(&self, name: &ServiceName, reason: &'static str, why: String) -> Decision {
        let held = self.ipam.held(name).to_vec();
        let desired = DesiredStatus::refused(held, &self.ipam.origins(name), reason, why);
        Decision {
            desired,
            reserve: None,
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

    /// Keeps what was decided, and whether the Service would have more if there were more.
    fn note(&mut self, now: Instant, name: &ServiceName, desired: &DesiredStatus) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        match desired.is_complete() {
            true => self.hopeful.remove(name),
            false => self.hopeful.insert(name.clone()),
        };
        if tracked.set_desired(desired.clone()) {
            self.agenda.publish_soon(now);
        }
    }

    /// Clears the status of a Service that is gone or not ours, when there may be something of ours in it. What another provider shows
    /// on one that is there is given to nobody else.
    fn part_from(&mut self, now: Instant, name: &ServiceName) -> Option<Task> {
        let tracked = self.services.get_mut(name)?;
        self.hopeful.remove(name);
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
            self.forget(now, name);
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
