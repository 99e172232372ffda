//! When packets are due, and how long a silence may last (RFC 5880 §6.8.2–4, §6.8.7).

use std::time::{Duration, Instant};

use super::{Remote, Session};
use crate::{State, Timers};

/// While the session is not up nobody sends faster than this (§6.8.3).
const SLOW: Duration = Duration::from_secs(1);

/// The intervals that count now. While up they lag behind those asked for until the other end has confirmed, where it would
/// otherwise miss us or we it (§6.8.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct InUse {
    transmit: Duration,
    receive: Duration,
}

impl InUse {
    pub(super) fn while_not_up(timers: Timers) -> Self {
        Self {
            transmit: desired_min_tx(State::Down, timers),
            receive: timers.receive_interval,
        }
    }
}

/// A Poll Sequence (§6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Idle,
    /// There is something to ask. An answer to the last sequence may still be on its way, and nothing tells it from one to the
    /// next: that begins when it must have come.
    Due,
    /// Packets ask for an answer.
    Asking,
    /// The same, and something changed after the first of them: the answer may be to what was before.
    AskingInVain,
}

/// What packets say that we want to send at.
pub(super) fn desired_min_tx(state: State, timers: Timers) -> Duration {
    match state {
        State::Up => timers.transmit_interval,
        State::AdminDown | State::Down | State::Init => timers.transmit_interval.max(SLOW),
    }
}

impl Session {
    /// Silence of the other end after which it is gone.
    pub(super) fn detection_time(&self, remote: Remote) -> Duration {
        let interval = self.in_use.receive.max(remote.desired_min_tx);
        interval * u32::from(remote.detect_multiplier.get())
    }

    pub(super) fn on_timers(&mut self, now: Instant, timers: Timers) {
        let before = std::mem::replace(&mut self.timers, timers);
        let desired = |timers| desired_min_tx(self.state, timers);
        let changed =
            desired(before) != desired(timers) || before.receive_interval != timers.receive_interval;
        match self.state {
            State::Up => {
                // To send more often, and to wait longer, does no harm before the other end knows.
                self.in_use.transmit = self.in_use.transmit.min(timers.transmit_interval);
                self.in_use.receive = self.in_use.receive.max(timers.receive_interval);
            }
            State::AdminDown | State::Down | State::Init => self.in_use = InUse::while_not_up(timers),
        }
        if changed {
            self.ask();
        }
        self.retime(now);
    }

    /// The state has changed from `before`: which intervals count from now on.
    pub(super) fn adopt_timers(&mut self, now: Instant, before: State) {
        let desired = |state| desired_min_tx(state, self.timers);
        let changed = desired(before) != desired(self.state);
        self.in_use = match self.state {
            State::Up => InUse {
                transmit: self.timers.transmit_interval,
                ..self.in_use
            },
            State::AdminDown | State::Down | State::Init => InUse::while_not_up(self.timers),
        };
        if changed {
            self.ask();
        }
        self.retime(now);
    }

    /// Has the other end confirm what has changed. Who has never heard of us need not.
    fn ask(&mut self) {
        self.poll = match (self.remote, self.poll) {
            (None, _) => Poll::Idle,
            (Some(_), Poll::Idle | Poll::Due) => Poll::Due,
            (Some(_), Poll::Asking | Poll::AskingInVain) => Poll::AskingInVain,
        };
    }

    /// The other end has answered. The caller sees to the timers.
    pub(super) fn on_final(&mut self) {
        match self.poll {
            Poll::Idle | Poll::Due => {}
            Poll::AskingInVain => self.poll = Poll::Due,
            Poll::Asking => {
                self.poll = Poll::Idle;
                self.in_use = InUse {
                    transmit: desired_min_tx(self.state, self.timers),
                    receive: self.timers.receive_interval,
                };
            }
        }
    }

    /// Brings both timers in line with what is known now.
    pub(super) fn retime(&mut self, now: Instant) {
        let listening = self.state != State::AdminDown;
        self.detect_at = match (self.heard_at, self.remote) {
            (Some(heard), Some(remote)) if listening => Some(heard + self.detection_time(remote)),
            _ => None,
        };
        let pace = self.interval();
        if pace != self.pace {
            self.pace = pace;
            self.transmit_at = pace.map(|interval| match self.sent_at {
                // A shorter interval counts from the last packet on, which may be long ago.
                Some(sent) => (sent + self.jittered(interval)).max(now),
                None => now,
            });
        }
    }

    /// The interval at which packets are due, before jitter; none where there is nothing to say, or nobody who wants to hear.
    fn interval(&self) -> Option<Duration> {
        if self.state == State::AdminDown && self.silent_at.is_none() {
            return None;
        }
        let Some(remote) = self.remote else {
            return (!self.passive).then_some(self.in_use.transmit);
        };
        let both_up = self.state == State::Up && remote.state == State::Up;
        let on_demand = remote.demand && both_up && self.poll == Poll::Idle;
        let wanted = !remote.required_min_rx.is_zero() && !on_demand;
        wanted.then_some(self.in_use.transmit.max(remote.required_min_rx))
    }

    fn jittered(&mut self, interval: Duration) -> Duration {
        self.chance.jittered(interval, self.timers.detect_multiplier)
    }

    /// A packet goes out in turn, or in place of one.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent_at = Some(now);
        self.transmit_at = self.pace.map(|interval| now + self.jittered(interval));
        let settled = self.settle_time();
        if self.poll == Poll::Due && self.asked_at.is_none_or(|asked| now >= asked + settled) {
            self.poll = Poll::Asking;
        }
        if matches!(self.poll, Poll::Asking | Poll::AskingInVain) {
            self.asked_at = Some(now);
        }
    }

    /// The time after which the other end has taken us for dead, or everything that we sent has been answered.
    fn settle_time(&self) -> Duration {
        self.pace.unwrap_or(SLOW) * u32::from(self.timers.detect_multiplier)
    }

    /// What the other end has to know does not wait for its turn (§6.8.7).
    pub(super) fn speak_out_of_turn(&mut self, now: Instant) {
        let unheard_of = self.passive && self.remote.is_none();
        if !unheard_of && self.may_speak_out_of_turn(now) {
            self.due = true;
            self.sent(now);
        }
    }

    /// Twice as often as the other end may cause it: at the interval asked for, or once a second if it does not hear us.
    pub(super) fn may_speak_out_of_turn(&mut self, now: Instant) -> bool {
        self.limit.take(now, self.timers.receive_interval.min(SLOW) / 2)
    }
}
