//! Lives of speakers that are new to us.

use std::time::Instant;

use super::peer::{NewLife, Peer};
use super::replay::Window;
use super::{Hurry, Neighbors};
use crate::identity::Node;
use crate::seal::SenderKey;
use crate::wire::{Beacon, Header, Message, State};
use crate::{Event, Status};

/// More nodes than this are not taken in: memory has a bound, whoever has the key.
const MAX_PEERS: usize = 1024;

impl Neighbors {
    /// Something sealed by a life that is not known. It may be a replay. What proves that it is not is that it has heard
    /// us lately; so that it can say so, it is told that we hear it.
    pub(super) fn on_unproven(
        &mut self,
        now: Instant,
        header: Header,
        key: Option<SenderKey>,
        message: Message,
    ) {
        let Header {
            boot, sequence, name, ..
        } = header;
        let Some(key) = key.or_else(|| self.unproven.take(boot).map(|life| life.key)) else {
            return;
        };
        if self.siblings.others.contains_key(&boot) && name == self.me.node {
            self.unproven.note(now, boot, sequence, key);
            return self.siblings.hear(now, boot);
        }
        let is_new = self.unproven.get(boot).is_none();
        if !self.unproven.note(now, boot, sequence, key) {
            return self.refused.crowded += 1;
        }
        if is_new {
            self.effects.beacon = self.effects.beacon.max(Some(Hurry::Unproven));
        }
        if let Message::Request { of, have } = message
            && of == self.me.boot
        {
            // It knows us already, and has a right to know what we claim: it may be that we are to be relieved.
            self.effects.note_asked(have);
        }
        let proven = match &message {
            Message::Beacon(beacon) => self
                .echo_in(beacon)
                .filter(|at| now < *at + self.patience(beacon)),
            Message::Changes { .. } | Message::Set { .. } | Message::Request { .. } => None,
        };
        let (Some(echoed), Message::Beacon(beacon)) = (proven, message) else {
            return self.refused.unproven += 1;
        };
        if name == self.me.node {
            self.refused.own_name += 1;
            return self.on_duplicate(now, boot, &beacon);
        }
        let node = Node::of(&name);
        if let Some(peer) = self.peers.get(&node)
            && peer.status.is_alive()
            && peer.beacon.state != State::Restarting
            && now < peer.alive_until(&self.times())
        {
            self.refused.duplicate_node += 1;
            return self.tell_duplicate(now, name);
        }
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&node) {
            return self.refused.crowded += 1;
        }
        let Some(life) = self.unproven.take(boot) else {
            return;
        };
        self.received += 1;
        let new = NewLife {
            name,
            node,
            boot,
            key: life.key,
            window: Window::new(sequence),
            beacon,
            beacon_sequence: sequence,
            echoed,
        };
        if let Some(before) = self.peers.get(&node) {
            self.boots.remove(&before.boot);
        }
        let peer = new.after(now, self.peers.remove(&node));
        self.adopt(now, node, peer);
    }

    /// For how long an echo proves that it is no replay.
    fn patience(&self, beacon: &Beacon) -> std::time::Duration {
        self.interval().max(beacon.interval) * (self.settings.misses + 1)
    }

    fn adopt(&mut self, now: Instant, node: Node, peer: Peer) {
        if peer.status == Status::Missing && peer.accepted == peer.since {
            let node = peer.name.clone();
            let (from, to) = (None, Some(Status::Missing));
            self.tell(Event::Member { node, from, to });
        }
        self.boots.insert(peer.boot, node);
        self.peers.insert(node, peer);
        self.reception.on_peer(now);
        self.refresh_peer(now, node);
        self.wake_at(now + self.interval() / 20);
        self.beacon_soon();
        self.request_if_needed(now, node);
    }

    /// Another speaker with our name is alive, and hears us. The one that is established stays; of two that are not, or
    /// both are, one.
    fn on_duplicate(&mut self, now: Instant, boot: crate::BootId, beacon: &Beacon) {
        let name = self.me.node.clone();
        self.tell_duplicate(now, name);
        let theirs = !matches!(beacon.state, State::Listening | State::Restarting);
        if (theirs, boot) > (self.ready, self.me.boot) {
            self.duplicate = Some(now);
            self.effects.silenced = true;
        }
    }
}
