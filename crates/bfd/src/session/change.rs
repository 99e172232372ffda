//! Changes of state, and who is told of them.

use std::time::Instant;

use super::Session;
use super::timing::Poll;
use crate::{Diagnostic, Event, State};

impl Session {
    /// Nothing was heard for the detection time: the other end is as good as new (RFC 5880 §6.8.1, §6.8.4).
    pub(super) fn on_silence(&mut self, now: Instant) {
        self.detect_at = None;
        self.remote = None;
        self.poll = Poll::Idle;
        match self.state {
            State::Init | State::Up => self.enter(now, State::Down, Diagnostic::DETECTION_TIME_EXPIRED),
            State::Down | State::AdminDown => self.retime(now),
        }
    }

    pub(super) fn on_disable(&mut self, now: Instant) {
        if self.state == State::AdminDown {
            return;
        }
        self.poll = Poll::Idle;
        self.silent_at = Some(now);
        self.enter(now, State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN);
        // Whom we do not hear does not take the session for up: it need not be told that it is not.
        let heard = self.remote.is_some();
        let interval = self.pace.filter(|_| heard).unwrap_or_default();
        self.silent_at = Some(now + interval * u32::from(self.timers.detect_multiplier));
    }

    pub(super) fn on_enable(&mut self, now: Instant) {
        if self.state == State::AdminDown {
            self.silent_at = None;
            // It may have been replaced meanwhile.
            self.remote = None;
            self.enter(now, State::Down, Diagnostic::NONE);
        }
    }

    /// Changes the state, and says so at once: to the other end, and to those who rely on the path (D9).
    pub(super) fn enter(&mut self, now: Instant, state: State, diagnostic: Diagnostic) {
        let before = std::mem::replace(&mut self.state, state);
        self.diagnostic = diagnostic;
        self.adopt_timers(now, before);
        let admin = self.remote.is_some_and(|remote| remote.state == State::AdminDown);
        match (before, state) {
            (_, State::Up) => {
                self.counters.ups += 1;
                self.tell(Event::Up);
            }
            (State::Up, State::Down) if !admin => self.tell(Event::Down(diagnostic)),
            (_, State::AdminDown) => self.tell(Event::AdminDown),
            (_, State::Down | State::Init) => {}
        }
        if before == State::Up {
            self.counters.downs += 1;
        }
        self.speak_out_of_turn(now);
    }

    pub(super) fn tell(&mut self, event: Event) {
        if self.told != Some(event) {
            self.told = Some(event);
            self.events.push_back(event);
        }
    }
}
