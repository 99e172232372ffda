use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use model::NodeName;

use crate::claims::Published;
use crate::facts::Facts;
use crate::identity::Node;
use crate::neighbors::{ChangedClaims, Effects, Hurry, Neighbors};
use crate::own::{Held, Own};
use crate::rules;
use crate::seal::SenderKey;
use crate::wire::Message;
use crate::{
    Counters, Event, Holder, Identity, Input, Keys, Member, Role, Settings, Shutdown, Snapshot, Strength,
    Transmit, Unit, UnitId, Why,
};

mod arp;
mod phase;
mod roles;
mod speak;

/// With so many units, a look at all of them takes as long as many datagrams do.
const MANY: usize = 100;
/// The time for which such a look waits for more to look at, for each [`MANY`] units.
const GATHERING: Duration = Duration::from_millis(1);

/// One node's part in the agreement on one segment: see the crate's documentation for its run loop.
///
/// Memory grows with the units of the segment and the nodes on it, whose number and whose claims are bounded, and with
/// nothing else that arrives.
#[derive(Debug)]
pub struct Segment {
    me: Identity,
    node: Node,
    settings: Settings,
    sealer: SenderKey,
    mac: [u8; 6],
    addresses: BTreeSet<IpAddr>,
    phase: Phase,
    /// Since when there has been no carrier.
    carrier_lost: Option<Instant>,
    /// When we last ran.
    ran: Instant,
    neighbors: Neighbors,
    facts: Facts,
    own: Own,
    roles: BTreeMap<UnitId, Role>,
    /// Why the roles are about to change.
    reasons: BTreeMap<UnitId, Why>,
    quiet: bool,
    unheard: bool,
    published: Published,
    beacon_due: Instant,
    beacon_sent: Option<Instant>,
    /// The oldest version that somebody who asked for our claims has.
    asked: Option<u32>,
    repaired: Option<Instant>,
    /// Whether anything happened that the rules must look at, at the latest at this time.
    wake: Option<Instant>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

/// What a speaker is doing about units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It hears what others hold before it answers; without a time, until it has a carrier.
    Listening(Option<Instant>),
    Ready,
    /// It leaves the work to another interface of its node on the same LAN.
    Second,
    /// It has said that it will be replaced.
    Ended,
}

impl Segment {
    /// A machine that begins by listening. A snapshot is what [`Self::snapshot`] gave in the speaker's last life; an
    /// empty one is always safe.
    pub fn new(now: Instant, me: Identity, settings: Settings, keys: Keys, snapshot: Snapshot) -> Self {
        let node = Node::of(&me.node);
        let sealer = keys.seal.of_sender(crate::wire::name_octets(&me.node), me.boot);
        let Snapshot { claims, terms, seen } = snapshot;
        let own = Own {
            able: true,
            fresh: true,
            claims: claims
                .into_iter()
                .map(|(unit, (strength, term))| (unit, Held::suspended(now, strength, term)))
                .collect(),
            terms,
            ..Own::default()
        };
        Self {
            node,
            sealer,
            published: Published::new(speak::room_for_entries(&me.node), own.told(now)),
            phase: Phase::Listening(Some(now + settings.listening)),
            neighbors: Neighbors::new(now, me.clone(), settings, keys, &seen),
            me,
            settings,
            mac: [0; 6],
            addresses: BTreeSet::new(),
            carrier_lost: None,
            ran: now,
            facts: Facts::default(),
            own,
            roles: BTreeMap::new(),
            reasons: BTreeMap::new(),
            quiet: false,
            unheard: false,
            beacon_due: now,
            beacon_sent: None,
            asked: None,
            repaired: None,
            wake: Some(now),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes one input. The driver drains before the next one.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if self.phase == Phase::Ended {
            return;
        }
        self.notice_time(now);
        match input {
            Input::Datagram { source, octets } => self.neighbors.handle_datagram(now, source, octets),
            Input::Interface { mac, addresses } => self.on_interface(now, mac, addresses),
            Input::Carrier(carrier) => self.on_carrier(now, carrier),
            Input::Units(units) => self.on_units(now, &units),
            Input::Possible(nodes) => self.on_possible(now, &nodes),
            Input::Keys(keys) => self.on_keys(keys),
            Input::ProbeAnswered { address, mac } => self.on_answer(now, address, mac),
            Input::Speakers(speakers) => self.neighbors.set_speakers(speakers),
            Input::Neighbor { mac } => self.neighbors.handle_neighbor(now, mac),
            Input::Siblings { index, others } => self.neighbors.set_siblings(index, others),
            Input::Sibling { boot } => self.neighbors.hear_sibling(now, boot),
            Input::FramesReceived(frames) => self.neighbors.handle_frames(now, frames),
            Input::Rival { address, mac } => self.on_rival(now, address, mac),
            Input::Able(able) => self.on_able(now, able),
            Input::Drain(drain) => self.on_drain(now, drain),
            Input::Fresh(fresh) => self.on_fresh(now, fresh),
            Input::Shutdown(Shutdown::Restart) => return self.on_restart(now),
            Input::Shutdown(Shutdown::HandOver) => self.on_hand_over(now),
        }
        self.step(now);
    }

    /// Does what is due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.phase != Phase::Ended {
            self.notice_time(now);
            self.step(now);
        }
    }

    /// The next thing to do.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` after [`Shutdown::Restart`] only.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Ended {
            return None;
        }
        let times = [
            Some(self.beacon_due),
            self.wake,
            self.repair_due(),
            self.neighbors.poll_timeout(),
            self.neighbors
                .second_until()
                .filter(|_| self.phase == Phase::Second),
        ];
        times.into_iter().flatten().min()
    }

    /// What this node answers for, in order of the units.
    pub fn holdings(&self) -> impl Iterator<Item = (&UnitId, Role)> {
        self.roles.iter().map(|(unit, role)| (unit, *role))
    }

    /// Whether this node only listens as yet: it has just started, did not run for a while, or had no carrier.
    pub fn is_listening(&self) -> bool {
        matches!(self.phase, Phase::Listening(_))
    }

    /// Whether this node may say unasked what it holds ([`Event::Quiet`]).
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The nodes whose speakers are there, as ARP says, where none of their beacons is heard: UDP port
    /// [`PORT`](crate::PORT) does not arrive, or the keys differ. Empty while any beacon is heard.
    pub fn unheard(&self) -> BTreeSet<NodeName> {
        self.neighbors.unheard_names(self.ran)
    }

    /// Whether another interface of this node is on the same LAN and does the work.
    pub fn is_second_interface(&self) -> bool {
        self.phase == Phase::Second
    }

    /// Who holds the unit, as far as this node knows.
    pub fn holder(&self, unit: &UnitId) -> Option<Holder> {
        let node = self.own.holders.get(unit)?;
        if *node == self.node {
            let held = self.own.claims.get(unit)?;
            let (strength, term) = (held.strength(), held.term);
            let node = self.me.node.clone();
            return Some(Holder { node, strength, term });
        }
        let claim = self.neighbors.claim(*node, unit);
        Some(Holder {
            node: self.neighbors.name(*node)?.clone(),
            strength: claim.map_or(Strength::Weak, |claim| claim.strength()),
            term: claim.map_or(0, |claim| claim.term),
        })
    }

    /// The other nodes heard of on this segment.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.neighbors.members()
    }

    /// Whether datagrams that come by IPv6 are of use now. While they are not, the driver may have the kernel drop them.
    ///
    /// They are not while every node that could be there is alive, and was heard by IPv4 when a beacon of it was last due.
    /// As soon as one beacon is overdue they are: its sender's next one is in time, and is heard by either family.
    pub fn needs_ipv6(&self) -> bool {
        self.neighbors.needs_ipv6()
    }

    /// What to keep on disk. Worth writing whenever [`Self::snapshot_version`] has changed, within a second or so.
    pub fn snapshot(&self) -> Snapshot {
        let own = self.own.claims.iter();
        Snapshot {
            claims: own
                .map(|(unit, held)| (*unit, (held.firmness(), held.term)))
                .collect(),
            terms: self.own.terms.clone(),
            seen: self.neighbors.seen(),
        }
    }

    /// Changes whenever the snapshot does that is worth writing.
    pub fn snapshot_version(&self) -> u64 {
        u64::from(self.published.version()) + (self.neighbors.seen_version() << 32)
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        Counters {
            received: self.neighbors.received(),
            refused: self.neighbors.refused(),
            ..self.counters
        }
    }

    /// Everything that follows from an input or from time alone.
    fn step(&mut self, now: Instant) {
        self.neighbors.handle_timeout(now);
        self.carry_out_effects(now);
        self.settle_second(now);
        self.end_listening(now);
        self.settle_quiet(now);
        self.settle_unheard(now);
        if self.wake.is_some_and(|at| at <= now) {
            if self.facts.units.len() >= MANY && self.send_beacon_if_due(now) {
                return; // The driver sends it and comes back at once: it is not to wait for the look at all units.
            }
            self.wake = None;
            self.decide(now);
            self.publish(now);
        }
        self.neighbors.run_errands(now);
        self.carry_out_effects(now);
        self.send_repairs(now);
        self.send_beacon_if_due(now);
    }

    /// Does what the neighbors want done.
    fn carry_out_effects(&mut self, now: Instant) {
        let Effects {
            transmits,
            events,
            requests,
            asked,
            wake,
            claims,
            answered,
            beacon,
            silenced,
        } = self.neighbors.effects();
        if self.phase != Phase::Second {
            self.transmits.extend(transmits);
        }
        self.events.extend(events);
        for (of, have) in requests {
            self.speak(&Message::Request { of, have });
        }
        if let Some(have) = asked {
            self.asked = Some(self.asked.map_or(have, |asked| asked.min(have)));
        }
        if let Some(at) = wake {
            self.wake_at(at);
        }
        self.note_claims(now, &claims);
        if answered {
            self.wake_at(now + self.gathering());
        }
        match beacon {
            Some(Hurry::Soon) => self.beacon_soon(now),
            Some(Hurry::Unproven) => self.beacon_for_unproven(now),
            None => {}
        }
        if silenced {
            self.fall_silent(now, Why::Fenced);
        }
    }

    /// A thousand claims come in dozens of datagrams: the rules look at several at once, and where nothing is at stake they
    /// wait for more.
    fn note_claims(&mut self, now: Instant, claims: &ChangedClaims) {
        let touch_us = match claims {
            ChangedClaims::None => return,
            ChangedClaims::Some(units) => units.iter().any(|unit| self.roles.contains_key(unit)),
            ChangedClaims::Any => true,
        };
        let wait = if touch_us {
            Duration::ZERO
        } else {
            self.neighbors.interval() / 20
        };
        self.wake_at(now + wait.max(self.gathering()));
    }

    /// The rules are to look again at this time, if not before.
    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// For how long a look at all units waits, so that what comes in several datagrams is looked at once.
    fn gathering(&self) -> Duration {
        let time = GATHERING * u32::try_from(self.facts.units.len() / MANY).unwrap_or(u32::MAX);
        time.min(self.neighbors.interval() / 4)
    }

    fn on_interface(&mut self, now: Instant, mac: [u8; 6], addresses: BTreeSet<IpAddr>) {
        if self.mac != mac || self.addresses != addresses {
            (self.mac, self.addresses) = (mac, addresses);
            self.beacon_soon(now);
        }
    }

    fn on_possible(&mut self, now: Instant, nodes: &BTreeSet<NodeName>) {
        self.neighbors.set_possible(now, nodes);
        if self.neighbors.is_alone() && matches!(self.phase, Phase::Listening(Some(_))) {
            self.phase = Phase::Listening(Some(now));
        }
        self.wake_at(now);
    }

    /// Claims follow their units from name to name, and end with them (rule 15).
    fn on_units(&mut self, now: Instant, units: &BTreeMap<UnitId, Unit>) {
        let facts = Facts::new(now, units, &self.facts, self.settings.serving);
        let mut own = std::mem::take(&mut self.own);
        let view = self.neighbors.view(now);
        let inherited = rules::inherit(now, &view, &facts, &mut own);
        let buried = rules::bury(now, &view, &facts, &self.facts, &mut own);
        own.terms.retain(|unit, _| facts.units.contains_key(unit));
        own.open.retain(|unit, _| facts.units.contains_key(unit));
        own.inquiries.retain(|unit, _| facts.units.contains_key(unit));
        self.reasons.extend(inherited.into_iter().chain(buried));
        (self.own, self.facts) = (own, facts);
        self.wake_at(now);
    }

    fn on_keys(&mut self, keys: Keys) {
        let name = crate::wire::name_octets(&self.me.node);
        self.sealer = keys.seal.of_sender(name, self.me.boot);
        self.neighbors.set_keys(keys);
    }

    fn on_able(&mut self, now: Instant, able: bool) {
        if self.own.able != able {
            self.own.able = able;
            self.wake_at(now);
            self.beacon_soon(now);
        }
    }

    fn on_drain(&mut self, now: Instant, drain: bool) {
        if self.own.drain != drain {
            self.own.drain = drain;
            self.wake_at(now);
            self.beacon_soon(now);
        }
    }

    fn on_fresh(&mut self, now: Instant, fresh: bool) {
        if self.own.fresh != fresh {
            self.own.fresh = fresh;
            self.wake_at(now);
            self.beacon_soon(now);
        }
    }

    fn on_hand_over(&mut self, now: Instant) {
        if self.own.leaving.is_none() {
            self.own.leaving = Some(now);
            self.wake_at(now);
            self.beacon_soon(now);
        }
    }
}
