use std::time::{Duration, Instant};

use bfd::{Event, Input, State};

use crate::chance::Chance;
use crate::end::{End, any_timers};

/// What the wire does, each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    /// Microseconds.
    pub(crate) delay: (u64, u64),
    /// Of a thousand.
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    pub(crate) cut: bool,
}

impl Wire {
    pub(crate) const GOOD: Self = Self {
        delay: (100, 400),
        loss: 0,
        duplicates: 0,
        cut: false,
    };
}

pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) chance: Chance,
    pub(crate) ends: [End; 2],
    /// `wires[n]` carries what end `n` sends.
    pub(crate) wires: [Wire; 2],
    under_way: Vec<(Instant, usize, Vec<u8>)>,
    pub(crate) told: bool,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    pub(crate) fn new(seed: u64, told: bool) -> Self {
        let mut chance = Chance::new(seed);
        let now = Instant::now();
        let passive = chance.index(4);
        let mut end = |n: usize| {
            let timers = any_timers(&mut chance);
            End::new(now, 1 + n as u32, timers, passive == n, chance.number())
        };
        let ends = [end(0), end(1)];
        Self {
            start: now,
            now,
            chance,
            ends,
            wires: [Wire::GOOD; 2],
            under_way: Vec::new(),
            told,
        }
    }

    pub(crate) fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.told {
            println!("{:>12.6} {what}", (self.now - self.start).as_secs_f64());
        }
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            for n in 0..2 {
                self.run(n);
            }
            let arrival = self.under_way.iter().map(|(at, ..)| *at).min();
            let due = self.ends.iter().filter_map(End::due).min();
            let woken = self.ends.iter().filter(|end| !end.waiting.is_empty());
            let woken = woken.map(|end| end.paused_until).min();
            match [arrival, due, woken].into_iter().flatten().min() {
                Some(next) if next <= until => self.now = next.max(self.now),
                _ => break,
            }
            self.deliver();
        }
        self.now = until;
    }

    fn run(&mut self, n: usize) {
        let before = (self.ends[n].state(), self.ends[n].events.len());
        let out = self.ends[n].run(self.now);
        let after = (self.ends[n].state(), self.ends[n].events.len());
        if before != after {
            self.tell(format_args!(
                "{n}: {} {:?}",
                after.0,
                &self.ends[n].events[before.1..]
            ));
        }
        for octets in out {
            self.send(n, &octets);
        }
    }

    fn send(&mut self, from: usize, octets: &[u8]) {
        let wire = self.wires[from];
        if wire.cut || self.chance.happens(wire.loss) {
            return;
        }
        let copies = 1 + usize::from(self.chance.happens(wire.duplicates));
        for _ in 0..copies {
            let delay = self.chance.between(wire.delay.0, wire.delay.1);
            let at = self.now + Duration::from_micros(delay);
            self.under_way.push((at, 1 - from, octets.to_vec()));
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        let mut arrived: Vec<_> = self.under_way.extract_if(.., |(at, ..)| *at <= now).collect();
        arrived.sort_by_key(|(at, ..)| *at);
        for (_, to, octets) in arrived {
            self.ends[to].waiting.push(octets);
        }
    }

    pub(crate) fn random_fault(&mut self) {
        let n = self.chance.index(2);
        match self.chance.below(9) {
            0 => self.wires[n].cut = true,
            1 => {
                self.wires = [
                    Wire {
                        cut: true,
                        ..self.wires[0]
                    },
                    Wire {
                        cut: true,
                        ..self.wires[1]
                    },
                ]
            }
            2 => self.wires = [Wire::GOOD; 2],
            3 => self.wires[n].loss = self.chance.below(600),
            4 => self.wires[n].delay = (100, self.chance.between(1000, 200_000)),
            5 => self.wires[n].duplicates = 300,
            6 => self.ends[n].paused_until = self.now + Duration::from_millis(self.chance.below(5000)),
            7 => self.restart(n),
            _ if !self.ends[n].is_running(self.now) => {}
            _ => {
                let input = if self.chance.happens(400) {
                    Input::Disable
                } else {
                    Input::Enable
                };
                self.tell(format_args!("{n}: {input:?}"));
                self.ends[n].session.handle_input(self.now, input);
            }
        }
        if self.chance.happens(300) {
            self.change_timers();
        }
        self.tell(format_args!("wires {:?}", self.wires));
    }

    pub(crate) fn change_timers(&mut self) {
        let n = self.chance.index(2);
        let timers = any_timers(&mut self.chance);
        if !self.ends[n].is_running(self.now) {
            return;
        }
        self.tell(format_args!("{n}: {timers:?}"));
        self.ends[n].change(self.now, timers);
    }

    fn restart(&mut self, n: usize) {
        self.tell(format_args!("{n} restarts"));
        let settings = self.ends[n].settings;
        let discriminator = 1 + self.chance.below(u32::MAX.into()) as u32;
        let seed = self.chance.number();
        self.ends[n] = End::new(self.now, discriminator, settings.timers, settings.passive, seed);
    }

    pub(crate) fn repair_everything(&mut self) {
        self.tell(format_args!("everything is repaired"));
        self.wires = [Wire::GOOD; 2];
        for end in &mut self.ends {
            end.paused_until = self.now;
            end.session.handle_input(self.now, Input::Enable);
        }
    }

    /// Both are up, with the intervals that follow from what both want (D4, D5).
    pub(crate) fn assert_agreed(&mut self) {
        for n in 0..2 {
            let status = self.ends[n].session.status();
            let (own, other) = (self.ends[n].settings.timers, self.ends[1 - n].settings.timers);
            assert_eq!(status.state, State::Up, "end {n}");
            assert_eq!(self.ends[n].events.last(), Some(&Event::Up));
            let interval = own.transmit_interval.max(other.receive_interval);
            assert_eq!(status.transmit_interval, Some(interval), "end {n}");
            let expected = other.transmit_interval.max(own.receive_interval);
            let time = expected * u32::from(other.detect_multiplier);
            assert_eq!(status.detection_time, Some(time), "end {n}");
            self.ends[n].has_agreed();
        }
    }
}
