//! Speakers that are known by another way than their beacons: the API says that they are, and ARP that they are here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use model::NodeName;

use super::Neighbors;
use crate::identity::Node;
use crate::{BootId, KnownSpeaker, Status, Transmit};

/// Who was seen is taken to be there for so long.
const THERE: Duration = Duration::from_secs(60);
/// A datagram that cannot be opened is somebody's for so long.
const UNOPENED: Duration = Duration::from_secs(3);
/// So many known nodes are asked at once whether they are here, while no beacon is heard.
const AT_ONCE: usize = 8;
/// How often, the first times and later.
const EAGER: (u32, Duration) = (3, Duration::from_millis(150));
const PATIENT: Duration = Duration::from_secs(5);
/// A sibling that was heard is on the same LAN for so long.
const SAME_LAN: Duration = Duration::from_secs(15);

/// What is known of speakers apart from their beacons.
#[derive(Debug, Default)]
pub(super) struct Known {
    nodes: BTreeMap<Node, (NodeName, KnownSpeaker)>,
    by_mac: BTreeMap<[u8; 6], Node>,
    /// When each was last seen to be here.
    there: BTreeMap<Node, Instant>,
    /// When a datagram last came that could not be opened.
    pub(super) unopened: Option<Instant>,
    /// When known nodes were last asked whether they are here, how often so far, and who is next.
    asked: Option<Instant>,
    rounds: u32,
    next: usize,
}

/// The other interfaces of this node.
#[derive(Debug, Default)]
pub(super) struct Siblings {
    pub(super) index: u32,
    pub(super) others: BTreeMap<BootId, u32>,
    /// When each was last heard on this one.
    heard: BTreeMap<BootId, Instant>,
}

impl Siblings {
    pub(super) fn hear(&mut self, now: Instant, boot: BootId) {
        if self.others.contains_key(&boot) {
            self.heard.insert(boot, now);
        }
    }

    /// Until when another of them does the work.
    fn second_until(&self) -> Option<Instant> {
        let before = self.others.iter().filter(|(_, index)| **index < self.index);
        let heard = before.filter_map(|(boot, _)| self.heard.get(boot));
        heard.max().map(|at| *at + SAME_LAN)
    }
}

impl Neighbors {
    pub(crate) fn set_speakers(&mut self, speakers: BTreeMap<NodeName, KnownSpeaker>) {
        let me = self.node;
        let nodes = speakers
            .into_iter()
            .map(|(name, known)| (Node::of(&name), (name, known)));
        self.known.nodes = nodes.filter(|(node, _)| *node != me).collect();
        let nodes = self.known.nodes.iter();
        let by_mac = nodes.flat_map(|(node, (_, known))| known.macs.iter().map(|mac| (*mac, *node)));
        self.known.by_mac = by_mac.collect();
        let nodes = &self.known.nodes;
        self.known.there.retain(|node, _| nodes.contains_key(node));
    }

    pub(crate) fn set_siblings(&mut self, index: u32, others: BTreeMap<BootId, u32>) {
        self.siblings.index = index;
        self.siblings.heard.retain(|boot, _| others.contains_key(boot));
        self.siblings.others = others;
    }

    pub(crate) fn hear_sibling(&mut self, now: Instant, boot: BootId) {
        self.siblings.hear(now, boot);
    }

    /// Whether another interface of this node is on the same LAN and does the work.
    pub(crate) fn is_second(&self, now: Instant) -> bool {
        self.siblings.second_until().is_some_and(|until| now < until)
    }

    pub(crate) fn second_until(&self) -> Option<Instant> {
        self.siblings.second_until()
    }

    /// The node whose speaker has this hardware address.
    pub(crate) fn node_with(&self, mac: [u8; 6]) -> Option<Node> {
        let peer = || self.peers.values().find(|peer| peer.beacon.mac == mac);
        let known = self.known.by_mac.get(&mac).copied();
        known.or_else(|| peer().map(|peer| peer.node))
    }

    pub(crate) fn mac_of(&self, node: Node) -> Option<[u8; 6]> {
        let peer = self.peers.get(&node).map(|peer| peer.beacon.mac);
        peer.or_else(|| self.known.nodes.get(&node)?.1.macs.first().copied())
    }

    /// A frame of this hardware address came.
    pub(crate) fn handle_neighbor(&mut self, now: Instant, mac: [u8; 6]) {
        if let Some(node) = self.node_with(mac) {
            self.known.there.insert(node, now);
        }
    }

    /// The nodes whose speakers are there and not heard.
    pub(crate) fn unheard(&self, now: Instant) -> BTreeSet<Node> {
        let known = self.known.there.keys().chain(self.peers.keys());
        known
            .copied()
            .filter(|node| self.is_unheard(now, *node))
            .collect()
    }

    fn is_unheard(&self, now: Instant, node: Node) -> bool {
        let lately = |at: Instant| now < at + THERE;
        let there = self.known.there.get(&node).copied();
        let Some(peer) = self.peers.get(&node) else {
            return there.is_some_and(lately);
        };
        if peer.status.is_alive() || peer.status == Status::OneWay && peer.is_heard(now) {
            return false;
        }
        // Since it fell silent: what was before says nothing.
        let since = peer.died.unwrap_or_else(|| peer.silent_since(now));
        let there = there.max(peer.probing.last_answer());
        there.is_some_and(|at| at >= since && lately(at))
    }

    /// Whether datagrams came lately that cannot be opened.
    pub(crate) fn has_unopened(&self, now: Instant) -> bool {
        self.known.unopened.is_some_and(|at| now < at + UNOPENED)
    }

    /// The names of those who are there, where nobody at all is heard.
    pub(crate) fn unheard_names(&self, now: Instant) -> BTreeSet<NodeName> {
        if self.peers.values().any(|peer| peer.status.is_alive()) {
            return BTreeSet::new();
        }
        let name = |node: Node| {
            let known = self.known.nodes.get(&node).map(|(name, _)| name);
            known.or_else(|| self.name(node)).cloned()
        };
        self.unheard(now).into_iter().filter_map(name).collect()
    }

    /// Whether others are there and none is heard, for longer than a speaker may be away.
    pub(crate) fn is_cut_off(&self, now: Instant) -> bool {
        if self.peers.values().any(|peer| peer.status.is_alive()) {
            return false;
        }
        let lasting = self.peers.is_empty() || now >= self.reception.heard + self.times().crash_window;
        let announced = |node: &Node| self.peers.get(node).is_some_and(|peer| peer.announced);
        let there = self.unheard(now).iter().any(|node| !announced(node));
        lasting && (there || self.has_unopened(now))
    }

    /// Asks known nodes whether they are here, while no beacon is heard.
    pub(super) fn ask_known(&mut self, now: Instant) {
        let wait = if self.known.rounds < EAGER.0 {
            EAGER.1
        } else {
            PATIENT
        };
        if self.known.asked.is_some_and(|at| now < at + wait) {
            return;
        }
        let all = self.known.nodes.values();
        let addresses: Vec<IpAddr> = all
            .filter_map(|(_, known)| known.addresses.first().copied())
            .collect();
        if addresses.is_empty() {
            return;
        }
        (self.known.asked, self.known.rounds) = (Some(now), self.known.rounds.saturating_add(1));
        let first = self.known.next % addresses.len();
        self.known.next = first + AT_ONCE;
        let turn = addresses
            .iter()
            .cycle()
            .skip(first)
            .take(AT_ONCE.min(addresses.len()));
        let probes = turn.map(|address| Transmit::Probe {
            address: *address,
            mac: None,
        });
        self.effects.transmits.extend(probes);
    }
}
