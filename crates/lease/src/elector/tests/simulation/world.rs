//! Electors, what they do as leaders, and a store that can be put back, tick by tick.

use std::collections::{BTreeMap, VecDeque};

use super::*;

pub(super) const TICK: Duration = Duration::from_millis(50);
/// When a driver stops waiting for an answer.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How long a driver that stops tries to give the lease back.
const RELEASE_PATIENCE: Duration = Duration::from_secs(3);

/// What can go wrong, and what must not.
pub(super) struct Rules {
    pub(super) timing: Timing,
    /// How fast the clocks run, in percent, one node after the other.
    pub(super) rates: Vec<u32>,
    /// How long a request may be on its way, and its answer once more.
    pub(super) way: Duration,
    /// How long what a leader sends may take effect.
    pub(super) act: Duration,
    /// While this may still take effect, nobody else leads; else at least none who comes back under the same name.
    pub(super) acts_of: ActsOf,
    /// The store may be put back to an older state.
    pub(super) restores: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ActsOf {
    FormerLives,
    Everybody,
}

/// The lease as the API server keeps it: a write counts only at the version it names.
#[derive(Default)]
struct Store {
    lease: Option<Record>,
    version: u32,
    writes: i64,
    /// Every state before the present one, in order.
    history: Vec<(Option<Record>, u32)>,
}

impl Store {
    fn apply(&mut self, who: &Identity, action: &Action) -> Answer {
        let Action::Write { intent, version } = action else {
            return Answer::Lease(self.lease.clone());
        };
        if *version != self.lease.as_ref().map(|lease| lease.version.clone()) {
            return Answer::Conflict;
        }
        self.history.push((self.lease.take(), self.version));
        self.version += 1;
        self.writes += 1;
        let lease = Record {
            holder: (*intent != Intent::Release).then(|| who.to_string()),
            duration: Some(if *intent == Intent::Release {
                SECOND
            } else {
                15 * SECOND
            }),
            renewed: Some(jiff::Timestamp::from_second(self.writes).unwrap()),
            version: Version::new(self.version.to_string()),
        };
        self.lease = Some(lease.clone());
        Answer::Written(lease)
    }

    /// Whether a look now shows that the store does not go on from `known`.
    fn has_lost(&self, known: Option<&Record>) -> bool {
        let number = |lease: &Record| lease.version.as_str().parse::<u32>().unwrap();
        match (known, &self.lease) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(known), Some(lease)) => number(known) >= number(lease) && known != lease,
        }
    }

    /// The versions that follow are given once more, for other leases.
    fn put_back(&mut self, states: usize) {
        let kept = self.history.len().saturating_sub(states);
        if let Some(state) = self.history.drain(kept..).next() {
            (self.lease, self.version) = state;
        }
    }
}

enum Answer {
    Lease(Option<Record>),
    Written(Record),
    Conflict,
}

/// A request on its way: it takes effect at one time, and its answer, if any, arrives at another.
struct Request {
    who: Identity,
    action: Action,
    sent: Duration,
    takes_effect: Option<Duration>,
    answers: Option<Duration>,
    answer: Option<Answer>,
}

/// One process of a node, from its start to its end.
struct Process {
    identity: Identity,
    elector: Elector,
    request: Option<Request>,
    stopped: Option<Duration>,
    /// The lease as it saw it last.
    known: Option<Record>,
}

/// A place that always has the same name, in which one process at a time runs.
struct Node {
    lives: u32,
    process: Option<Process>,
    /// When the next process starts.
    starts: Duration,
    /// Requests that nobody waits for any more, but which may still take effect.
    stray: Vec<Request>,
    paused_until: Duration,
    /// Nothing that it sends before this arrives anywhere.
    cut_off_until: Duration,
    rate: u32,
}

/// All of it. [`tick`](Self::tick) checks that nobody leads who must not.
pub(super) struct World {
    rules: Rules,
    epoch: Instant,
    pub(super) time: Duration,
    store: Store,
    nodes: Vec<Node>,
    /// Until when the last thing that a process did as leader may take effect, by node and life.
    acts: BTreeMap<(usize, u32), Duration>,
    /// Chances, used up one by one; when they are gone nothing goes wrong any more.
    pub(super) chances: VecDeque<u8>,
    /// How often a process found the store put back.
    pub(super) setbacks: usize,
}

impl World {
    pub(super) fn new(nodes: usize, rules: Rules, chances: Vec<u8>) -> Self {
        let node = |i: usize| Node {
            lives: 0,
            process: None,
            starts: Duration::ZERO,
            stray: Vec::new(),
            paused_until: Duration::ZERO,
            cut_off_until: Duration::ZERO,
            rate: rules.rates[i % rules.rates.len()],
        };
        Self {
            nodes: (0..nodes).map(node).collect(),
            rules,
            epoch: start(),
            time: Duration::ZERO,
            store: Store::default(),
            acts: BTreeMap::new(),
            chances: chances.into(),
            setbacks: 0,
        }
    }

    pub(super) fn leaders(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&i| self.leads(i)).collect()
    }

    pub(super) fn tick(&mut self) {
        self.time += TICK;
        for i in 0..self.nodes.len() {
            self.serve(i);
            if self.nodes[i].paused_until <= self.time {
                self.run(i);
            }
        }
        let leaders = self.leaders();
        assert!(leaders.len() < 2, "at {:?} {leaders:?} lead at once", self.time);
        for leader in leaders {
            self.assert_settled(leader);
        }
    }

    /// Runs until `done`, but not longer than `limit`, and says how long it took.
    pub(super) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> Duration {
        let begun = self.time;
        while !done(self) {
            self.tick();
            assert!(self.time <= begun + limit, "not within {limit:?}");
        }
        self.time - begun
    }

    /// The node that leads, after a little while without faults.
    pub(super) fn leader(&mut self) -> usize {
        for _ in 0..20 {
            self.tick();
        }
        let [leader] = self.leaders()[..] else {
            panic!("one leads")
        };
        leader
    }

    /// Nothing runs on the node any more.
    pub(super) fn vanish(&mut self, i: usize) {
        self.crash(i, Duration::MAX);
    }

    /// The process ends on the spot, and another one starts at `starts`.
    pub(super) fn crash(&mut self, i: usize, starts: Duration) {
        let Some(process) = self.nodes[i].process.take() else {
            return;
        };
        self.nodes[i].stray.extend(process.request);
        // Not sooner than a restore allows.
        self.nodes[i].starts = self.nodes[i].starts.max(starts);
    }

    /// What the leader did has ended, and the process ends in order.
    pub(super) fn stop(&mut self, i: usize) {
        let now = self.local(i);
        self.acts.remove(&(i, self.nodes[i].lives));
        if let Some(process) = &mut self.nodes[i].process {
            process.elector.handle_stop(now);
            process.stopped = Some(self.time);
        }
    }

    /// A watch shows the node that the lease has no holder.
    pub(super) fn show_vacancy(&mut self, i: usize) {
        let now = self.local(i);
        if let Some(process) = &mut self.nodes[i].process {
            process.elector.handle_vacancy(now);
        }
    }

    pub(super) fn runs(&self, i: usize) -> bool {
        self.nodes[i].process.is_some()
    }

    /// The store loses its last `states` states. Those who cannot notice, for what they know of is not lost, do nothing until
    /// every leader of that time has stopped and all it sent has settled.
    pub(super) fn put_back(&mut self, states: usize) {
        let before = self.store.version;
        self.store.put_back(states);
        if self.store.version == before {
            return;
        }
        let over = self.time + self.rules.timing.renew_deadline + self.rules.act;
        for node in &mut self.nodes {
            node.starts = node.starts.max(over);
            if node
                .process
                .as_ref()
                .is_some_and(|process| !self.store.has_lost(process.known.as_ref()))
            {
                node.paused_until = node.paused_until.max(over);
            }
        }
    }

    fn chance(&mut self) -> Option<u8> {
        self.chances.pop_front()
    }

    fn local(&self, i: usize) -> Instant {
        self.epoch + self.time * self.nodes[i].rate / 100
    }

    fn leads(&self, i: usize) -> bool {
        let process = self.nodes[i].process.as_ref();
        process.is_some_and(|process| process.elector.is_leader(self.local(i)))
    }

    fn assert_settled(&self, leader: usize) {
        let own = (leader, self.nodes[leader].lives);
        for (&other, &until) in self.acts.iter().filter(|(other, _)| **other != own) {
            let counts = other.0 == leader || self.rules.acts_of == ActsOf::Everybody;
            assert!(
                !counts || until <= self.time,
                "at {:?} {own:?} leads, and until {until:?} what {other:?} sent may take effect",
                self.time
            );
        }
    }

    /// The API server's side.
    fn serve(&mut self, i: usize) {
        let (store, time) = (&mut self.store, self.time);
        let Node { process, stray, .. } = &mut self.nodes[i];
        let waiting = process.as_mut().and_then(|process| process.request.as_mut());
        for request in stray.iter_mut().chain(waiting) {
            if request.answer.is_none() && request.takes_effect.is_some_and(|at| at <= time) {
                request.answer = Some(store.apply(&request.who, &request.action));
            }
        }
        stray.retain(|request| request.answer.is_none() && request.takes_effect.is_some());
    }

    /// The node's driver, and what it does as leader: at every tick something that takes effect as late as possible.
    fn run(&mut self, i: usize) {
        let now = self.local(i);
        let node = &mut self.nodes[i];
        if node.process.is_none() && node.starts <= self.time {
            node.lives += 1;
            let identity = Identity::new(&format!("node-{i}"), &node.lives.to_string());
            node.process = Some(Process {
                elector: Elector::new(identity.clone(), self.rules.timing, now),
                identity,
                request: None,
                stopped: None,
                known: None,
            });
        }
        let Some(process) = &mut node.process else {
            return;
        };
        process.elector.handle_timeout(now);
        if let Some(stray) = process.wait(now, self.time) {
            node.stray.push(stray);
        }
        self.setbacks += usize::from(process.elector.poll_setback().is_some());
        let gives_up = process
            .stopped
            .is_some_and(|at| self.time >= at + RELEASE_PATIENCE);
        if process.elector.is_finished() || gives_up {
            return self.crash(i, self.time + SECOND);
        }
        if process.elector.is_leader(now) {
            self.acts.insert((i, node.lives), self.time + self.rules.act);
        }
        if process.request.is_none()
            && let Some(action) = process.elector.poll_action(now)
        {
            self.send(i, action);
        }
    }

    fn send(&mut self, i: usize, action: Action) {
        let sent = self.time;
        let way = self.rules.way;
        // Mostly short, at times as long as it gets.
        let delay = |chance: u8| way * u32::from(chance).pow(4) / 255_u32.pow(4);
        let cut_off = sent < self.nodes[i].cut_off_until;
        let (takes_effect, answers) = match (self.chance(), self.chance()) {
            (Some(0..60), _) => (None, None),
            (Some(_), _) if cut_off => (None, None),
            (Some(there), Some(0..60)) => (Some(sent + delay(there)), None),
            (Some(there), Some(back)) => (Some(sent + delay(there)), Some(sent + delay(there) + delay(back))),
            (_, _) => (Some(sent), Some(sent)),
        };
        if let Some(process) = &mut self.nodes[i].process {
            process.request = Some(Request {
                who: process.identity.clone(),
                action,
                sent,
                takes_effect,
                answers,
                answer: None,
            });
        }
        self.befall(i);
    }

    fn befall(&mut self, i: usize) {
        let (Some(what), Some(how)) = (self.chance(), self.chance()) else {
            return;
        };
        let soon = self.time + 10 * SECOND * u32::from(how).pow(2) / 255_u32.pow(2);
        match what {
            0..15 => self.nodes[i].paused_until = self.time + SECOND * u32::from(how) / 9,
            15..40 => self.nodes[i].cut_off_until = self.time + SECOND * u32::from(how) / 10,
            // Who abandons the lease ends in the same way: what it sent may still take effect.
            40..55 => self.crash(i, soon),
            55..65 => self.stop(i),
            65..75 if self.rules.restores => self.put_back(usize::from(how % 16)),
            _ => {}
        }
    }
}

impl Process {
    /// Takes the answer that has arrived. A request that has been waited for too long is left to itself.
    fn wait(&mut self, now: Instant, time: Duration) -> Option<Request> {
        let mut request = self.request.take()?;
        let arrived = request.answers.is_some_and(|at| at <= time);
        match request.answer.take_if(|_| arrived) {
            Some(Answer::Lease(lease)) => {
                self.known = lease.clone();
                self.elector.handle_read(now, lease);
            }
            Some(Answer::Written(lease)) => {
                self.known = Some(lease.clone());
                self.elector.handle_written(now, lease);
            }
            Some(Answer::Conflict) => self.elector.handle_conflict(now),
            None if time >= request.sent + PATIENCE => {
                self.elector.handle_failure(now);
                return Some(request);
            }
            None => self.request = Some(request),
        }
        None
    }
}
