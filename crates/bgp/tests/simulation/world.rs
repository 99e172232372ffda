use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use bgp::Settings;
use bgp::wire::Form;
use ipnet::IpNet;

use crate::chance::Chance;
use crate::facts::Facts;
use crate::over::Over;
use crate::peer::{Kind, Peer};

mod herald;
mod network;

pub(crate) use herald::Life;
pub(crate) use network::Wire;

/// What happens at some time.
pub(crate) enum What {
    /// A dial comes to its end: of which life, and the how many-eth.
    Dialled(u64, u64),
    /// The next piece, of whatever there is on the way to this side.
    Arrives {
        wire: u64,
        side: Side,
    },
    Start(Birth),
    Tell,
    Wake,
    /// The peer reads again.
    Reads,
}

/// Whose place a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Birth {
    /// Nobody's.
    Afresh,
    /// That of one that has ended.
    Again,
    /// The same, and the node has been off in between.
    Rebooted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Herald,
    Peer,
}

pub(crate) struct Happening {
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

pub(crate) struct World {
    pub(crate) now: Duration,
    epoch: Instant,
    pub(crate) chance: Chance,
    queue: BinaryHeap<Reverse<Happening>>,
    order: u64,
    pub(crate) settings: Settings,
    pub(crate) over: Over,
    /// What was agreed on last.
    pub(crate) last_form: Form,
    /// Of Herald's process; none while it is down.
    pub(crate) life: Option<Life>,
    pub(crate) lives: u64,
    /// What the last one knew.
    recalled: Option<Facts>,
    /// The truth, which a process learns when it runs.
    pub(crate) facts: Facts,
    pub(crate) peer: Peer,
    /// Whether the peer reads what comes.
    pub(crate) reads: bool,
    unread: Vec<u8>,
    /// Whether dials reach it.
    pub(crate) reachable: bool,
    pub(crate) wire: Option<Wire>,
    wires: u64,
    /// In microseconds, one way.
    pub(crate) delay: (u64, u64),
    /// How much is on its way before TCP takes no more.
    pub(crate) capacity: usize,
    /// S7: what the peer must not lose until the session is back.
    pub(crate) kept: BTreeSet<IpNet>,
    /// Whether everything is printed as it happens.
    pub(crate) told: bool,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    pub(crate) fn new(seed: u64, settings: Settings, kind: Kind, over: Over, mut facts: Facts) -> Self {
        facts.next_hops = over.next_hops();
        Self {
            now: Duration::ZERO,
            epoch: Instant::now(),
            chance: Chance::new(seed),
            queue: BinaryHeap::new(),
            order: 0,
            settings,
            over,
            last_form: Form::default(),
            life: None,
            lives: 0,
            recalled: None,
            facts,
            peer: Peer::new(kind),
            reads: true,
            unread: Vec::new(),
            reachable: true,
            wire: None,
            wires: 0,
            delay: (50, 2000),
            capacity: 64 * 1024,
            kept: BTreeSet::new(),
            told: false,
        }
    }

    pub(crate) fn instant(&self) -> Instant {
        self.epoch + self.now
    }

    pub(crate) fn since_epoch(&self, at: Instant) -> Duration {
        at - self.epoch
    }

    pub(crate) fn after(&mut self, time: Duration, what: What) {
        self.order += 1;
        let (at, order) = (self.now + time, self.order);
        self.queue.push(Reverse(Happening { at, order, what }));
    }

    pub(crate) fn tell_story(&self, text: impl FnOnce() -> String) {
        if self.told {
            println!("{:>12.6?} {}", self.now.as_secs_f64(), text());
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Dialled(life, dial) => self.dialled(life, dial),
            What::Arrives { wire, side } => self.arrives(wire, side),
            What::Start(birth) => self.start(birth),
            What::Tell => self.tell_facts(),
            What::Wake => self.wake(),
            What::Reads => self.read_again(),
        }
    }

    /// Lets time run, and checks all along.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        loop {
            let queued = self.queue.peek().map(|Reverse(next)| next.at);
            let timer = self.life.as_ref().and_then(Life::timer);
            let deadline = self.peer.deadline();
            let Some(next) = [queued, timer, deadline].into_iter().flatten().min() else {
                break;
            };
            if next > end {
                break;
            }
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 10_000, "time stands still at {:?}", self.now);
            self.now = next.max(self.now);
            if queued.is_some_and(|at| at <= self.now) {
                if let Some(Reverse(next)) = self.queue.pop() {
                    self.happen(next.what);
                }
            } else if timer.is_some_and(|at| at <= self.now) {
                self.timeout();
            } else {
                self.peer.tick(self.now);
                self.obey();
            }
            self.check_kept();
        }
        self.now = end;
    }

    /// Runs until `done`, but not longer than `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) && self.now < end {
            self.run_for(Duration::from_millis(500));
        }
        done(self)
    }
}
