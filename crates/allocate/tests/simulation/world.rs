//! A world from a seed: time, the store, the replicas, the people, and what goes wrong.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use process::clock;

use super::api::{Answer, Failure};
use super::chance::Chance;
use super::faults::Faults;
use super::log::Who;
use super::network::Network;
use super::object::{Key, Kind};
use super::oracle::{Oracle, Violation};
use super::process::Process;
use super::store::{Backup, Store};
use super::stream::Streams;
use super::users::Users;
use allocate::REQUEST_TIMEOUT;

mod event;
mod traffic;
mod trouble;

use event::Event;

/// How long everything may take to come to rest after the last fault and the last edit: a list that hangs for as long as a
/// client waits, a lease that runs out, and the longest pauses between tries after that.
const SETTLING: Duration = Duration::from_secs(180);
/// How long the quiet is listened to.
const SILENCE: Duration = Duration::from_secs(120);

/// One replica: its processes, one after the other.
#[derive(Debug, Default)]
struct Replica {
    name: String,
    process: Option<Process>,
    life: u32,
    paused_until: Duration,
    /// How far its wall clock is off.
    wall_clock: jiff::SignedDuration,
    wakes_at: Option<Duration>,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    epoch: Instant,
    now: Duration,
    queue: BTreeMap<(Duration, u64), Event>,
    queued: u64,
    store: Store,
    streams: Streams,
    network: Network,
    replicas: [Replica; 2],
    /// What the server said and nobody has heard yet.
    answers: BTreeMap<(Who, u64), Result<Answer, Failure>>,
    /// Status writes that nobody has heard of yet.
    writes: BTreeMap<(Who, u64), Key>,
    users: Users,
    faults: Faults,
    backup: Option<Backup>,
    oracle: Oracle,
    /// How much of the log has been noticed by those who are told of it.
    noticed: usize,
    chance: Chance,
    /// Until when both replicas take themselves for the leader.
    divided_until: Duration,
    /// When the people rest and nothing goes wrong any more.
    calm_at: Duration,
    story: Option<Vec<String>>,
}

impl World {
    /// The world of a seed, before anything has happened in it.
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut users = Users::new(chance.fork());
        let mut store = Store::default();
        users.furnish(&mut store);
        Self {
            epoch: clock::now(),
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            queued: 0,
            store,
            streams: Streams::default(),
            network: Network::new(chance.fork()),
            replicas: Default::default(),
            answers: BTreeMap::new(),
            writes: BTreeMap::new(),
            users,
            faults: Faults::new(chance.fork()),
            backup: None,
            oracle: Oracle::default(),
            noticed: 0,
            divided_until: Duration::ZERO,
            calm_at: chance.between(Duration::from_secs(30), Duration::from_secs(150)),
            chance,
            story: None,
        }
    }

    /// A world in which the election fails for a while: both replicas lead.
    pub(super) fn divided(seed: u64) -> Self {
        let mut world = Self::new(seed);
        let until = world.calm_at / 2;
        world.divided_until = until;
        world.oracle.look_away_until(until + REQUEST_TIMEOUT);
        world.at(until, Event::Unite);
        world
    }

    /// Whether a controller has given one address to two Services that cannot share it.
    pub(super) fn was_doubled(&self) -> bool {
        self.oracle.was_doubled()
    }

    /// Keeps a story of all that happens.
    pub(super) fn with_story(mut self) -> Self {
        self.story = Some(Vec::new());
        self
    }

    /// The story so far.
    pub(super) fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    /// Lives through it: a time of trouble, a time to come to rest, and a time of quiet.
    pub(super) fn run(&mut self) -> Result<(), Violation> {
        let later = self.chance.between(Duration::ZERO, Duration::from_secs(5));
        self.at(Duration::ZERO, Event::Start(0));
        self.at(later, Event::Start(1));
        self.at(Duration::ZERO, Event::Edit);
        if let Some(pause) = self.faults.pause() {
            self.at(pause, Event::Fault);
        }
        while self.next_before(self.calm_at)? {}
        self.calm();
        let rest = self.calm_at + SETTLING;
        while self.next_before(rest)? {}
        let quiet = self.store.log().len();
        while self.next_before(rest + SILENCE)? {}
        self.oracle.judge_the_end(&self.store, quiet)
    }

    /// Does what is next; false when nothing is to happen before `end`.
    fn next_before(&mut self, end: Duration) -> Result<bool, Violation> {
        let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 < end) else {
            self.now = end;
            return Ok(false);
        };
        let ((at, _), event) = entry.remove_entry();
        self.now = at;
        self.happen(event)?;
        self.spread_news();
        self.oracle.watch(&self.store)?;
        Ok(true)
    }

    fn edit(&mut self) {
        let next = self.now + self.users.pause();
        self.at(next, Event::Edit);
        if (0..self.replicas.len()).any(|replica| !self.network.is_cut_off(replica, self.now)) {
            let words = self.users.act(&mut self.store, self.now);
            self.tell(|| words);
        }
    }

    /// Feeds the process, then sends what it has to send and notes when it wants to be woken.
    fn with<T: Default>(&mut self, who: Who, feed: impl FnOnce(&mut Process, Instant) -> T) -> T {
        let now = self.epoch + self.now;
        let wall_clock = self.wall_clock(who.replica);
        let Some(process) = self.process_mut(who) else {
            return T::default();
        };
        process.set_wall_clock(wall_clock);
        let fed = feed(process, now);
        let calls: Vec<u64> = std::iter::from_fn(|| process.poll_call()).collect();
        let wake = process.poll_timeout();
        if process.has_ended(now) {
            self.end(who.replica);
            return fed;
        }
        let wake = wake.map(|at| at.saturating_duration_since(self.epoch).max(self.now));
        let known = &mut self.replicas[who.replica].wakes_at;
        if let Some(at) = wake.filter(|at| known.is_none_or(|known| *at < known)) {
            *known = Some(at);
            self.at(at, Event::Wake(who));
        }
        for id in calls {
            let at = self.now + self.network.hesitation();
            self.at(at, Event::Depart(who, id));
        }
        fed
    }

    /// The process, if it is alive.
    fn process_mut(&mut self, who: Who) -> Option<&mut Process> {
        let replica = &mut self.replicas[who.replica];
        replica.process.as_mut().filter(|_| replica.life == who.life)
    }

    /// The process that lives now in the place of a replica.
    fn who(&self, replica: usize) -> Who {
        Who {
            replica,
            life: self.replicas[replica].life,
        }
    }

    fn at(&mut self, at: Duration, event: Event) {
        self.queue.insert((at, self.queued), event);
        self.queued += 1;
    }

    fn tell(&mut self, words: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3} {}", self.now.as_secs_f64(), words()));
        }
    }

    /// Tells the watches what is new in the store.
    fn spread_news(&mut self) {
        while let Some(entry) = self.store.log().get(self.noticed) {
            self.noticed += 1;
            let (kind, vacant) = (entry.key.kind, entry.is_a_vacancy());
            if self.story.is_some() {
                let words = format!("  {} by {:?}", entry.words(), entry.stamp.author);
                self.tell(|| words);
            }
            for stream in self.streams.of_kind(kind) {
                let at = self.now + self.network.lag();
                self.at(at, Event::Deliver(stream));
            }
            for replica in (0..self.replicas.len()).filter(|_| kind == Kind::Leases && vacant) {
                let at = self.now + self.network.lag();
                self.at(at, Event::Vacancy(self.who(replica)));
            }
        }
    }
}
