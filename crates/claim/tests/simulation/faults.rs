use std::time::Duration;

use claim::{Input, Shutdown, Snapshot};

use crate::node::{candidates, name, unit};
use crate::world::World;

impl World {
    /// Whether something gets from `from` to `to`.
    pub(crate) fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        if self.cut[from][to] != cut {
            self.cut[from][to] = cut;
            let now = self.now;
            self.oracle.lost(now, from, to);
            self.disturb();
        }
        self.oracle.transitive = self.is_transitive();
    }

    fn is_transitive(&self) -> bool {
        let all = 0..self.nodes.len();
        all.clone().all(|a| {
            all.clone().all(|b| {
                let one_way = self.cut[a][b] != self.cut[b][a];
                !one_way
                    && (self.cut[a][b]
                        || all
                            .clone()
                            .all(|c| a == b || self.cut[a][c] == self.cut[b][c] || c == a || c == b))
            })
        })
    }

    /// Splits the segment: nodes hear those of their own group. The gateway is in group 0.
    pub(crate) fn split(&mut self, groups: &[usize]) {
        let nodes = self.nodes.len();
        let group = |i: usize| groups.get(i).copied().unwrap_or(0);
        for a in 0..=nodes {
            for b in 0..=nodes {
                self.set_cut(a, b, a != b && group(a) != group(b));
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        let nodes = self.nodes.len();
        self.split(&vec![0; nodes]);
    }

    /// The node alone is cut off, and has hosts of its own on its side, or not.
    pub(crate) fn isolate(&mut self, i: usize) {
        for j in (0..=self.nodes.len()).filter(|j| *j != i) {
            self.set_cut(i, j, true);
            self.set_cut(j, i, true);
        }
    }

    pub(crate) fn deafen(&mut self, i: usize) {
        (0..=self.nodes.len())
            .filter(|j| *j != i)
            .for_each(|j| self.set_cut(j, i, true));
    }

    pub(crate) fn mute(&mut self, i: usize) {
        (0..=self.nodes.len())
            .filter(|j| *j != i)
            .for_each(|j| self.set_cut(i, j, true));
    }

    /// The whole node goes down.
    pub(crate) fn power_off(&mut self, i: usize) {
        self.kill(i);
        self.nodes[i].kernel = false;
    }

    /// The speaker's process ends on the spot.
    pub(crate) fn kill(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        node.speaker = None;
        node.answers.clear();
        node.paused = None;
        self.disturb();
    }

    /// The speaker is replaced in order, by one that starts after a while.
    pub(crate) fn restart(&mut self, i: usize, after: Duration) {
        self.input(i, Input::Shutdown(Shutdown::Restart));
        if let Some(speaker) = &self.nodes[i].speaker {
            self.nodes[i].disk = speaker.snapshot();
        }
        self.kill(i);
        self.start_later(i, after);
    }

    pub(crate) fn pause(&mut self, i: usize, time: Duration, kernel: bool) {
        if self.nodes[i].runs() {
            self.nodes[i].kernel = kernel;
            self.wake_later(i, self.now + time);
            self.disturb();
        }
    }

    /// The whole machine stands still, and its clock with it: it cannot know afterwards that it did not run.
    pub(crate) fn suspend(&mut self, i: usize, time: Duration) {
        if self.nodes[i].runs() {
            self.pause(i, time, false);
            let node = &mut self.nodes[i];
            node.asleep = Some(node.clock.shown(self.now));
        }
    }

    /// The node's clock jumps ahead, and with it everything becomes due that waits for a time.
    pub(crate) fn jump(&mut self, i: usize, ahead: Duration) {
        let now = self.now;
        let node = &mut self.nodes[i];
        node.clock.set(now, node.clock.shown(now) + ahead);
        node.stirred = now;
        self.timeout(i);
        self.disturb();
    }

    pub(crate) fn set_carrier(&mut self, i: usize, carrier: bool) {
        if self.nodes[i].carrier != carrier {
            self.nodes[i].carrier = carrier;
            self.nodes[i].stirred = self.now;
            self.input(i, Input::Carrier(carrier));
            self.disturb();
        }
    }

    pub(crate) fn set_drain(&mut self, i: usize, drain: bool) {
        self.nodes[i].draining = drain;
        self.input(i, Input::Drain(drain));
        self.disturb();
    }

    pub(crate) fn set_able(&mut self, i: usize, able: bool) {
        self.nodes[i].able = able;
        self.input(i, Input::Able(able));
        self.disturb();
    }

    pub(crate) fn set_fresh(&mut self, i: usize, fresh: bool) {
        self.nodes[i].fresh = fresh;
        self.input(i, Input::Fresh(fresh));
        self.disturb();
    }

    /// The interface gets the subnet of the units, or loses it.
    pub(crate) fn set_subnet(&mut self, i: usize, subnet: bool) {
        self.nodes[i].subnet = subnet;
        let facts = self.nodes[i].facts;
        self.tell_version(i, facts);
    }

    /// Datagrams of the one do not reach the speaker of the other, though ARP does; or do again.
    pub(crate) fn set_blocked(&mut self, from: usize, to: usize, blocked: bool) {
        self.oracle.was_blocked |= blocked;
        if self.blocked[from][to] != blocked {
            self.blocked[from][to] = blocked;
            self.disturb();
        }
    }

    /// A host firewall drops what comes in.
    pub(crate) fn block_input(&mut self, i: usize) {
        (0..self.nodes.len()).for_each(|j| self.set_blocked(j, i, true));
    }

    pub(crate) fn block_output(&mut self, i: usize) {
        (0..self.nodes.len()).for_each(|j| self.set_blocked(i, j, true));
    }

    pub(crate) fn unblock(&mut self) {
        let nodes = self.nodes.len();
        for (i, j) in (0..nodes).flat_map(|i| (0..nodes).map(move |j| (i, j))) {
            self.set_blocked(i, j, false);
        }
    }

    /// The speaker ends for good.
    pub(crate) fn hand_over(&mut self, i: usize) {
        self.nodes[i].leaving = true;
        self.input(i, Input::Shutdown(Shutdown::HandOver));
        self.disturb();
    }

    /// Something of what firewalls, subnets and the API do.
    pub(crate) fn random_block(&mut self) {
        let nodes = self.nodes.len();
        let (i, j) = (
            self.chance_of_blocks.index(nodes),
            self.chance_of_blocks.index(nodes),
        );
        let which = self.chance_of_blocks.below(16);
        if self.told && which < 9 {
            println!("{:?} BLOCK {which} at nodes {i}, {j}", self.now);
        }
        match which {
            0 => self.block_input(i),
            1 => self.block_output(i),
            2 => {
                self.block_input(i);
                self.block_output(i);
            }
            3 => (0..nodes).for_each(|i| self.block_input(i)),
            4 => self.set_blocked(i, j, true),
            5 | 6 => self.unblock(),
            7 => {
                let fresh = !self.nodes[i].fresh;
                self.set_fresh(i, fresh);
            }
            8 => {
                let subnet = !self.nodes[i].subnet;
                self.set_subnet(i, subnet);
            }
            _ => {}
        }
    }

    pub(crate) fn set_keys(&mut self, i: usize, stage: u8) {
        self.nodes[i].keys = stage;
        self.input(i, Input::Keys(Self::keys(stage)));
    }

    /// One of the faults that nodes, network and API know.
    pub(crate) fn random_fault(&mut self, lag: u64) {
        let nodes = self.nodes.len();
        let i = self.chance.index(nodes);
        let short = Duration::from_millis(self.chance.between(20, 1500));
        let which = self.chance.below(20);
        if self.told {
            println!("{:?} FAULT {which} at node {i}", self.now);
        }
        match which {
            0 => {
                self.kill(i);
                self.start_later(i, short);
            }
            1 => {
                self.nodes[i].disk = Snapshot::default();
                self.kill(i);
                self.start_later(i, short);
            }
            2 | 3 => {
                self.power_off(i);
                let after = Duration::from_millis(self.chance.between(500, 5000));
                self.start_later(i, after);
            }
            4 => self.restart(i, short),
            5 => {
                let kernel = self.chance.happens(500);
                self.pause(i, short, kernel);
            }
            6 => {
                let time = Duration::from_millis(self.chance.between(300, 6000));
                let kernel = self.chance.happens(500);
                self.pause(i, time, kernel);
            }
            7 => self.isolate(i),
            8 => {
                let groups: Vec<usize> = (0..nodes).map(|_| self.chance.index(2)).collect();
                self.split(&groups);
            }
            9 => {
                let groups: Vec<usize> = (0..nodes).map(|_| self.chance.index(3)).collect();
                self.split(&groups);
            }
            10 | 11 => self.heal(),
            12 => self.deafen(i),
            13 => self.mute(i),
            14 => {
                let j = self.chance.index(nodes);
                if i != j {
                    self.set_cut(i, j, true);
                }
            }
            15 => {
                let drain = !self.nodes[i].draining;
                self.set_drain(i, drain);
            }
            16 => {
                let able = !self.nodes[i].able;
                self.set_able(i, able);
            }
            17 => {
                let carrier = !self.nodes[i].carrier;
                self.set_carrier(i, carrier);
            }
            18 => self.move_eligibility(lag),
            _ => self.rotate_a_key(i),
        }
    }

    fn move_eligibility(&mut self, lag: u64) {
        let nodes = self.nodes.len();
        let units = self.truth().units.len();
        let (which, who) = (self.chance.index(units), self.chance.index(nodes));
        let preference = self.chance.below(2) as u32;
        self.change(|facts| {
            if let Some(unit) = facts.units.get_mut(&unit(which))
                && candidates(unit).remove(&name(who)).is_none()
            {
                candidates(unit).insert(name(who), preference);
            }
        });
        for j in 0..nodes {
            let after = Duration::from_millis(self.chance.below(lag + 1));
            self.tell_later(j, after);
        }
    }

    /// Nobody seals with a key that another does not know.
    fn rotate_a_key(&mut self, i: usize) {
        let stages = self.nodes.iter().map(|node| node.keys);
        let (low, high) = (stages.clone().min().unwrap_or(0), stages.max().unwrap_or(0));
        let stage = self.nodes[i].keys;
        if stage < 2 && high <= low + 1 && stage == low {
            self.set_keys(i, stage + 1);
        }
    }

    /// Somebody who has no key, and has recorded what was said.
    pub(crate) fn attack(&mut self) {
        let to = self.chance.index(self.nodes.len());
        let count = self.recorded.len();
        if count == 0 {
            return;
        }
        let pick = self.chance.index(count);
        let mut octets = self.recorded[pick].to_vec();
        match self.chance.below(3) {
            0 => {}
            1 => {
                let at = self.chance.index(octets.len());
                octets[at] ^= 1 << self.chance.below(8);
            }
            _ => octets.truncate(self.chance.index(octets.len())),
        }
        self.inject(to, octets.into());
    }

    /// One family fails from one node to another, or to all, or works again. Never both.
    pub(crate) fn random_family_fault(&mut self) {
        if !self.network.ipv6 {
            return;
        }
        let nodes = self.nodes.len();
        let cut = match self.chance_of_ipv6.below(3) {
            0 => None,
            family => Some(family == 1),
        };
        let (from, to) = (self.chance_of_ipv6.index(nodes), self.chance_of_ipv6.index(nodes));
        let all = self.chance_of_ipv6.happens(300);
        for (a, b) in (0..nodes).flat_map(|a| (0..nodes).map(move |b| (a, b))) {
            if all || (a, b) == (from, to) {
                self.cut_family[a][b] = cut;
            }
        }
        self.disturb();
    }

    /// Clocks run at different rates: as quartz does, and now and then as badly as an emulated timer.
    pub(crate) fn set_random_rates(&mut self) {
        let (coarse, now) = (self.chance_of_clocks.happens(200), self.now);
        let most = if coarse { 10_000 } else { 200 };
        for node in &mut self.nodes {
            let rate = self.chance_of_clocks.between(0, 2 * most) as i32 - most as i32;
            node.clock.set_rate(now, rate);
        }
    }

    /// Two nodes are cut from each other, whomever else they hear.
    pub(crate) fn random_cut(&mut self) {
        let nodes = self.nodes.len();
        let (a, b) = (
            self.chance_of_clocks.index(nodes),
            self.chance_of_clocks.index(nodes),
        );
        if a != b && self.chance_of_clocks.happens(100) {
            self.set_cut(a, b, true);
            self.set_cut(b, a, true);
        }
    }

    /// A clock jumps or stands still.
    pub(crate) fn random_clock_fault(&mut self) {
        let i = self.chance_of_clocks.index(self.nodes.len());
        let short = Duration::from_micros(self.chance_of_clocks.below(400_000));
        let long = Duration::from_millis(self.chance_of_clocks.below(20_000));
        let which = self.chance_of_clocks.below(20);
        if self.told && which < 4 {
            println!("{:?} CLOCK FAULT {which} at node {i}", self.now);
        }
        match which {
            0 | 1 => self.jump(i, short),
            2 => self.jump(i, long),
            3 => self.suspend(i, long / 4),
            _ => {}
        }
    }

    /// The end of all faults.
    pub(crate) fn repair_everything(&mut self) {
        self.cut_family.iter_mut().for_each(|row| row.fill(None));
        (self.network.loss, self.network.stragglers) = (0, 0);
        self.heal();
        self.unblock();
        for i in 0..self.nodes.len() {
            self.set_carrier(i, true);
            self.set_fresh(i, true);
            self.set_subnet(i, true);
            if self.nodes[i].draining {
                self.set_drain(i, false);
            }
            if !self.nodes[i].able {
                self.set_able(i, true);
            }
            if self.nodes[i].speaker.is_none() {
                self.start_later(i, Duration::from_millis(1));
            }
            self.tell(i);
        }
    }
}
