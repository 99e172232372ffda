use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::limit::Limiter;
use crate::wire::Octets;
use crate::{Counters, Event, Input, Interest, Mac, Settings, Transmit};

mod agenda;
mod announcing;
mod claims;
mod first_use;
mod frames;
mod held;
mod questions;
mod strangers;

use agenda::{Agenda, Task};
use claims::Claims;
use first_use::Conflicts;
use held::{Held, Role};
use questions::Asked;

/// Speaks for the addresses that a node holds on one interface: see the crate's documentation for its run loop.
///
/// Memory grows with what the driver asks for and with nothing that arrives.
#[derive(Debug)]
pub struct Responder {
    mac: Mac,
    addresses: BTreeSet<IpAddr>,
    siblings: BTreeSet<Mac>,
    /// None until it is told.
    cluster: Option<BTreeSet<Mac>>,
    yielding: BTreeSet<IpAddr>,
    /// What speakers say of these is told of, held or not; of those that are not, as far as needed to not repeat oneself.
    shared: BTreeMap<IpAddr, Option<Claims>>,
    /// When each speaker was last told of.
    neighbors: BTreeMap<Mac, Instant>,
    quiet: bool,
    refresh: Duration,
    held: BTreeMap<IpAddr, Held>,
    asked: BTreeMap<IpAddr, Asked>,
    conflicts: Conflicts,
    agenda: Agenda,
    limiter: Limiter,
    interest_changed: bool,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Responder {
    /// A responder that holds nothing yet, for the interface with this hardware address.
    pub fn new(mac: Mac, settings: Settings) -> Self {
        let Settings {
            refresh,
            per_source,
            total,
        } = settings;
        Self {
            mac,
            addresses: BTreeSet::new(),
            siblings: BTreeSet::new(),
            cluster: None,
            yielding: BTreeSet::new(),
            shared: BTreeMap::new(),
            neighbors: BTreeMap::new(),
            quiet: false,
            refresh: refresh.max(Duration::from_secs(1)),
            held: BTreeMap::new(),
            asked: BTreeMap::new(),
            conflicts: Conflicts::default(),
            agenda: Agenda::default(),
            limiter: Limiter::new(per_source, total),
            interest_changed: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes one input. The driver drains before the next frame or timeout.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Frame(octets) => self.on_frame(now, octets),
            Input::Hold(address) => self.on_role(now, address, Role::Holder),
            Input::Surrogate { address, mac } => self.on_role(now, address, Role::Surrogate(mac)),
            Input::Release(address) => self.on_release(address),
            Input::Interface { mac, addresses } => self.on_interface(now, mac, addresses),
            Input::CarrierUp => self.announce_anew(now),
            Input::Quiet(quiet) => self.on_quiet(now, quiet),
            Input::Siblings(siblings) => self.siblings = siblings,
            Input::Cluster(cluster) => self.on_cluster(now, cluster),
            Input::Yielding(yielding) => self.on_yielding(now, yielding),
            Input::Shared(shared) => self.on_shared(&shared),
            Input::Announce(address) => self.announce_once(address),
            Input::Probe { address, mac } => self.on_probe(now, address, mac),
            Input::FirstUse(address) => self.on_first_use(now, address),
        }
    }

    /// Does what is due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(task) = self.agenda.pop(now) {
            match task {
                Task::Announce(address) => self.announce(now, address),
                Task::Watch(address) => self.watch(now, address),
                Task::Begin(address) => self.ask_or_begin(now, address),
                Task::FirstUse(address) => self.ask_first_use(now, address),
                Task::Forget(address) => self.forget(address),
            }
        }
    }

    /// What the kernel is to let through from now on, if that is something else than at the last call. To be seen to
    /// before the frames of [`Self::poll_transmit`] go out: the answers to them may come at once.
    pub fn poll_interest(&mut self) -> Option<Interest> {
        std::mem::take(&mut self.interest_changed).then(|| self.interest())
    }

    /// What the kernel is to let through.
    pub fn interest(&self) -> Interest {
        Interest {
            held: self.held.keys().copied().collect(),
            asked: self.asked.keys().copied().collect(),
            shared: self.shared.keys().copied().collect(),
        }
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// The addresses that are answered for, as holder or as surrogate, in order.
    pub fn held(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.held.keys().copied()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn on_role(&mut self, now: Instant, address: IpAddr, role: Role) {
        match self.held.entry(address) {
            Entry::Occupied(known) if known.get().role == role => return,
            Entry::Occupied(mut known) => {
                known.get_mut().role = role;
                known.get_mut().asking = None;
                self.agenda.clear(Task::Begin(address));
                // What was to be said of the station before is no longer true.
                purge(&mut self.transmits, address);
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Held::new(role));
                self.interest_changed = true;
            }
        }
        self.begin_announcing(now, address);
    }

    fn on_release(&mut self, address: IpAddr) {
        if self.held.remove(&address).is_some() {
            self.agenda.clear(Task::Announce(address));
            self.agenda.clear(Task::Watch(address));
            self.agenda.clear(Task::Begin(address));
            self.agenda.clear(Task::FirstUse(address));
            purge(&mut self.transmits, address);
            self.interest_changed = true;
        }
    }

    fn on_interface(&mut self, now: Instant, mac: Mac, addresses: BTreeSet<IpAddr>) {
        self.addresses = addresses;
        if self.mac != mac {
            self.mac = mac;
            self.announce_anew(now);
        }
    }

    fn transmit(&mut self, about: IpAddr, octets: Octets) {
        self.transmits.push_back(Transmit { about, octets });
    }
}

/// Takes back what was to be sent about the address and has not been.
fn purge(transmits: &mut VecDeque<Transmit>, address: IpAddr) {
    transmits.retain(|transmit| transmit.about != address);
}

#[cfg(test)]
mod tests;
