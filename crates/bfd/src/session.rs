use std::collections::VecDeque;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::limit::Limit;
use crate::packet::{LENGTH, Packet};
use crate::{Counters, Diagnostic, Event, Input, RemoteStatus, Settings, State, Status, Timers};

mod change;
mod receive;
mod timing;

use timing::{InUse, Poll};

/// One end of a session: see the crate's documentation for its run loop.
///
/// Its memory does not grow, whatever arrives, as long as the driver takes its events.
#[derive(Debug)]
pub struct Session {
    local_discriminator: NonZeroU32,
    timers: Timers,
    passive: bool,
    chance: Chance,
    state: State,
    diagnostic: Diagnostic,
    /// None while the other end has not been heard for the detection time.
    remote: Option<Remote>,
    in_use: InUse,
    poll: Poll,
    heard_at: Option<Instant>,
    detect_at: Option<Instant>,
    sent_at: Option<Instant>,
    /// When the last packet of a Poll Sequence went out.
    asked_at: Option<Instant>,
    transmit_at: Option<Instant>,
    /// The interval that `transmit_at` was chosen by.
    pace: Option<Duration>,
    /// When there is nothing more to say after the session was switched off.
    silent_at: Option<Instant>,
    limit: Limit,
    /// A packet is due now.
    due: bool,
    /// An answer to a poll is due now.
    final_due: bool,
    told: Option<Event>,
    events: VecDeque<Event>,
    counters: Counters,
}

/// What the last packet that was taken said.
#[derive(Clone, Copy, Debug)]
struct Remote {
    discriminator: NonZeroU32,
    state: State,
    diagnostic: Diagnostic,
    demand: bool,
    detect_multiplier: NonZeroU8,
    desired_min_tx: Duration,
    required_min_rx: Duration,
}

impl Session {
    /// A session that is switched on and down. Unless it is passive, its first packet is due at once.
    pub fn new(now: Instant, settings: Settings) -> Self {
        let Settings {
            local_discriminator,
            timers,
            passive,
            seed,
        } = settings;
        let timers = timers.in_bounds();
        let mut session = Self {
            local_discriminator,
            timers,
            passive,
            chance: Chance::new(seed),
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            remote: None,
            in_use: InUse::while_not_up(timers),
            poll: Poll::Idle,
            heard_at: None,
            detect_at: None,
            sent_at: None,
            asked_at: None,
            transmit_at: None,
            pace: None,
            silent_at: None,
            limit: Limit::default(),
            due: false,
            final_due: false,
            told: None,
            events: VecDeque::new(),
            counters: Counters::default(),
        };
        session.retime(now);
        session
    }

    /// Takes one input. The driver drains before the next.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Packet(octets) => self.on_packet(now, octets),
            Input::Timers(timers) => self.on_timers(now, timers.in_bounds()),
            Input::Disable => self.on_disable(now),
            Input::Enable => self.on_enable(now),
        }
    }

    /// Does what is due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.silent_at.is_some_and(|at| at <= now) {
            self.silent_at = None;
            self.retime(now);
        }
        if self.detect_at.is_some_and(|at| at <= now) {
            self.on_silence(now);
        }
        if self.transmit_at.is_some_and(|at| at <= now) {
            self.due = true;
            self.sent(now);
        }
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<[u8; LENGTH]> {
        let is_final = std::mem::take(&mut self.final_due);
        // One packet says it all, but it cannot both ask and answer: what is asked is asked in turn.
        let due = std::mem::take(&mut self.due);
        (is_final || due).then(|| {
            self.counters.sent += 1;
            self.packet(is_final).encode()
        })
    }

    /// The next event to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.transmit_at, self.detect_at, self.silent_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// What the session can say of itself.
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            diagnostic: self.diagnostic,
            remote: self.remote.map(|remote| RemoteStatus {
                discriminator: remote.discriminator,
                state: remote.state,
                diagnostic: remote.diagnostic,
                detect_multiplier: remote.detect_multiplier.get(),
                transmit_interval: remote.desired_min_tx,
                receive_interval: remote.required_min_rx,
            }),
            transmit_interval: self.pace,
            detection_time: self.remote.map(|remote| self.detection_time(remote)),
        }
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn packet(&self, is_final: bool) -> Packet {
        Packet {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: !is_final && matches!(self.poll, Poll::Asking | Poll::AskingInVain),
            is_final,
            control_plane_independent: false,
            demand: false,
            detect_multiplier: NonZeroU8::new(self.timers.detect_multiplier).unwrap_or(NonZeroU8::MIN),
            my_discriminator: self.local_discriminator,
            your_discriminator: self.remote.map(|remote| remote.discriminator),
            desired_min_tx: timing::desired_min_tx(self.state, self.timers),
            required_min_rx: self.timers.receive_interval,
            required_min_echo_rx: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
