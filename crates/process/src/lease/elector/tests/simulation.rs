//! Several electors and one store on a bad network, in virtual time.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_millis(50);
/// When a driver stops waiting for an answer.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The lease as the API server keeps it: a write counts only at the version it names.
#[derive(Default)]
struct Store {
    lease: Option<Record>,
    version: u32,
}

impl Store {
    fn apply(&mut self, who: &str, action: &Action) -> Answer {
        let Action::Write { intent, version } = action else {
            return Answer::Lease(self.lease.clone());
        };
        if *version != self.lease.as_ref().map(|lease| lease.version.clone()) {
            return Answer::Conflict;
        }
        self.version += 1;
        let holder = if *intent == Intent::Release { "" } else { who };
        self.lease = Some(record(holder, self.version));
        Answer::Written(record(holder, self.version))
    }
}

enum Answer {
    Lease(Option<Record>),
    Written(Record),
    Conflict,
}

/// A request on its way: it takes effect at one time, and its answer, if any, arrives at another.
struct Request {
    action: Action,
    sent: Duration,
    takes_effect: Option<Duration>,
    answers: Option<Duration>,
    answer: Option<Answer>,
}

struct Node {
    name: String,
    elector: Elector,
    request: Option<Request>,
    /// Requests that nobody waits for any more, but which may still take effect.
    stray: Vec<Request>,
    paused_until: Duration,
    /// Nothing that it sends before this arrives anywhere.
    cut_off_until: Duration,
    /// How fast this node's clock runs, in percent.
    rate: u32,
}

struct World {
    epoch: Instant,
    time: Duration,
    store: Store,
    nodes: Vec<Node>,
    /// Chances, used up one by one; when they are gone nothing goes wrong any more.
    chances: VecDeque<u8>,
}

impl World {
    fn new(nodes: usize, timing: Timing, chances: Vec<u8>, rates: &[u32]) -> Self {
        let epoch = start();
        let node = |i: usize| Node {
            name: format!("node-{i}"),
            elector: Elector::new(format!("node-{i}"), timing, epoch),
            request: None,
            stray: Vec::new(),
            paused_until: Duration::ZERO,
            cut_off_until: Duration::ZERO,
            rate: rates[i % rates.len()],
        };
        let nodes = (0..nodes).map(node).collect();
        Self {
            epoch,
            time: Duration::ZERO,
            store: Store::default(),
            nodes,
            chances: chances.into(),
        }
    }

    fn chance(&mut self) -> Option<u8> {
        self.chances.pop_front()
    }

    fn local(&self, i: usize) -> Instant {
        self.epoch + self.time * self.nodes[i].rate / 100
    }

    fn leaders(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|&i| self.nodes[i].elector.is_leader(self.local(i)))
            .collect()
    }

    fn tick(&mut self) {
        self.time += TICK;
        for i in 0..self.nodes.len() {
            self.serve(i);
            if self.nodes[i].paused_until <= self.time {
                self.run(i);
            }
        }
        let leaders = self.leaders();
        assert!(leaders.len() < 2, "at {:?} {leaders:?} lead at once", self.time);
    }

    /// The API server's side.
    fn serve(&mut self, i: usize) {
        let (store, time) = (&mut self.store, self.time);
        let Node {
            name, request, stray, ..
        } = &mut self.nodes[i];
        for request in stray.iter_mut().chain(request) {
            if request.answer.is_none() && request.takes_effect.is_some_and(|at| at <= time) {
                request.answer = Some(store.apply(name, &request.action));
            }
        }
    }

    /// The node's driver.
    fn run(&mut self, i: usize) {
        let now = self.local(i);
        self.nodes[i].elector.handle_timeout(now);
        if let Some(request) = self.nodes[i].request.take() {
            self.wait(i, now, request);
        }
        if self.nodes[i].request.is_none()
            && let Some(action) = self.nodes[i].elector.poll_action(now)
        {
            self.send(i, action);
        }
    }

    fn wait(&mut self, i: usize, now: Instant, mut request: Request) {
        let Node {
            elector,
            request: waiting,
            stray,
            ..
        } = &mut self.nodes[i];
        let arrived = request.answers.is_some_and(|at| at <= self.time);
        match request.answer.take_if(|_| arrived) {
            Some(Answer::Lease(lease)) => elector.handle_read(now, lease),
            Some(Answer::Written(lease)) => elector.handle_written(now, lease),
            Some(Answer::Conflict) => elector.handle_conflict(now),
            None if self.time >= request.sent + PATIENCE => {
                elector.handle_failure(now);
                stray.push(request);
            }
            None => *waiting = Some(request),
        }
    }

    fn send(&mut self, i: usize, action: Action) {
        let sent = self.time;
        let delay = |chance: u8| Duration::from_millis(u64::from(chance) * 30);
        let cut_off = sent < self.nodes[i].cut_off_until;
        let (takes_effect, answers) = match (self.chance(), self.chance()) {
            (Some(0..60), _) => (None, None),
            (Some(_), _) if cut_off => (None, None),
            (Some(way), Some(0..60)) => (Some(sent + delay(way)), None),
            (Some(way), Some(back)) => (Some(sent + delay(way)), Some(sent + delay(way) + delay(back))),
            (_, _) => (Some(sent), Some(sent)),
        };
        self.nodes[i].request = Some(Request {
            action,
            sent,
            takes_effect,
            answers,
            answer: None,
        });
        match self.chance() {
            Some(chance @ 0..20) => self.nodes[i].paused_until = sent + delay(chance) * 50,
            Some(20..50) => self.nodes[i].cut_off_until = sent + Duration::from_secs(25),
            Some(_) | None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lost requests, lost answers, answers after the driver gave up, writes that take effect late, pauses, and clocks that
    /// differ by up to a fifth in speed.
    #[test]
    fn two_never_lead_at_once_and_one_leads_when_the_faults_are_over(
        chances in prop::collection::vec(any::<u8>(), 0..600),
        rates in prop::collection::vec(90_u32..=110, 3),
    ) {
        let mut world = World::new(3, timing(10 * SECOND), chances, &rates);
        while !world.chances.is_empty() {
            world.tick();
        }
        // The longest pause, then a lease that runs out by the slowest clock.
        let quiet = world.time + Duration::from_secs(60);
        while world.time < quiet {
            world.tick();
        }
        let leaders = world.leaders();
        prop_assert_eq!(leaders.len(), 1);
        for _ in 0..600 {
            world.tick();
            prop_assert_eq!(&world.leaders(), &leaders, "and it stays where it is");
        }
    }

    /// With equal clocks nothing but the order of events keeps the leaders apart: the deadline is all but as long as the
    /// lease.
    #[test]
    fn two_never_lead_at_once_however_short_the_margin(chances in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut world = World::new(3, timing(15 * SECOND - TICK), chances, &[100]);
        while !world.chances.is_empty() {
            world.tick();
        }
    }
}

#[test]
fn a_leader_that_vanishes_is_replaced_after_the_lease_and_no_sooner() {
    let mut world = World::new(2, timing(10 * SECOND), Vec::new(), &[100]);
    for _ in 0..20 {
        world.tick();
    }
    let [leader] = world.leaders()[..] else {
        panic!("one leads")
    };
    world.nodes[leader].paused_until = Duration::MAX;
    let vanished = world.time;
    while world.leaders() != [1 - leader] {
        world.tick();
        assert!(world.time < vanished + 16 * SECOND);
    }
    assert!(world.time >= vanished + 12 * SECOND);
}

#[test]
fn a_leader_that_stops_hands_over_within_one_look_of_the_standby() {
    let mut world = World::new(2, timing(10 * SECOND), Vec::new(), &[100]);
    for _ in 0..20 {
        world.tick();
    }
    let [leader] = world.leaders()[..] else {
        panic!("one leads")
    };
    let now = world.local(leader);
    world.nodes[leader].elector.handle_stop(now);
    let stopped = world.time;
    while !world.nodes[leader].elector.is_finished() {
        world.tick();
    }
    let now = world.local(1 - leader);
    world.nodes[1 - leader].elector.handle_vacancy(now);
    while world.leaders() != [1 - leader] {
        world.tick();
    }
    assert!(world.time <= stopped + 6 * TICK, "{:?}", world.time - stopped);
}
