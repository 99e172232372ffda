use proptest::prelude::*;

use super::*;
use crate::DecodeError;

mod ending;
mod pace;
mod polling;
mod table;

pub(super) const MS: Duration = Duration::from_millis(1);
const LOCAL: u32 = 0x1111_1111;
const REMOTE: u32 = 0x2222_2222;

#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn fast() -> Timers {
    Timers {
        transmit_interval: 50 * MS,
        receive_interval: 40 * MS,
        detect_multiplier: 3,
    }
}

fn settings(timers: Timers) -> Settings {
    Settings {
        local_discriminator: NonZeroU32::new(LOCAL).unwrap(),
        timers,
        passive: false,
        seed: 1,
    }
}

/// A session, its clock, and the other end as the test wants it.
pub(super) struct Bench {
    now: Instant,
    session: Session,
    /// What the other end says next.
    remote: Packet,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let now = start();
        let remote = Packet {
            diagnostic: Diagnostic::NONE,
            state: State::Down,
            poll: false,
            is_final: false,
            control_plane_independent: false,
            demand: false,
            detect_multiplier: NonZeroU8::new(3).unwrap(),
            my_discriminator: NonZeroU32::new(REMOTE).unwrap(),
            your_discriminator: NonZeroU32::new(LOCAL),
            desired_min_tx: 30 * MS,
            required_min_rx: 20 * MS,
            required_min_echo_rx: Duration::ZERO,
        };
        Self {
            now,
            session: Session::new(now, settings),
            remote,
        }
    }

    /// Up, with everything said and confirmed; the other end sends every 30 ms at most.
    fn up(timers: Timers) -> Self {
        let mut bench = Self::new(settings(timers));
        bench.settle();
        bench.hear(State::Down);
        bench.hear(State::Init);
        bench.remote.is_final = true;
        bench.hear(State::Up);
        bench.remote.is_final = false;
        assert_eq!(bench.events(), [Event::Up]);
        // An answer may still be on its way: for so long nothing new is asked.
        bench.pass_up(timers.transmit_interval * 4, 30 * MS);
        bench
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Packet> {
        self.session.handle_input(self.now, input);
        self.drain()
    }

    /// A packet of the other end in that state; what is sent at once.
    fn hear(&mut self, state: State) -> Vec<Packet> {
        self.remote.state = state;
        let octets = self.remote.encode();
        self.input(Input::Packet(&octets))
    }

    fn drain(&mut self) -> Vec<Packet> {
        let packets = std::iter::from_fn(|| self.session.poll_transmit());
        packets.map(|octets| Packet::decode(&octets).unwrap()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    fn settle(&mut self) -> Vec<Packet> {
        self.session.handle_timeout(self.now);
        self.drain()
    }

    /// Lets time pass; what was sent, and how long after the start of it.
    fn pass(&mut self, time: Duration) -> Vec<(Duration, Packet)> {
        let (from, until) = (self.now, self.now + time);
        let mut sent = Vec::new();
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            for packet in self.settle() {
                sent.push((self.now - from, packet));
            }
        }
        self.now = until;
        sent
    }

    /// The same, while the other end says every `interval` that it is up; what was sent at its turn.
    fn pass_up(&mut self, time: Duration, interval: Duration) -> Vec<(Duration, Packet)> {
        let until = self.now + time;
        let (from, mut sent) = (self.now, Vec::new());
        while self.now < until {
            let at = self.now - from;
            for packet in self.hear(State::Up) {
                sent.push((at, packet));
            }
            for (after, packet) in self.pass(interval) {
                sent.push((at + after, packet));
            }
        }
        sent
    }

    fn state(&self) -> State {
        self.session.status().state
    }
}

/// The times between packets.
fn gaps(sent: &[(Duration, Packet)]) -> Vec<Duration> {
    sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

#[track_caller]
fn assert_within(gaps: &[Duration], low: Duration, high: Duration) {
    assert!(!gaps.is_empty());
    assert!(gaps.iter().all(|gap| (low..=high).contains(gap)), "{gaps:?}");
}
