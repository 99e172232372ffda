use std::time::{Duration, Instant};

use jiff::Timestamp;
use lease::{Action, Elector, Identity, Timing};

use super::api::{Answer, Failure, Request};
use allocate::REQUEST_TIMEOUT;

/// How long the election waits for an answer: a leader must be able to try again before its deadline.
pub(super) const ELECTION_TIMEOUT: Duration = Duration::from_millis(2500);

/// A process in the election.
#[derive(Debug)]
pub(super) struct Candidate {
    identity: Identity,
    elector: Elector,
    /// It takes itself for the leader whatever the election says.
    usurper: bool,
    /// What is to be asked, or has been.
    action: Option<Action>,
}

impl Candidate {
    pub(super) fn new(identity: Identity, now: Instant, usurper: bool) -> Self {
        let seconds = Duration::from_secs;
        let timing = Timing::new(seconds(15), seconds(10), seconds(2), REQUEST_TIMEOUT);
        Self {
            elector: Elector::new(identity.clone(), timing.expect("the defaults are in order"), now),
            identity,
            usurper,
            action: None,
        }
    }

    /// Whether it leads, as far as it knows.
    pub(super) fn leads(&self, now: Instant) -> bool {
        self.usurper || self.elector.is_leader(now)
    }

    /// It does as the election says from now on.
    pub(super) fn submit(&mut self) {
        self.usurper = false;
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.elector.handle_timeout(now);
    }

    pub(super) fn handle_vacancy(&mut self, now: Instant) {
        self.elector.handle_vacancy(now);
    }

    pub(super) fn handle_stop(&mut self, now: Instant) {
        self.elector.handle_stop(now);
    }

    pub(super) fn handle_answer(&mut self, now: Instant, answer: Result<Answer, Failure>) {
        match answer {
            Ok(Answer::Lease(lease)) => self.elector.handle_read(now, lease),
            Ok(Answer::LeaseWritten(lease)) => self.elector.handle_written(now, lease),
            Err(Failure::Refused(404 | 409)) if matches!(self.action, Some(Action::Write { .. })) => {
                self.elector.handle_conflict(now);
            }
            Ok(_) | Err(_) => self.elector.handle_failure(now),
        }
    }

    /// Whether there is something to ask now; once.
    pub(super) fn wants_to_ask(&mut self, now: Instant) -> bool {
        let action = self.elector.poll_action(now);
        let wants = action.is_some();
        self.action = action.or_else(|| self.action.take());
        wants
    }

    /// What it asks.
    pub(super) fn request(&self, wall_clock: Timestamp) -> Option<Request> {
        Some(Request::Election {
            identity: self.identity.to_string(),
            action: self.action.clone()?,
            wall_clock,
        })
    }

    /// Whether it has given back what it held.
    pub(super) fn is_finished(&self) -> bool {
        self.elector.is_finished()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.elector.poll_timeout()
    }
}
