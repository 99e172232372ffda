use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use claim::{BootId, Event, Identity, Input, Key, Keys, Role, Segment, Settings, Snapshot, Transmit, Unit, UnitId};
use model::NodeName;

use crate::chance::Chance;
use crate::node::{GATEWAY, Node, address, mac, name, unit};
use crate::oracle::Oracle;

/// How the network treats what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// In microseconds.
    pub(crate) delay: (u64, u64),
    /// All in a thousand.
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    /// Of those that take another 30 ms.
    pub(crate) stragglers: u64,
    /// Whether the gateway answers, and there is other traffic.
    pub(crate) hosts: bool,
    /// In microseconds: how late timers and answers of the driver are at most.
    pub(crate) scheduling: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            delay: (200, 2000),
            loss: 0,
            duplicates: 0,
            stragglers: 0,
            hosts: true,
            scheduling: 1000,
        }
    }
}

/// What happens at some time.
enum What {
    Datagram { from: usize, to: usize, octets: Rc<[u8]> },
    Timer(usize),
    Wake(usize),
    Start(usize),
    Tell(usize, usize),
    Probe { from: usize, to: usize },
    Answer { to: usize, address: IpAddr },
    Announce { from: usize, unit: UnitId, life: u64 },
    Announcement { from: usize, to: usize, address: IpAddr, mac: [u8; 6] },
}

struct Happening {
    at: Duration,
    order: u64,
    what: What,
}

impl PartialEq for Happening {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Happening {}
impl PartialOrd for Happening {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Happening {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The facts of the API at some time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) units: BTreeMap<UnitId, Unit>,
    pub(crate) possible: BTreeSet<NodeName>,
}

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) network: Network,
    pub(crate) now: Duration,
    epoch: Instant,
    pub(crate) chance: Chance,
    pub(crate) nodes: Vec<Node>,
    /// Whether nothing gets from the one to the other. The gateway is the last.
    pub(crate) cut: Vec<Vec<bool>>,
    queue: BinaryHeap<Reverse<Happening>>,
    order: u64,
    /// Every state of the facts there ever was; the last is true.
    pub(crate) facts: Vec<Facts>,
    pub(crate) oracle: Oracle,
    /// Datagrams that somebody has recorded.
    pub(crate) recorded: Vec<Rc<[u8]>>,
    pub(crate) records: bool,
    /// Whether everything is printed as it happens.
    pub(crate) told: bool,
    /// How much has happened at this instant.
    at_once: u32,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    pub(crate) fn new(seed: u64, nodes: usize, settings: Settings, network: Network) -> Self {
        let possible = (0..nodes).map(name).collect();
        let facts = Facts {
            units: BTreeMap::new(),
            possible,
        };
        Self {
            settings,
            network,
            now: Duration::ZERO,
            epoch: Instant::now(),
            chance: Chance::new(seed),
            nodes: (0..nodes).map(Node::new).collect(),
            cut: vec![vec![false; nodes + 1]; nodes + 1],
            queue: BinaryHeap::new(),
            order: 0,
            facts: vec![facts],
            oracle: Oracle::new(nodes),
            recorded: Vec::new(),
            records: false,
            told: false,
            at_once: 0,
        }
    }

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

    pub(crate) fn set_units(&mut self, units: usize) {
        let candidates: BTreeMap<NodeName, u32> = (0..self.nodes.len()).map(|i| (name(i), 0)).collect();
        let facts = |i| {
            let (id, candidates) = (unit(i), candidates.clone());
            let addresses = BTreeSet::from([id.0]);
            (id, Unit { addresses, candidates })
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

    fn tell_version(&mut self, i: usize, version: usize) {
        if version < self.nodes[i].facts {
            return;
        }
        self.nodes[i].facts = version;
        let Facts { units, possible } = self.facts[version].clone();
        self.input(i, Input::Units(units));
        self.input(i, Input::Possible(possible));
        self.disturb();
    }

    /// Something happened that takes time to be got over.
    pub(crate) fn disturb(&mut self) {
        self.oracle.disturbed = self.now;
        self.oracle.stale = true;
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
        let now = self.instant();
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
        node.inbox.clear();
        node.answers.clear();
        node.stirred = self.now;
        node.timer = None;
        node.draining = false;
        node.able = true;
        node.quiet = false;
        let carrier = node.carrier;
        let interface = Input::Interface {
            mac: mac(i),
            addresses: BTreeSet::from([address(i)]),
        };
        self.input(i, interface);
        if !carrier {
            self.input(i, Input::Carrier(false));
        }
        self.tell(i);
        self.disturb();
    }

    pub(crate) fn start_later(&mut self, i: usize, after: Duration) {
        self.at(self.now + after, What::Start(i));
    }

    pub(crate) fn wake_later(&mut self, i: usize, until: Duration) {
        self.nodes[i].paused = Some(until);
        self.at(until, What::Wake(i));
    }

    fn instant(&self) -> Instant {
        self.epoch + self.now
    }

    fn at(&mut self, at: Duration, what: What) {
        self.order += 1;
        let order = self.order;
        self.queue.push(Reverse(Happening { at, order, what }));
    }

    /// Gives a speaker something, if it runs, and does what it says.
    pub(crate) fn input(&mut self, i: usize, input: Input<'_>) {
        let now = self.instant();
        if !self.nodes[i].runs() {
            return;
        }
        if let Some(speaker) = &mut self.nodes[i].speaker {
            speaker.handle_input(now, input);
        }
        self.drain(i);
    }

    fn timeout(&mut self, i: usize) {
        let now = self.instant();
        if !self.nodes[i].runs() {
            return;
        }
        if let Some(speaker) = &mut self.nodes[i].speaker {
            speaker.handle_timeout(now);
        }
        self.drain(i);
    }

    fn drain(&mut self, i: usize) {
        loop {
            let Some(transmit) = self.nodes[i].speaker.as_mut().and_then(Segment::poll_transmit) else {
                break;
            };
            match transmit {
                Transmit::Datagram(octets) => self.send(i, octets.into()),
                Transmit::Probe { address: asked, mac } => {
                    let to = (0..self.nodes.len()).find(|j| address(*j) == asked);
                    assert!(mac.is_some());
                    if let Some(to) = to
                        && let Some(delay) = self.crosses(i, to)
                    {
                        self.at(self.now + delay, What::Probe { from: i, to });
                    }
                }
                Transmit::CountFrames => {
                    let gateway = self.nodes.len();
                    if self.network.hosts
                        && let (Some(there), Some(back)) = (self.crosses(i, gateway), self.crosses(gateway, i))
                    {
                        self.at(self.now + there + back, What::Answer { to: i, address: GATEWAY });
                    }
                    let frames = self.nodes[i].frames;
                    self.input(i, Input::FramesReceived(frames));
                }
            }
        }
        let mut changed = false;
        loop {
            let Some(event) = self.nodes[i].speaker.as_mut().and_then(Segment::poll_event) else {
                break;
            };
            match &event {
                Event::Hold { unit, .. } | Event::Surrogate { unit, .. } => {
                    changed = true;
                    let life = self.nodes[i].lives;
                    for after in [0, 50, 200, 1000] {
                        let at = self.now + Duration::from_millis(after);
                        self.at(at, What::Announce { from: i, unit: *unit, life });
                    }
                }
                Event::Release { .. } => changed = true,
                Event::Quiet(quiet) => self.nodes[i].quiet = *quiet,
                Event::Member { .. } | Event::Moved { .. } | Event::Twin { .. } | Event::UnknownKey => {}
            }
            if self.told {
                println!("{:?} node {i}: {event:?}", self.now);
            }
            self.nodes[i].events.push((self.now, event));
        }
        if let Some(speaker) = &self.nodes[i].speaker {
            let timer = speaker.poll_timeout().map(|at| at.saturating_duration_since(self.epoch));
            let answers = changed.then(|| speaker.holdings().map(|(unit, role)| (*unit, role)).collect());
            if changed {
                self.oracle.stale = true;
                self.nodes[i].disk = speaker.snapshot();
            }
            if let Some(answers) = answers {
                self.nodes[i].answers = answers;
            }
            if let Some(timer) = timer
                && self.nodes[i].timer.is_none_or(|armed| timer < armed || armed <= self.now)
            {
                let late = Duration::from_micros(self.chance.below(self.network.scheduling + 1));
                let at = timer.max(self.now) + late;
                self.nodes[i].timer = Some(at);
                self.at(at, What::Timer(i));
            }
        }
    }

    /// How long something takes from the one to the other, if it arrives.
    fn crosses(&mut self, from: usize, to: usize) -> Option<Duration> {
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

    fn send(&mut self, from: usize, octets: Rc<[u8]>) {
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

    fn happen(&mut self, what: What) {
        match what {
            What::Datagram { from, to, octets } => self.arrive(from, to, octets),
            What::Timer(i) => {
                if self.nodes[i].timer.is_some_and(|at| at <= self.now) {
                    self.nodes[i].timer = None;
                    self.timeout(i);
                }
            }
            What::Wake(i) => self.wake(i),
            What::Start(i) => {
                if self.nodes[i].speaker.is_none() {
                    let disk = self.nodes[i].disk.clone();
                    self.start(i, disk);
                }
            }
            What::Tell(i, version) => self.tell_version(i, version),
            What::Probe { from, to } => {
                self.nodes[to].frames += 1;
                if self.nodes[to].kernel
                    && let Some(back) = self.crosses(to, from)
                {
                    self.at(self.now + back, What::Answer { to: from, address: address(to) });
                }
            }
            What::Answer { to, address } => {
                self.nodes[to].frames += 1;
                self.input(to, Input::ProbeAnswered { address });
            }
            What::Announce { from, unit, life } => self.announce(from, unit, life),
            What::Announcement { from: _, to, address, mac } => {
                self.nodes[to].frames += 1;
                if self.nodes[to].holds(&UnitId(address)) {
                    self.input(to, Input::Rival { address, mac });
                }
            }
        }
    }

    fn arrive(&mut self, from: usize, to: usize, octets: Rc<[u8]>) {
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
        let source = if from < self.nodes.len() { address(from) } else { GATEWAY };
        self.input(to, Input::Datagram { source, octets: &octets });
    }

    fn wake(&mut self, i: usize) {
        if self.nodes[i].paused.is_none_or(|until| until > self.now) {
            return;
        }
        let node = &mut self.nodes[i];
        node.paused = None;
        node.kernel = true;
        node.stirred = self.now;
        let inbox: Vec<_> = node.inbox.drain(..).collect();
        let facts = node.facts;
        self.disturb();
        if self.chance.happens(500) {
            self.timeout(i);
        }
        for octets in inbox {
            let source = GATEWAY;
            self.input(i, Input::Datagram { source, octets: &octets });
        }
        self.timeout(i);
        let Node { carrier, draining, able, keys, .. } = self.nodes[i];
        self.input(i, Input::Carrier(carrier));
        self.input(i, Input::Drain(draining));
        self.input(i, Input::Able(able));
        self.input(i, Input::Keys(Self::keys(keys)));
        self.tell_version(i, facts);
    }

    fn announce(&mut self, from: usize, unit: UnitId, life: u64) {
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
                let what = What::Announcement { from, to, address, mac };
                self.at(self.now + delay, what);
            }
        }
    }

    /// Lets time run, and checks all along.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(Reverse(next)) = self.queue.peek()
            && next.at <= end
        {
            let Some(Reverse(next)) = self.queue.pop() else {
                break;
            };
            if next.at > self.now && self.oracle.wants(self.now) {
                Oracle::check(self);
            }
            self.at_once = if next.at > self.now { 0 } else { self.at_once + 1 };
            assert!(self.at_once < 100_000, "time stands still at {:?}", self.now);
            self.now = next.at.max(self.now);
            self.happen(next.what);
        }
        self.now = end;
        Oracle::check(self);
    }

    /// Runs until `done`, but not longer than `limit`, and says how long it took.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let begun = self.now;
        while !done(self) {
            self.run_for(Duration::from_millis(1));
            assert!(self.now <= begun + limit, "not within {limit:?}");
        }
        self.now - begun
    }

    pub(crate) fn forget_events(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.events.clear());
    }
}
