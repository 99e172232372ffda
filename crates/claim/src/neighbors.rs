//! Who is there: whose datagrams are believed, what peers are, whether their nodes answer, and whether anything reaches us.
//!
//! What comes of it for the rules is a [`View`]; what is to be done because of it, [`Effects`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use model::NodeName;

use crate::identity::Node;
use crate::view::{Hearing, Neighbor, View};
use crate::wire::{Echo, State};
use crate::{BootId, Event, Identity, Keys, Member, Refused, Settings, Status, Transmit, UnitId};

mod accept;
mod budget;
mod families;
mod known;
mod liveness;
mod peer;
mod receive;
mod reception;
mod replay;
mod unproven;

use budget::Budget;
use families::Families;
use known::{Known, Siblings};
use peer::Peer;
use reception::Reception;
use unproven::Unproven;

/// So many of our beacons are remembered.
const REMEMBERED: usize = 64;

/// The other nodes of the segment.
#[derive(Debug)]
pub(crate) struct Neighbors {
    me: Identity,
    node: Node,
    settings: Settings,
    keys: Keys,
    /// All nodes that could be there by the facts of the API.
    possible: BTreeSet<Node>,
    /// Which nodes were seen on this segment, and when last they became alive.
    seen: BTreeMap<Node, Instant>,
    /// Grows when `seen` is worth keeping again.
    seen_version: u64,
    /// Whether the last life had seen anybody.
    recalled: bool,
    began: Instant,
    /// For lives that are not known, and for peers that seal with another key than before.
    derivations: Budget,
    rekeyings: Budget,
    /// Whether this node takes part, and does not only listen.
    ready: bool,
    /// Since when there has been no carrier.
    carrier_lost: Option<Instant>,
    peers: BTreeMap<Node, Peer>,
    /// The lives of `peers`.
    boots: BTreeMap<BootId, Node>,
    unproven: Unproven,
    known: Known,
    siblings: Siblings,
    reception: Reception,
    families: Families,
    /// Since when a majority has been alive.
    majority: Option<Instant>,
    /// When peers are to be looked at next, nothing arriving from them.
    check: Instant,
    /// When there is something to ask a peer, or its node.
    errand: Option<Instant>,
    /// When we last came late, and put off what it says of our peers.
    late: Option<Instant>,
    /// How many datagrams went out.
    sequence: u64,
    /// The beacons that went out last, and when.
    sent: VecDeque<(u64, Instant)>,
    /// When a speaker with our own node's name, that must have the name instead of us, was last heard.
    duplicate: Option<Instant>,
    duplicate_told: Option<Instant>,
    unknown_key_told: Option<Instant>,
    refused: Refused,
    received: u64,
    effects: Effects,
}

/// What the machine is to do because of what the neighbors did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) transmits: Vec<Transmit>,
    pub(crate) events: Vec<Event>,
    /// Claims to ask for: of whom, and what we have of them.
    pub(crate) requests: Vec<(BootId, u32)>,
    /// The oldest version of our claims that somebody has who asked for them.
    pub(crate) asked: Option<u32>,
    /// When the rules are to look again.
    pub(crate) wake: Option<Instant>,
    /// Whose claims have changed.
    pub(crate) claims: ChangedClaims,
    /// A question was answered: the rules are to look again, as soon as they would for claims.
    pub(crate) answered: bool,
    /// A beacon that cannot wait for its turn.
    pub(crate) beacon: Option<Hurry>,
    /// Another speaker must have our name: this one is to listen.
    pub(crate) silenced: bool,
}

/// Of which units the claims of others have changed.
#[derive(Debug, Default)]
pub(crate) enum ChangedClaims {
    #[default]
    None,
    Some(Vec<UnitId>),
    /// Of any: a whole set came.
    Any,
}

/// How soon a beacon is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hurry {
    /// Somebody unknown is waiting for it: who replays what others said long ago gains little.
    Unproven,
    Soon,
}

impl ChangedClaims {
    fn add(&mut self, more: Self) {
        *self = match (std::mem::take(self), more) {
            (Self::None, more) => more,
            (before, Self::None) => before,
            (Self::Some(mut units), Self::Some(more)) => {
                units.extend(more);
                Self::Some(units)
            }
            (Self::Any, _) | (_, Self::Any) => Self::Any,
        };
    }
}

impl Neighbors {
    pub(crate) fn new(
        now: Instant,
        me: Identity,
        settings: Settings,
        keys: Keys,
        seen: &BTreeSet<u64>,
    ) -> Self {
        Self {
            node: Node::of(&me.node),
            me,
            settings,
            keys,
            possible: BTreeSet::new(),
            recalled: !seen.is_empty(),
            seen: seen.iter().map(|node| (Node(*node), now)).collect(),
            seen_version: 0,
            began: now,
            derivations: Budget::new(now),
            rekeyings: Budget::new(now),
            ready: false,
            carrier_lost: None,
            peers: BTreeMap::new(),
            boots: BTreeMap::new(),
            unproven: Unproven::default(),
            known: Known::default(),
            siblings: Siblings::default(),
            reception: Reception::new(now),
            families: Families::new(now),
            majority: None,
            check: now,
            errand: None,
            late: None,
            sequence: 0,
            sent: VecDeque::new(),
            duplicate: None,
            duplicate_told: None,
            unknown_key_told: None,
            refused: Refused::default(),
            received: 0,
            effects: Effects::default(),
        }
    }

    /// What is to be done because of what happened since.
    pub(crate) fn effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [Some(self.check), self.errand, self.reception_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Looks at peers that may be something else by now, and at our own reception.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.refresh_peers(now);
        self.test_reception(now);
        self.settle_families(now);
    }

    pub(crate) fn set_keys(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// Whether this node takes part from now on, or only listens.
    pub(crate) fn set_ready(&mut self, ready: bool) {
        self.ready = ready;
    }

    pub(crate) fn set_carrier_lost(&mut self, lost: Option<Instant>) {
        self.carrier_lost = lost;
    }

    pub(crate) fn set_possible(&mut self, now: Instant, nodes: &BTreeSet<NodeName>) {
        self.possible = nodes.iter().map(Node::of).collect();
        self.refresh_majority(now);
    }

    /// The number of the next datagram that goes out.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// How many datagrams went out.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The last datagram that went out is a beacon: an echo of it proves that its sender hears us.
    pub(crate) fn note_beacon(&mut self, now: Instant) {
        self.sent.push_back((self.sequence, now));
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
        }
    }

    /// Proof of what we have heard, for a beacon.
    pub(crate) fn echoes(&self, now: Instant) -> Vec<Echo> {
        let heard = self.peers.values().filter(|peer| now < peer.echoed_until());
        let peers = heard.map(|peer| Echo {
            boot: peer.boot,
            sequence: peer.window.highest() as u32,
        });
        peers.chain(self.unproven.echoes()).collect()
    }

    /// Forgets unproven lives that have fallen silent.
    pub(crate) fn forget_unproven(&mut self, now: Instant) {
        let lately = self.interval() * self.settings.misses;
        self.unproven.forget(now.checked_sub(lately).unwrap_or(now));
    }

    /// Rule 14: whether no other node can be on the segment.
    pub(crate) fn is_alone(&self) -> bool {
        self.possible.len() == 1 && self.possible.contains(&self.node)
    }

    /// How long beacons are apart. What a node receives grows with the square of the number of nodes that are heard, for
    /// each beacon names all of them: beyond 100 the interval grows with it.
    pub(crate) fn interval(&self) -> Duration {
        let nodes = (self.peers.len() + 1).min(1000) as u32;
        self.settings.interval * (nodes * nodes).max(10_000) / 10_000
    }

    /// The times of the protocol as they are here: they stretch with the interval.
    pub(crate) fn times(&self) -> Settings {
        self.settings.stretched(self.interval())
    }

    /// Whether any peer that is alive has yet to tell what it claims.
    pub(crate) fn has_unknown_claims(&self) -> bool {
        let mut alive = self.peers.values().filter(|peer| peer.status.is_alive());
        alive.any(|peer| !peer.received.is_known())
    }

    /// Until when another speaker has our name.
    pub(crate) fn is_duplicate(&self, now: Instant) -> bool {
        self.duplicate.is_some_and(|at| now < at + self.times().listening)
    }

    /// Which nodes were seen on this segment.
    pub(crate) fn seen(&self) -> BTreeSet<u64> {
        self.seen.keys().map(|node| node.0).collect()
    }

    /// Changes when [`Self::seen`] does.
    pub(crate) fn seen_version(&self) -> u64 {
        self.seen_version
    }

    pub(crate) fn refused(&self) -> Refused {
        self.refused
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn name(&self, node: Node) -> Option<&NodeName> {
        self.peers.get(&node).map(|peer| &peer.name)
    }

    /// The peer's claim on a unit, if it is known.
    pub(crate) fn claim(&self, node: Node, unit: &UnitId) -> Option<crate::wire::Claim> {
        self.peers.get(&node)?.claims().get(unit).copied()
    }

    /// The peer that is alive and has this hardware address.
    pub(crate) fn with_mac(&self, mac: [u8; 6]) -> Option<Node> {
        let mut alive = self.peers.values().filter(|peer| peer.status.is_alive());
        alive.find(|peer| peer.beacon.mac == mac).map(|peer| peer.node)
    }

    /// Whether beacons go both ways between it and us.
    pub(crate) fn is_alive(&self, node: Node) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.status.is_alive())
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        self.peers.values().map(|peer| Member {
            node: peer.name.clone(),
            status: peer.status,
            addresses: peer.addresses().iter().copied().collect(),
            mac: peer.beacon.mac,
            since: peer.since,
        })
    }

    /// These nodes are to be asked whether they live, and no others.
    pub(crate) fn examine(&mut self, now: Instant, nodes: &BTreeSet<Node>) {
        for peer in self.peers.values_mut() {
            peer.probing.wanted = nodes.contains(&peer.node);
        }
        if !nodes.is_empty() {
            self.errand_at(now);
        }
    }

    /// What is known of the segment now.
    pub(crate) fn view(&self, now: Instant) -> View<'_> {
        View {
            me: self.node,
            settings: self.times(),
            ready: self.ready,
            carrier: self.carrier_lost.is_none(),
            alone: self.is_alone(),
            majority: self.majority,
            hearing: Hearing {
                works: self.hears(now),
                without_peers: self.reception.silence.is_some() && self.hears_without_peers(now),
                last: self.reception.heard,
            },
            unheard: self.unheard(now),
            unopened: self.has_unopened(now),
            peers: self
                .peers
                .values()
                .map(|peer| (peer.node, self.neighbor(now, peer)))
                .collect(),
        }
    }

    fn neighbor<'a>(&self, now: Instant, peer: &'a Peer) -> Neighbor<'a> {
        let settings = &self.times();
        let unknown = peer.status.is_alive() && !peer.received.is_known();
        let silent = peer.status == Status::Dead && peer.probing.never_answered();
        Neighbor {
            node: peer.node,
            status: peer.status,
            since: peer.since,
            late: peer.late,
            late_at: peer.late_at(),
            away: peer.away,
            keeps: peer.keeps_until(settings).is_none_or(|until| now < until),
            former: peer.former.is_some(),
            heard_until: peer.heard_until(settings),
            silent_since: silent
                .then(|| peer.vouched.1.max(Some(peer.alive_until(settings))))
                .flatten(),
            fresh: peer.beacon.fresh,
            leaving: peer.beacon.state == State::Leaving,
            takes: peer.received.takes(),
            claims: peer.claims(),
            unknown_until: unknown.then(|| peer.accepted + settings.listening),
            mac: peer.beacon.mac,
        }
    }

    fn wake_at(&mut self, at: Instant) {
        let wake = &mut self.effects.wake;
        *wake = Some(wake.map_or(at, |wake| wake.min(at)));
    }

    fn beacon_soon(&mut self) {
        self.effects.beacon = Some(Hurry::Soon);
    }

    fn tell(&mut self, event: Event) {
        self.effects.events.push(event);
    }
}

impl Effects {
    /// Notes that somebody asked for our claims who has this version.
    fn note_asked(&mut self, have: u32) {
        self.asked = Some(self.asked.map_or(have, |asked| asked.min(have)));
    }
}
