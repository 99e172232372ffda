use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bfd::{Counters, Event, Input, Packet, Session, Settings, State, Timers};

use crate::chance::Chance;

/// One end, and what it promises.
pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    /// The process does not run until then; what arrives waits.
    pub(crate) paused_until: Instant,
    /// What waits in its socket.
    pub(crate) waiting: Vec<Vec<u8>>,
    pub(crate) events: Vec<Event>,
    /// The shortest interval that may still be in use, and the longest patience.
    shortest_transmit: Duration,
    longest_receive: Duration,
    /// When the last packet went that was no answer, if the state is what it was then.
    previous: Option<Instant>,
    state: State,
    /// When the last packet was taken, and what it said.
    heard: Option<(Instant, Packet)>,
    /// The changes of state and answers in a row that the other end caused within a second.
    pub(crate) sent: Vec<Instant>,
    counters: Counters,
}

pub(crate) fn any_timers(chance: &mut Chance) -> Timers {
    let intervals = [10, 50, 100, 300, 1000, 3000];
    let mut interval = || Duration::from_millis(intervals[chance.index(intervals.len())]);
    Timers {
        transmit_interval: interval(),
        receive_interval: interval(),
        detect_multiplier: [2, 3, 5][chance.index(3)],
    }
}

impl End {
    pub(crate) fn new(now: Instant, discriminator: u32, timers: Timers, passive: bool, seed: u64) -> Self {
        let settings = Settings {
            local_discriminator: NonZeroU32::new(discriminator).unwrap(),
            timers,
            passive,
            seed,
        };
        Self {
            session: Session::new(now, settings),
            settings,
            paused_until: now,
            waiting: Vec::new(),
            events: Vec::new(),
            shortest_transmit: timers.transmit_interval,
            longest_receive: timers.receive_interval,
            previous: None,
            state: State::Down,
            heard: None,
            sent: Vec::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.session.status().state
    }

    pub(crate) fn is_running(&self, now: Instant) -> bool {
        self.paused_until <= now
    }

    /// When it has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.session.poll_timeout().map(|due| due.max(self.paused_until))
    }

    pub(crate) fn change(&mut self, now: Instant, timers: Timers) {
        self.settings.timers = timers;
        self.shortest_transmit = self.shortest_transmit.min(timers.transmit_interval);
        self.longest_receive = self.longest_receive.max(timers.receive_interval);
        self.session.handle_input(now, Input::Timers(timers));
    }

    /// All has been agreed on: no other values may be in use.
    pub(crate) fn has_agreed(&mut self) {
        self.shortest_transmit = self.settings.timers.transmit_interval;
        self.longest_receive = self.settings.timers.receive_interval;
    }

    /// Runs what is due at `now`, if it runs at all; what it sends.
    pub(crate) fn run(&mut self, now: Instant) -> Vec<[u8; bfd::LENGTH]> {
        if now < self.paused_until {
            return Vec::new();
        }
        let mut out = Vec::new();
        for octets in std::mem::take(&mut self.waiting) {
            let before = self.session.counters().received;
            self.session.handle_input(now, Input::Packet(&octets));
            if self.session.counters().received > before {
                self.heard = Some((now, Packet::decode(&octets).unwrap()));
            }
            self.drain(now, &mut out);
        }
        let mut rounds = 0;
        while self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
            self.drain(now, &mut out);
            rounds += 1;
            assert!(rounds < 4, "a timeout that makes no progress");
        }
        self.drain(now, &mut out);
        self.assert_promises(now);
        out
    }

    fn drain(&mut self, now: Instant, out: &mut Vec<[u8; bfd::LENGTH]>) {
        if std::mem::replace(&mut self.state, self.session.status().state) != self.state() {
            self.previous = None;
        }
        while let Some(octets) = self.session.poll_transmit() {
            self.assert_legal(now, &octets);
            self.sent.push(now);
            out.push(octets);
        }
        while let Some(event) = self.session.poll_event() {
            self.on_event(event);
        }
    }

    fn on_event(&mut self, event: Event) {
        let kind = std::mem::discriminant;
        let last = self.events.last();
        assert!(
            last.is_none_or(|last| kind(last) != kind(&event)),
            "{event:?} twice"
        );
        let follows_up = last == Some(&Event::Up);
        assert!(
            follows_up || !matches!(event, Event::Down(_)),
            "down without ever having been up (D14)"
        );
        self.events.push(event);
    }

    /// What it sends is legal for the strictest peer, and not more often than agreed on (D5, D6).
    fn assert_legal(&mut self, now: Instant, octets: &[u8]) {
        let packet = Packet::decode(octets).expect("a packet");
        assert!(!(packet.poll && packet.is_final), "asks and answers in one");
        assert_eq!(packet.my_discriminator, self.settings.local_discriminator);
        assert!(!packet.demand && !packet.control_plane_independent);
        if packet.state != State::Up {
            assert!(
                packet.desired_min_tx >= Duration::from_secs(1),
                "fast while not up"
            );
        }
        if packet.is_final {
            return;
        }
        if let Some(before) = self.previous {
            let wanted = match packet.state {
                State::Up => self.shortest_transmit,
                State::AdminDown | State::Down | State::Init => Duration::from_secs(1),
            };
            let least = wanted.mul_f64(0.75) - Duration::from_nanos(1);
            assert!(
                now - before >= least,
                "{:?} after the last, not {least:?}",
                now - before
            );
        }
        self.previous = Some(now);
    }

    /// It is up only while it hears (D2, D4), and says something as often as it must (D5).
    fn assert_promises(&mut self, now: Instant) {
        let state = self.state();
        if state == State::Up || state == State::Init {
            let (at, packet) = self.heard.expect("up without a word from the other end");
            let interval = self.longest_receive.max(packet.desired_min_tx);
            let patience = interval * u32::from(packet.detect_multiplier.get());
            assert!(now - at <= patience, "{state} after {:?} of silence", now - at);
        }
        let counters = self.session.counters();
        assert!(counters.sent >= self.counters.sent && counters.downs <= counters.ups);
        self.counters = counters;
    }
}
