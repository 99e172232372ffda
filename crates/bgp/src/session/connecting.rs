//! How a connection comes and goes.

use std::time::Instant;

use super::Session;
use super::link::Link;
use crate::input::{Connection, DialError};
use crate::status::{SessionError, State};

impl Session {
    pub(super) fn on_start(&mut self, now: Instant) {
        match self.state {
            State::Idle => self.dial(now),
            State::Connect | State::Active => {}
            State::OpenSent | State::OpenConfirm | State::Established => {}
        }
    }

    /// Leaves Idle.
    pub(super) fn dial(&mut self, now: Instant) {
        self.retry.due = None;
        self.dial = true;
        self.enter(now, State::Connect, None);
    }

    pub(super) fn on_connected(&mut self, now: Instant, connection: Connection) {
        match self.state {
            State::Connect => {
                self.link = Some(Link::new(now, connection, self.is_internal()));
                self.enter(now, State::OpenSent, None);
            }
            State::Idle | State::Active => {}
            State::OpenSent | State::OpenConfirm | State::Established => {}
        }
    }

    pub(super) fn on_dial_failed(&mut self, now: Instant, error: DialError) {
        match self.state {
            State::Connect => self.fall_back(now, SessionError::Dial(error)),
            State::Idle | State::Active => {}
            State::OpenSent | State::OpenConfirm | State::Established => {}
        }
    }

    pub(super) fn on_closed(&mut self, now: Instant, error: Option<String>) {
        match self.state {
            State::OpenSent | State::OpenConfirm | State::Established => {
                self.fall_back(now, SessionError::Closed(error));
            }
            State::Idle | State::Connect | State::Active => {}
        }
    }

    /// To Idle, without a connection; dials again after a wait.
    pub(super) fn fall_back(&mut self, now: Instant, error: SessionError) {
        self.link = None;
        self.drain.end_marking();
        let wait = self.retry.next_wait(&self.settings, &error);
        self.retry.due = Some(now + self.jitter.of(wait));
        self.error = Some(error.clone());
        self.enter(now, State::Idle, Some(error));
    }
}
