//! Speakers and their drivers: starts, inputs, outputs, and the facts that they are told.

use super::*;

impl World {
    /// A world of nodes that start at once, for so many units, which everybody may hold.
    pub(crate) fn started(seed: u64, nodes: usize, units: usize, network: Network) -> Self {
        let mut world = Self::new(seed, nodes, Settings::default(), network);
        world.set_units(units);
        for i in 0..nodes {
            world.start(i, Snapshot::default());
        }
        world
    }

    /// The same when everybody has settled.
    pub(crate) fn settled(seed: u64, nodes: usize, units: usize, network: Network) -> Self {
        let mut world = Self::started(seed, nodes, units, network);
        world.run_for(Duration::from_secs(3));
        world.assert_converged();
        world.forget_events();
        world
    }

    /// The same when nothing is to be moved for balance any more.
    pub(crate) fn aged(seed: u64, nodes: usize, units: usize, network: Network) -> Self {
        let mut world = Self::settled(seed, nodes, units, network);
        world.run_for(Settings::default().settling);
        world.forget_events();
        world
    }

    pub(crate) fn set_units(&mut self, units: usize) {
        let candidates: BTreeMap<NodeName, u32> = (0..self.nodes.len()).map(|i| (name(i), 0)).collect();
        let candidates = Arc::new(candidates);
        let facts = |i| {
            let (id, candidates) = (unit(i), candidates.clone());
            let addresses = [id.0].into();
            (
                id,
                Unit {
                    addresses,
                    candidates,
                    ..Unit::default()
                },
            )
        };
        let units = (0..units).map(facts).collect();
        self.change(|facts| facts.units = units);
        for i in 0..self.nodes.len() {
            self.tell(i);
        }
    }

    /// Other facts, which nobody knows yet.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.facts.last().cloned().unwrap_or_default();
        change(&mut facts);
        self.facts.push(facts);
        self.disturb();
    }

    pub(crate) fn truth(&self) -> &Facts {
        self.facts.last().expect("there are always facts")
    }

    /// A node learns of the facts, now.
    pub(crate) fn tell(&mut self, i: usize) {
        self.tell_version(i, self.facts.len() - 1);
    }

    /// A node learns of the facts after a while.
    pub(crate) fn tell_later(&mut self, i: usize, after: Duration) {
        self.at(self.now + after, What::Tell(i, self.facts.len() - 1));
    }

    pub(crate) fn tell_version(&mut self, i: usize, version: usize) {
        if version < self.nodes[i].facts {
            return;
        }
        self.nodes[i].facts = version;
        let Facts { mut units, possible } = self.facts[version].clone();
        if !self.nodes[i].subnet {
            units.values_mut().for_each(|unit| unit.takes = Takes::None);
        }
        if let Some(part) = &self.nodes[i].part {
            units.values_mut().for_each(|unit| unit.takes = part.clone());
        }
        if self.not_serving.contains(&i) {
            units
                .values_mut()
                .for_each(|unit| unit.serving = claim::Serving::NotYet);
        }
        self.input(i, Input::Units(Arc::new(units)));
        self.input(i, Input::Possible(possible));
        self.disturb();
    }

    pub(crate) fn keys(stage: u8) -> Keys {
        let (old, new) = (Key::new([7; 32]), Key::new([8; 32]));
        match stage {
            0 => Keys::one(old),
            1 => Keys {
                seal: old,
                open: vec![new],
            },
            _ => Keys {
                seal: new,
                open: vec![old],
            },
        }
    }

    pub(crate) fn start(&mut self, i: usize, snapshot: Snapshot) {
        let now = self.instant(i);
        let settings = self.settings;
        let node = &mut self.nodes[i];
        node.lives += 1;
        let boot = BootId(Chance::new(node.lives << 32 | i as u64).number() ^ self.chance.number());
        let me = Identity {
            node: node.name.clone(),
            boot,
        };
        let keys = Self::keys(node.keys);
        node.speaker = Some(Segment::new(now, me, settings, keys, snapshot));
        node.kernel = true;
        node.paused = None;
        node.asleep = None;
        node.inbox.clear();
        node.answers.clear();
        node.stirred = self.now;
        node.timer = None;
        node.draining = false;
        node.able = true;
        node.leaving = false;
        node.quiet = false;
        let carrier = node.carrier;
        let interface = Input::Interface {
            mac: mac(i),
            addresses: BTreeSet::from([address(i)]),
        };
        self.nodes[i].boot = boot.0;
        self.input(i, interface);
        self.tell_speakers(i);
        if !self.nodes[i].fresh {
            self.input(i, Input::Fresh(false));
        }
        if !carrier {
            self.input(i, Input::Carrier(false));
        }
        self.tell(i);
        self.disturb();
    }

    /// What the API says of the other nodes' speakers, and the process of its own other interfaces.
    fn tell_speakers(&mut self, i: usize) {
        let others = (0..self.nodes.len()).filter(|j| self.nodes[*j].name != self.nodes[i].name);
        let mut speakers: BTreeMap<NodeName, KnownSpeaker> = BTreeMap::new();
        for j in others {
            let known = speakers.entry(self.nodes[j].name.clone()).or_default();
            known.macs.insert(mac(j));
            known.addresses.insert(address(j));
        }
        self.input(i, Input::Speakers(speakers));
        let same = |j: &usize| *j != i && self.nodes[*j].name == self.nodes[i].name;
        let related = |j: &usize| self.nodes[*j].sibling == Some(i) || self.nodes[i].sibling == Some(*j);
        let siblings: Vec<usize> = (0..self.nodes.len()).filter(same).filter(related).collect();
        for (one, other) in siblings.iter().flat_map(|j| [(i, *j), (*j, i)]) {
            let others = [(BootId(self.nodes[other].boot), other as u32)].into();
            let index = one as u32;
            self.input(one, Input::Siblings { index, others });
        }
    }

    pub(crate) fn start_later(&mut self, i: usize, after: Duration) {
        self.at(self.now + after, What::Start(i));
    }

    pub(crate) fn wake_later(&mut self, i: usize, until: Duration) {
        self.nodes[i].paused = Some(until);
        self.at(until, What::Wake(i));
    }

    /// Gives a speaker something, if it runs, and does what it says.
    pub(crate) fn input(&mut self, i: usize, input: Input<'_>) {
        let now = self.instant(i);
        if !self.nodes[i].runs() {
            return;
        }
        if let Some(speaker) = &mut self.nodes[i].speaker {
            speaker.handle_input(now, input);
        }
        self.drain(i);
    }

    pub(crate) fn timeout(&mut self, i: usize) {
        let now = self.instant(i);
        if !self.nodes[i].runs() {
            return;
        }
        if let Some(speaker) = &mut self.nodes[i].speaker {
            speaker.handle_timeout(now);
        }
        self.drain(i);
    }

    /// Who has this address? A node's own, or that of a unit.
    fn ask(&mut self, i: usize, asked: IpAddr, of: Option<[u8; 6]>) {
        let whose = (0..self.nodes.len()).find(|j| address(*j) == asked);
        if let Some(to) = whose {
            if let Some(delay) = self.crosses(i, to) {
                self.at(self.now + delay, What::Probe { from: i, to });
            }
            return;
        }
        let asks = |j: &usize| *j != i && of.is_none_or(|of| of == mac(*j));
        for to in (0..self.nodes.len()).filter(asks).collect::<Vec<_>>() {
            if let Some(delay) = self.crosses(i, to) {
                let address = asked;
                self.at(self.now + delay, What::Ask { from: i, to, address });
            }
        }
    }

    pub(super) fn drain(&mut self, i: usize) {
        while let Some(transmit) = self.nodes[i].speaker.as_mut().and_then(Segment::poll_transmit) {
            match transmit {
                Transmit::Datagram(octets) => self.send(i, octets.into()),
                Transmit::Probe {
                    address: asked,
                    mac: of,
                } => self.ask(i, asked, of),
                Transmit::CountFrames => {
                    let gateway = self.nodes.len();
                    if self.network.hosts
                        && let (Some(there), Some(back)) =
                            (self.crosses(i, gateway), self.crosses(gateway, i))
                    {
                        self.at(
                            self.now + there + back,
                            What::Answer {
                                to: i,
                                address: GATEWAY,
                                mac: GATEWAY_MAC,
                            },
                        );
                    }
                    let frames = self.nodes[i].frames;
                    self.input(i, Input::FramesReceived(frames));
                }
            }
        }
        let mut changed = false;
        while let Some(event) = self.nodes[i].speaker.as_mut().and_then(Segment::poll_event) {
            match &event {
                Event::Hold { unit, .. } | Event::Surrogate { unit, .. } => {
                    changed = true;
                    let life = self.nodes[i].lives;
                    for after in [0, 50, 200, 1000] {
                        let at = self.now + Duration::from_millis(after);
                        self.at(
                            at,
                            What::Announce {
                                from: i,
                                unit: *unit,
                                life,
                            },
                        );
                    }
                }
                Event::Release { .. } => changed = true,
                Event::Quiet(quiet) => self.nodes[i].quiet = *quiet,
                Event::Defend { unit } => {
                    let (unit, life) = (*unit, self.nodes[i].lives);
                    self.at(self.now, What::Announce { from: i, unit, life });
                }
                Event::Member { .. }
                | Event::Moved { .. }
                | Event::DuplicateNode { .. }
                | Event::Unheard(_)
                | Event::SecondInterface(_)
                | Event::UnknownKey => {}
            }
            if self.told {
                println!("{:?} node {i}: {event:?}", self.now);
            }
            self.nodes[i].events.push((self.now, event));
        }
        if let Some(speaker) = &self.nodes[i].speaker {
            let clock = self.nodes[i].clock;
            let timer = speaker
                .poll_timeout()
                .map(|at| clock.when(at.saturating_duration_since(self.epoch)));
            let answers = changed.then(|| speaker.holdings().map(|(unit, role)| (*unit, role)).collect());
            if changed {
                self.oracle.stale = true;
                self.nodes[i].disk = speaker.snapshot();
            }
            if let Some(answers) = answers {
                self.nodes[i].answers = answers;
            }
            if let Some(timer) = timer
                && self.nodes[i]
                    .timer
                    .is_none_or(|armed| timer < armed || armed <= self.now)
            {
                let late = Duration::from_micros(self.chance.below(self.network.scheduling + 1));
                let at = timer.max(self.now) + late;
                self.nodes[i].timer = Some(at);
                self.at(at, What::Timer(i));
            }
        }
    }

    pub(super) fn wake(&mut self, i: usize) {
        if self.nodes[i].paused.is_none_or(|until| until > self.now) {
            return;
        }
        let node = &mut self.nodes[i];
        node.paused = None;
        node.kernel = true;
        node.stirred = self.now;
        if let Some(shown) = node.asleep.take() {
            node.clock.set(self.now, shown);
            // It goes by what it knew before. Of those whose speakers were replaced meanwhile it must first miss the old.
            node.stirred += self.settings.interval * self.settings.misses;
        }
        let inbox: Vec<_> = node.inbox.drain(..).collect();
        let facts = node.facts;
        self.disturb();
        if self.chance.happens(500) {
            self.timeout(i);
        }
        for (octets, ipv6) in inbox {
            let source = if ipv6 { BY_IPV6 } else { GATEWAY };
            self.input(
                i,
                Input::Datagram {
                    source,
                    octets: &octets,
                },
            );
        }
        self.timeout(i);
        let Node {
            carrier,
            draining,
            able,
            keys,
            ..
        } = self.nodes[i];
        self.input(i, Input::Carrier(carrier));
        self.input(i, Input::Drain(draining));
        self.input(i, Input::Able(able));
        self.input(i, Input::Keys(Self::keys(keys)));
        self.tell_version(i, facts);
    }
}
