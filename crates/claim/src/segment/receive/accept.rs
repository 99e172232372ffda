//! Lives of speakers that are new to us.

use std::time::Instant;

use crate::claims::Received;
use crate::identity::Node;
use crate::peer::{Peer, Probing};
use crate::replay::Window;
use crate::seal::SenderKey;
use crate::segment::{Phase, Segment};
use crate::wire::{Beacon, Header, Message, State, name_octets};
use crate::{Event, Status};

/// More nodes than this are not taken in: memory has a bound, whoever has the key.
const MAX_PEERS: usize = 1024;

impl Segment {
    /// Something sealed by a life that is not known. It may be a replay. What proves that it is not is that it has heard
    /// us lately; so that it can say so, it is told that we hear it.
    pub(super) fn on_stranger(
        &mut self,
        now: Instant,
        header: Header,
        key: Option<SenderKey>,
        message: Message,
    ) {
        let Header {
            boot, sequence, name, ..
        } = header;
        let Some(key) = key.or_else(|| self.strangers.take(boot).map(|stranger| stranger.key)) else {
            return;
        };
        let is_new = self.strangers.get(boot).is_none();
        if !self.strangers.note(now, boot, sequence, key) {
            return self.counters.refused.crowded += 1;
        }
        if is_new {
            self.beacon_for_strangers(now);
        }
        if let Message::Request { of, have } = message
            && of == self.me.boot
        {
            // It knows us already, and has a right to know what we claim: it may be that we are to be relieved.
            self.asked = Some(self.asked.map_or(have, |asked| asked.min(have)));
        }
        let proven = match &message {
            Message::Beacon(beacon) => self
                .echo_in(beacon)
                .filter(|at| now < *at + self.patience(beacon)),
            Message::Changes { .. } | Message::Set { .. } | Message::Request { .. } => None,
        };
        let (Some(echoed), Message::Beacon(beacon)) = (proven, message) else {
            return self.counters.refused.unproven += 1;
        };
        if name == self.me.node {
            self.counters.refused.own_name += 1;
            return self.on_twin(now, boot, &beacon);
        }
        let node = Node::of(&name);
        if let Some(peer) = self.peers.get(&node)
            && peer.status.is_alive()
            && peer.beacon.state != State::Restarting
            && now < peer.alive_until(&self.settings)
        {
            self.counters.refused.twin += 1;
            return self.tell_twin(now, name);
        }
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&node) {
            return self.counters.refused.crowded += 1;
        }
        let Some(stranger) = self.strangers.take(boot) else {
            return;
        };
        self.counters.received += 1;
        let new = Peer {
            key: stranger.key,
            window: Window::new(sequence),
            boot,
            beacon_sequence: sequence,
            beacon,
            echoed,
            name,
            ..self.predecessor(now, node)
        };
        self.adopt(now, node, new);
    }

    /// For how long an echo proves that it is no replay.
    fn patience(&self, beacon: &Beacon) -> std::time::Duration {
        self.interval().max(beacon.interval) * (self.settings.misses + 1)
    }

    /// What a new life of a node begins with: what is known of the one before, or nothing.
    fn predecessor(&mut self, now: Instant, node: Node) -> Peer {
        if let Some(before) = self.peers.remove(&node) {
            self.boots.remove(&before.boot);
            let claims = before.claims();
            let former = before.status != Status::Dead && !claims.is_empty();
            return Peer {
                former: former.then(|| claims.clone()),
                received: Received::default(),
                requested: None,
                repair: None,
                vouched: (0, None),
                hears_others: None,
                heard_by_ipv4: None,
                probing: Probing::default(),
                heard: now,
                accepted: now,
                late: false,
                away: before.away.or(Some(now)),
                ..before
            };
        }
        Peer {
            name: self.me.node.clone(),
            node,
            boot: self.me.boot,
            key: self.keys.seal.of_sender(name_octets(&self.me.node), self.me.boot),
            window: Window::new(0),
            beacon: self.beacon(now, Vec::new()),
            beacon_sequence: 0,
            heard: now,
            echoed: now,
            hears_others: None,
            heard_by_ipv4: None,
            vouched: (0, None),
            received: Received::default(),
            requested: None,
            repair: None,
            former: None,
            away: Some(now),
            probing: Probing::default(),
            status: Status::Missing,
            since: now,
            accepted: now,
            late: false,
        }
    }

    fn adopt(&mut self, now: Instant, node: Node, peer: Peer) {
        if peer.status == Status::Missing && peer.accepted == peer.since {
            let node = peer.name.clone();
            let (from, to) = (None, Some(Status::Missing));
            self.events.push_back(Event::Member { node, from, to });
        }
        self.boots.insert(peer.boot, node);
        self.peers.insert(node, peer);
        self.ears.on_peer(now);
        self.refresh_peer(now, node);
        self.wake_at(now + self.interval() / 20);
        self.beacon_soon(now);
        self.request_if_needed(now, node);
    }

    /// Another speaker with our name is alive, and hears us. The one that is established stays; of two that are not, or
    /// both are, one.
    fn on_twin(&mut self, now: Instant, boot: crate::BootId, beacon: &Beacon) {
        let name = self.me.node.clone();
        self.tell_twin(now, name);
        let ours = matches!(self.phase, Phase::Ready);
        let theirs = !matches!(beacon.state, State::Listening | State::Restarting);
        if (theirs, boot) > (ours, self.me.boot) {
            self.twin = Some(now);
            self.fall_silent(now, crate::Why::Fenced);
        }
    }
}
