//! One candidate for a lease, as a machine: what the API server answered goes in, what to ask next comes out.

mod knowledge;

use std::time::Instant;

use self::knowledge::Knowledge;
use super::{Action, Identity, Intent, Leadership, Record, Setback, Timing};

/// The machine. The caller feeds it one outcome or [`handle_timeout`](Self::handle_timeout), drains
/// [`poll_action`](Self::poll_action) and [`poll_setback`](Self::poll_setback), and waits for the next outcome or for
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Elector {
    timing: Timing,
    known: Knowledge,
    leads_until: Option<Instant>,
    in_flight: Option<InFlight>,
    next_try: Instant,
    /// The lease was seen without a holder while a request was on its way, which may have been answered before that.
    vacancy_seen: bool,
    setback: Option<Setback>,
    stopping: bool,
}

#[derive(Debug)]
struct InFlight {
    action: Action,
    sent: Instant,
}

impl Elector {
    /// A candidate that has not looked at the lease yet.
    pub fn new(identity: Identity, timing: Timing, now: Instant) -> Self {
        Self {
            timing,
            known: Knowledge::none(identity, timing, now),
            leads_until: None,
            in_flight: None,
            next_try: now,
            vacancy_seen: false,
            setback: None,
            stopping: false,
        }
    }

    /// Whether this process leads, as far as the machine was told.
    pub fn leadership(&self) -> Leadership {
        self.leads_until
            .map_or(Leadership::Standby, |until| Leadership::Leader { until })
    }

    /// Whether this process leads at `now`.
    pub fn is_leader(&self, now: Instant) -> bool {
        self.leadership().leads(now)
    }

    /// Who held the lease when it was last read.
    pub fn holder(&self) -> Option<&str> {
        self.known.holder()
    }

    /// Whether there is nothing left to do after [`handle_stop`](Self::handle_stop).
    pub fn is_finished(&self) -> bool {
        self.stopping && self.in_flight.is_none() && !self.known.may_be_ours()
    }

    /// The answer to [`Action::Read`]: the lease, or that there is none.
    pub fn handle_read(&mut self, now: Instant, lease: Option<Record>) {
        let Some(InFlight { sent, .. }) = self.land(now) else {
            return;
        };
        self.learn(sent, now, lease);
        self.next_try = self.known.free_at().min(now + self.timing.retry_period);
        self.look_again_after_vacancy(now);
    }

    /// The answer to [`Action::Write`]: it took effect, and this is the lease now.
    pub fn handle_written(&mut self, now: Instant, lease: Record) {
        let Some(InFlight { sent, .. }) = self.land(now) else {
            return;
        };
        self.learn(sent, now, Some(lease));
        self.vacancy_seen = false;
        self.next_try = if self.stopping {
            now
        } else {
            sent + self.timing.retry_period
        };
        if self.known.is_ours() && !self.stopping {
            self.leads_until = Some(sent + self.timing.renew_deadline).filter(|until| now < *until);
        }
    }

    /// The answer to [`Action::Write`]: it took no effect, because the lease is at another version, was created by
    /// somebody else, or is gone.
    pub fn handle_conflict(&mut self, now: Instant) {
        self.land(now);
        self.known.outdate();
        self.vacancy_seen = false;
        self.next_try = now;
    }

    /// The request has no answer, or one that says nothing about the lease; a write may have taken effect.
    pub fn handle_failure(&mut self, now: Instant) {
        let failed = self.land(now).map(|failed| failed.action);
        if matches!(failed, Some(Action::Write { .. })) {
            self.known.doubt();
        }
        // A leader has until its deadline for several tries; a standby has time.
        let pause = if self.is_leader(now) || self.stopping {
            self.timing.retry_period / 4
        } else {
            self.timing.retry_period
        };
        self.next_try = now + pause;
        self.look_again_after_vacancy(now);
    }

    /// A watch showed the lease without a holder, or deleted: worth a look at once.
    pub fn handle_vacancy(&mut self, now: Instant) {
        self.vacancy_seen = true;
        if self.in_flight.is_none() {
            self.look_again_after_vacancy(now);
        }
    }

    /// Leadership ends at once; what is held is given back. Whoever acts as leader must have stopped before this call.
    pub fn handle_stop(&mut self, now: Instant) {
        self.stopping = true;
        self.leads_until = None;
        self.next_try = now;
    }

    /// Leadership that was not renewed in time ends. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.leads_until = self.leads_until.filter(|until| now < *until);
    }

    /// What to ask of the API server now, if anything. Each action is given once.
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        if self.in_flight.is_some() || now < self.next_try {
            return None;
        }
        let action = self.action(now)?;
        self.in_flight = Some(InFlight {
            action: action.clone(),
            sent: now,
        });
        Some(action)
    }

    /// That the store behind the API server was put back to an older state, once for each time. Leadership has ended with it.
    pub fn poll_setback(&mut self) -> Option<Setback> {
        self.setback.take()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and [`poll_action`](Self::poll_action) again at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.in_flight.is_some() || self.is_finished();
        let next_try = (!idle).then_some(self.next_try);
        next_try.into_iter().chain(self.leads_until).min()
    }

    fn action(&self, now: Instant) -> Option<Action> {
        let write = |intent| Action::Write {
            intent,
            version: self.known.version(),
        };
        if self.stopping {
            return match self.known.is_certain(now) {
                _ if !self.known.may_be_ours() => None,
                true => Some(write(Intent::Release)),
                false => Some(Action::Read),
            };
        }
        if !self.known.is_usable(now) || now < self.known.free_at() {
            return Some(Action::Read);
        }
        Some(match self.known.is_ours() {
            true => write(Intent::Renew),
            false => write(Intent::Acquire),
        })
    }

    /// A lease that went to another process, to nobody, is gone, or went back to an older state ends leadership at once.
    fn learn(&mut self, sent: Instant, now: Instant, lease: Option<Record>) {
        if let Some(setback) = self.known.learn(sent, now, lease) {
            self.setback = Some(setback);
        }
        if !self.known.is_ours() {
            self.leads_until = None;
        }
    }

    fn land(&mut self, now: Instant) -> Option<InFlight> {
        self.handle_timeout(now);
        self.in_flight.take()
    }

    fn look_again_after_vacancy(&mut self, now: Instant) {
        if std::mem::take(&mut self.vacancy_seen) {
            self.known.outdate();
            self.next_try = now;
        }
    }
}

#[cfg(test)]
mod tests;
