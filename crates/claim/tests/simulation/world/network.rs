//! What gets from one node to another, and what does not.

use super::*;

impl World {
    /// How long something takes from the one to the other, if it arrives.
    pub(super) fn crosses(&mut self, from: usize, to: usize) -> Option<Duration> {
        let up = |i: usize| self.nodes.get(i).is_none_or(|node| node.carrier);
        if self.cut[from][to] || !up(from) || !up(to) {
            self.oracle.lost(self.now, from, to);
            return None;
        }
        if self.chance.happens(self.network.loss) {
            self.oracle.lost(self.now, from, to);
            return None;
        }
        let (low, high) = self.network.delay;
        let mut delay = self.chance.between(low, high);
        if self.chance.happens(self.network.stragglers) {
            delay += 30_000;
            self.oracle.lost(self.now + Duration::from_millis(30), from, to);
        }
        Some(Duration::from_micros(delay))
    }

    pub(super) fn send(&mut self, from: usize, octets: Rc<[u8]>) {
        assert!(octets.len() <= claim::MAX_DATAGRAM);
        if self.records && self.chance.happens(50) {
            self.recorded.push(octets.clone());
        }
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let copies = 1 + usize::from(self.chance.happens(self.network.duplicates));
            for _ in 0..copies {
                if let Some(delay) = self.crosses(from, to) {
                    let octets = octets.clone();
                    self.at(self.now + delay, What::Datagram { from, to, octets });
                }
            }
        }
    }

    /// Something that nobody of the segment sent reaches a node.
    pub(crate) fn inject(&mut self, to: usize, octets: Rc<[u8]>) {
        let from = self.nodes.len();
        self.at(self.now, What::Datagram { from, to, octets });
    }

    pub(super) fn arrive(&mut self, from: usize, to: usize, octets: Rc<[u8]>) {
        let cut = self.cut[from][to] || !self.nodes[to].carrier;
        let node = &mut self.nodes[to];
        if cut || !node.kernel {
            return;
        }
        node.frames += 1;
        if node.paused.is_some() {
            if node.inbox.len() < 200 {
                node.inbox.push_back(octets);
            }
            return;
        }
        let source = if from < self.nodes.len() {
            address(from)
        } else {
            GATEWAY
        };
        self.input(
            to,
            Input::Datagram {
                source,
                octets: &octets,
            },
        );
    }

    pub(super) fn announce(&mut self, from: usize, unit: UnitId, life: u64) {
        if self.nodes[from].lives != life || self.nodes[from].quiet {
            return;
        }
        let mac = match self.nodes[from].answers(&unit) {
            Some(Role::Holder) => mac(from),
            Some(Role::Surrogate { mac }) => mac,
            None => return,
        };
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            if let Some(delay) = self.crosses(from, to) {
                let address = unit.0;
                let what = What::Announcement { to, address, mac };
                self.at(self.now + delay, what);
            }
        }
    }
}
