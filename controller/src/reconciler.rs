//! The machine that gives Services their addresses: what the watches and the writes say goes in, what to write comes out.
//!
//! No I/O and no clock: time is an argument. The driver feeds one [`Input`], then drains [`Reconciler::poll_action`],
//! then waits for the next input or for [`Reconciler::poll_timeout`].
//!
//! It reconciles from the whole state: an input marks Services as dirty, and a dirty Service is compared with what it
//! should be. Nothing is given out before every watch has delivered its first list and every address that a status
//! holds is claimed (P-ALLOC-55, P-CFG-45).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use config::Snapshot;
use config::service::Classes;
use crds::{IPPool, L2Advertisement};
use ipam::Ipam;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::ResourceExt;
use model::{Labels, ServiceName};
use process::watch::Change;

use crate::agenda::Agenda;
use crate::standing::Standing;
use crate::tracked::Tracked;

/// What happened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once an event, never stored"
)]
pub(crate) enum Input {
    /// A watch of Services of type LoadBalancer.
    Services(Change<Service>),
    /// A watch of Namespaces.
    Namespaces(Change<Namespace>),
    /// A watch of IPPools.
    Pools(Change<IPPool>),
    /// A watch of L2Advertisements.
    L2Advertisements(Change<L2Advertisement>),
    /// An [`Action::Write`] or [`Action::Clear`] ended.
    Ended(ServiceName, Ending),
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The status is written; this is the object as the API server has it now.
    Written(Box<Service>),
    /// The Service holds nothing of ours any more, or is gone.
    Cleared,
    /// The object had changed meanwhile, or nobody knows whether the write took place.
    Failed,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Write the status of a Service, if it is still at the version that the decision was made from.
    Write {
        /// The object that the decision was made from.
        object: Arc<Service>,
        /// What its status is to say.
        standing: Standing,
    },
    /// Take our part out of the status of a Service that is gone or is not ours any more.
    Clear(ServiceName),
    /// Bring the status of the custom resources up to date with these.
    Publish(Box<Publication>),
}

/// What the status of the custom resources is to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Publication {
    /// What became of each object.
    pub(crate) snapshot: Snapshot,
    /// How full each pool is.
    pub(crate) usage: BTreeMap<model::PoolName, ipam::Usage>,
    /// Services with all they ask for, and Services that wait.
    pub(crate) served: (usize, usize),
    /// The objects as last seen, whose status may say so already.
    pub(crate) pools: BTreeMap<String, IPPool>,
    /// The same for L2Advertisements.
    pub(crate) l2_advertisements: BTreeMap<String, L2Advertisement>,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Reconciler {
    classes: Classes,
    services: BTreeMap<ServiceName, Tracked>,
    namespaces: Option<BTreeMap<String, Labels>>,
    pools: Option<BTreeMap<String, IPPool>>,
    l2_advertisements: Option<BTreeMap<String, L2Advertisement>>,
    services_listed: bool,
    /// Every watch has delivered its first list and every address is claimed.
    started: bool,
    snapshot: Snapshot,
    ipam: Ipam,
    agenda: Agenda,
}

impl Reconciler {
    /// A machine that has seen nothing yet.
    pub(crate) fn new(classes: Classes) -> Self {
        Self {
            classes,
            services: BTreeMap::new(),
            namespaces: None,
            pools: None,
            l2_advertisements: None,
            services_listed: false,
            started: false,
            snapshot: Snapshot::default(),
            ipam: Ipam::default(),
            agenda: Agenda::default(),
        }
    }

    /// Whether every first list is in and every held address is claimed.
    pub(crate) fn started(&self) -> bool {
        self.started
    }

    /// Takes in what happened.
    pub(crate) fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Services(change) => self.on_services(change),
            Input::Namespaces(change) => self.on_namespaces(change),
            Input::Pools(change) => {
                change.apply_to(self.pools.get_or_insert_default());
                self.on_configuration(now);
            }
            Input::L2Advertisements(change) => {
                change.apply_to(self.l2_advertisements.get_or_insert_default());
                self.on_configuration(now);
            }
            Input::Ended(name, ending) => self.on_ended(now, &name, ending),
        }
        self.start_when_complete(now);
    }

    /// Acts on timers that are due. Safe to call early or twice.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for name in self.agenda.retries_due(now) {
            self.mark(&name);
        }
    }

    /// The next thing to do.
    pub(crate) fn poll_action(&mut self, now: Instant) -> Option<Action> {
        if !self.started {
            return None;
        }
        while let Some(name) = self.agenda.next() {
            if let Some(action) = self.reconcile(now, &name) {
                return Some(action);
            }
        }
        self.agenda
            .publication_due(now)
            .then(|| Action::Publish(Box::new(self.publication())))
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_action`] should be called again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.poll_timeout()
    }

    fn on_services(&mut self, change: Change<Service>) {
        match change {
            Change::Listed(objects) => {
                self.services_listed = true;
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
                for (name, object) in listed {
                    // The store may have been restored to an older state: a list is always believed.
                    self.services.entry(name.clone()).or_default().replace(object);
                    self.on_seen(&name);
                }
            }
            Change::Applied(object) => {
                let name = config::service::name(&object);
                if self.services.entry(name.clone()).or_default().observe(object) {
                    self.on_seen(&name);
                }
            }
            Change::Deleted(object) => self.on_gone(&config::service::name(&object)),
        }
    }

    /// A Service is there, in a version not seen before.
    fn on_seen(&mut self, name: &ServiceName) {
        if self.started && self.ipam.held(name).is_empty() {
            self.claim(name);
        }
        self.mark(name);
    }

    /// A Service is gone or no LoadBalancer any more: its addresses stay its own until its status is known to be clear.
    fn on_gone(&mut self, name: &ServiceName) {
        if let Some(tracked) = self.services.get_mut(name) {
            tracked.gone = true;
        }
        self.mark(name);
    }

    fn on_namespaces(&mut self, change: Change<Namespace>) {
        let labels = |object: &Namespace| (object.name_any(), object.labels().clone());
        let namespaces = self.namespaces.get_or_insert_default();
        let changed: Vec<String> = match change {
            Change::Listed(objects) => {
                *namespaces = objects.iter().map(labels).collect();
                namespaces.keys().cloned().collect()
            }
            Change::Applied(object) => {
                let (name, labels) = labels(&object);
                let before = namespaces.insert(name.clone(), labels.clone());
                if before.as_ref() == Some(&labels) {
                    Vec::new()
                } else {
                    vec![name]
                }
            }
            Change::Deleted(object) => {
                namespaces.remove(&object.name_any());
                Vec::new()
            }
        };
        let changed: BTreeSet<String> = changed.into_iter().collect();
        let affected: Vec<_> = self
            .services
            .keys()
            .filter(|name| changed.contains(&name.namespace))
            .cloned()
            .collect();
        affected.iter().for_each(|name| self.mark(name));
    }

    fn on_configuration(&mut self, now: Instant) {
        if !self.started {
            return;
        }
        let snapshot = self.read_configuration();
        if snapshot != self.snapshot {
            self.ipam.set_pools(snapshot.ipam_pools());
            self.snapshot = snapshot;
            self.mark_all();
        }
        self.agenda.publish_soon(now);
    }

    fn read_configuration(&self) -> Snapshot {
        let pools = self.pools.iter().flat_map(BTreeMap::values);
        Snapshot::read(
            pools,
            self.l2_advertisements.iter().flat_map(BTreeMap::values),
            &self.snapshot,
        )
    }

    fn on_ended(&mut self, now: Instant, name: &ServiceName, ending: Ending) {
        let Some(tracked) = self.services.get_mut(name) else {
            return;
        };
        tracked.in_flight = false;
        match ending {
            Ending::Written(object) => {
                tracked.failures = 0;
                // A Service that went meanwhile stays gone: the reply is older news than the watch's.
                if !tracked.gone {
                    tracked.observe(*object);
                }
                self.mark(name);
            }
            Ending::Cleared if tracked.gone => {
                self.services.remove(name);
                if self.ipam.release(name) {
                    self.mark_waiting();
                    self.agenda.publish_soon(now);
                }
            }
            // It came back while it was being cleared.
            Ending::Cleared => self.mark(name),
            Ending::Failed => {
                tracked.failures += 1;
                let at = now + tracked.back_off();
                self.agenda.retry_at(at, name.clone());
            }
        }
    }

    fn start_when_complete(&mut self, now: Instant) {
        let complete = self.services_listed
            && self.namespaces.is_some()
            && self.pools.is_some()
            && self.l2_advertisements.is_some();
        if self.started || !complete {
            return;
        }
        self.started = true;
        self.snapshot = self.read_configuration();
        self.ipam.set_pools(self.snapshot.ipam_pools());
        let by_age: BTreeSet<_> = self
            .services
            .iter()
            .map(|(name, tracked)| (tracked.age(), name.clone()))
            .collect();
        by_age.iter().for_each(|(_, name)| self.claim(name));
        self.mark_all();
        self.agenda.publish_soon(now);
    }

    /// Takes note of the addresses that a Service's status holds. Of two Services with one address, the one that is
    /// claimed first keeps it; the other is given a new one when it is reconciled.
    fn claim(&mut self, name: &ServiceName) {
        let Some(tracked) = self.services.get(name) else {
            return;
        };
        if !config::service::is_ours(&tracked.object, &self.classes) {
            return;
        }
        for (ip, holder) in self.ipam.claim(name, &tracked.assigned()) {
            tracing::warn!(service = %name, %ip, to = %holder, "address in the status is held by another service");
        }
    }

    fn reconcile(&mut self, now: Instant, name: &ServiceName) -> Option<Action> {
        let tracked = self.services.get(name)?;
        if tracked.in_flight {
            return None;
        }
        if tracked.gone || !config::service::is_ours(&tracked.object, &self.classes) {
            return self.part_from(name);
        }
        let object = Arc::clone(&tracked.object);
        let before = self.ipam.held(name).to_vec();
        let standing = self.standing(name, &object)?;
        if before.iter().any(|ip| !standing.addresses.contains(ip)) {
            self.mark_waiting();
        }
        let tracked = self.services.get_mut(name)?;
        let changed = tracked.set_standing(standing.clone());
        let write = !standing.is_shown_by(&object);
        tracked.in_flight = write;
        if changed {
            self.agenda.publish_soon(now);
        }
        write.then_some(Action::Write { object, standing })
    }

    /// What the Service should have; none while that cannot be told yet.
    fn standing(&mut self, name: &ServiceName, object: &Service) -> Option<Standing> {
        let unknown = Labels::new();
        let labels = self.namespaces.as_ref().and_then(|all| all.get(&name.namespace));
        if labels.is_none() && self.snapshot.selects_namespaces() {
            return None;
        }
        let held = |ipam: &Ipam| -> Vec<IpAddr> { ipam.held(name).to_vec() };
        Some(
            match config::service::request(object, labels.unwrap_or(&unknown)) {
                Err(fault) => Standing::refused(held(&self.ipam), fault.reason(), &fault),
                Ok(request) => match self.ipam.assign(&request) {
                    Ok(grant) => Standing::granted(grant),
                    Err(refusal) => Standing::refused(held(&self.ipam), refusal.reason(), &refusal),
                },
            },
        )
    }

    /// Clears the status of a Service that is gone or not ours, when there may be something of ours in it.
    fn part_from(&mut self, name: &ServiceName) -> Option<Action> {
        let tracked = self.services.get_mut(name)?;
        tracked.gone = true;
        if self.ipam.held(name).is_empty() && !Standing::any_shown_by(&tracked.object) {
            self.services.remove(name);
            return None;
        }
        tracked.in_flight = true;
        Some(Action::Clear(name.clone()))
    }

    fn publication(&self) -> Publication {
        let waiting = self.services.values().filter(|tracked| tracked.waits()).count();
        Publication {
            snapshot: self.snapshot.clone(),
            usage: self.ipam.usage(),
            served: (self.services.len() - waiting, waiting),
            pools: self.pools.clone().unwrap_or_default(),
            l2_advertisements: self.l2_advertisements.clone().unwrap_or_default(),
        }
    }

    fn mark(&mut self, name: &ServiceName) {
        if let Some(tracked) = self.services.get(name) {
            self.agenda.look_at(tracked.age(), name.clone());
        }
    }

    fn mark_all(&mut self) {
        for (name, tracked) in &self.services {
            self.agenda.look_at(tracked.age(), name.clone());
        }
    }

    fn mark_waiting(&mut self) {
        for (name, tracked) in self.services.iter().filter(|(_, tracked)| tracked.waits()) {
            self.agenda.look_at(tracked.age(), name.clone());
        }
    }
}

#[cfg(test)]
mod tests;
