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
            let mut first = None;
            for _ in 0..copies {
                let delay = self.crosses(from, to);
                let cut = self.cut_family[from][to];
                if cut == Some(false) {
                    self.oracle.lost(self.now, from, to);
                }
                first = first.or(delay);
                if let Some(delay) = delay.filter(|_| cut != Some(false)) {
                    self.deliver(from, to, octets.clone(), delay, false);
                }
            }
            self.send_by_ipv6(from, to, &octets, first);
        }
    }

    /// The second copy, which follows the first.
    fn send_by_ipv6(&mut self, from: usize, to: usize, octets: &Rc<[u8]>, first: Option<Duration>) {
        let up = |i: usize| self.nodes[i].carrier;
        let cut = self.cut[from][to] || self.cut_family[from][to] == Some(true);
        if !self.network.ipv6 || cut || !up(from) || !up(to) {
            return;
        }
        let lost = self.chance_of_ipv6.happens(self.network.loss);
        let (low, high) = self.network.delay;
        let delay = Duration::from_micros(self.chance_of_ipv6.between(low, high));
        if !lost {
            let delay = first.unwrap_or(delay) + Duration::from_micros(20);
            self.deliver(from, to, octets.clone(), delay, true);
        }
    }

    fn deliver(&mut self, from: usize, to: usize, octets: Rc<[u8]>, delay: Duration, ipv6: bool) {
        let what = What::Datagram {
            from,
            to,
            octets,
            ipv6,
        };
        self.at(self.now + delay, what);
    }

    /// Something that nobody of the segment sent reaches a node.
    pub(crate) fn inject(&mut self, to: usize, octets: Rc<[u8]>) {
        let from = self.nodes.len();
        self.deliver(from, to, octets, Duration::ZERO, false);
    }

    pub(super) fn arrive(&mut self, from: usize, to: usize, octets: Rc<[u8]>, ipv6: bool) {
        let cut = self.cut[from][to] || !self.nodes[to].carrier;
        let blocked = self.blocked.get(from).is_some_and(|row| row[to]);
        let node = &mut self.nodes[to];
        if cut || !node.kernel {
            return;
        }
        node.frames += 1;
        if blocked {
            return;
        }
        if ipv6 && node.speaker.as_ref().is_some_and(|speaker| !speaker.needs_ipv6()) {
            return;
        }
        if node.paused.is_some() {
            if node.inbox.len() < 200 {
                node.inbox.push_back((octets, ipv6));
            }
            return;
        }
        let source = match ipv6 {
            true => BY_IPV6,
            false if from < self.nodes.len() => address(from),
            false => GATEWAY,
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
