//! One candidate for a lease, as a machine: what the API server answered goes in, what to ask next comes out.

use std::time::Instant;

use super::{Action, Intent, Leadership, Record, Timing};

/// The machine. The caller feeds it one outcome or [`handle_timeout`](Self::handle_timeout), drains
/// [`poll_action`](Self::poll_action), and waits for the next outcome or for [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Elector {
    identity: String,
    timing: Timing,
    /// The lease as last read or written; `None`: there was none.
    lease: Option<Record>,
    trust: Trust,
    /// When the lease may be taken, if its holder does not renew it before.
    free_at: Instant,
    leads_until: Option<Instant>,
    in_flight: Option<InFlight>,
    next_try: Instant,
    /// The lease was seen without a holder while a request was on its way, which may have been answered before that.
    vacancy_seen: bool,
    stopping: bool,
}

/// How far `Elector::lease` can be built upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It has never been read.
    Unseen,
    /// Nothing has been heard to the contrary.
    Fresh,
    /// A write ended without an answer. Writing again is safe, since the version decides; believing the lease to be
    /// somebody else's is not.
    Doubtful,
    /// It has changed: read before writing.
    Stale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InFlight {
    Read,
    Write { intent: Intent, sent: Instant },
}

impl Elector {
    /// A candidate that has not looked at the lease yet.
    ///
    /// `identity` is different from that of every other process that is alive: a process that finds its own name on the lease
    /// takes it for its own.
    pub fn new(identity: String, timing: Timing, now: Instant) -> Self {
        Self {
            identity,
            timing,
            lease: None,
            trust: Trust::Unseen,
            free_at: now,
            leads_until: None,
            in_flight: None,
            next_try: now,
            vacancy_seen: false,
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
        self.lease.as_ref().and_then(|lease| lease.holder.as_deref())
    }

    /// Whether there is nothing left to do after [`handle_stop`](Self::handle_stop).
    pub fn is_finished(&self) -> bool {
        self.stopping && self.in_flight.is_none() && !self.may_be_ours()
    }

    /// The answer to [`Action::Read`]: the lease, or that there is none.
    pub fn handle_read(&mut self, now: Instant, lease: Option<Record>) {
        self.land(now);
        self.trust = Trust::Fresh;
        self.free_at = self.free_at_after_read(now, lease.as_ref());
        self.lease = lease;
        // A lease that vanished is still respected by those who saw it; one without a holder, or with another, is not ours.
        if self.lease.is_some() && self.holder() != Some(&self.identity) {
            self.leads_until = None;
        }
        self.next_try = self.free_at.min(now + self.timing.retry_period);
        self.look_again_after_vacancy(now);
    }

    /// The answer to [`Action::Write`]: it took effect, and this is the lease now.
    pub fn handle_written(&mut self, now: Instant, lease: Record) {
        let Some(InFlight::Write { intent, sent }) = self.land(now) else {
            return;
        };
        self.lease = Some(lease);
        self.trust = Trust::Fresh;
        self.free_at = now;
        self.vacancy_seen = false;
        self.next_try = sent + self.timing.retry_period;
        match intent {
            Intent::Acquire | Intent::Renew if !self.stopping => {
                self.leads_until = Some(sent + self.timing.renew_deadline).filter(|until| now < *until);
            }
            Intent::Acquire | Intent::Renew => self.next_try = now,
            Intent::Release => {}
        }
    }

    /// The answer to [`Action::Write`]: it took no effect, because the lease is at another version, was created by
    /// somebody else, or is gone.
    pub fn handle_conflict(&mut self, now: Instant) {
        self.land(now);
        self.trust = Trust::Stale;
        self.vacancy_seen = false;
        self.next_try = now;
    }

    /// The request has no answer, or one that says nothing about the lease; a write may have taken effect.
    pub fn handle_failure(&mut self, now: Instant) {
        let failed = self.land(now);
        if matches!(failed, Some(InFlight::Write { .. })) && self.trust == Trust::Fresh {
            self.trust = Trust::Doubtful;
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
        self.in_flight = Some(match &action {
            Action::Read => InFlight::Read,
            Action::Write { intent, .. } => InFlight::Write {
                intent: *intent,
                sent: now,
            },
        });
        Some(action)
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
            version: self.lease.as_ref().map(|lease| lease.version.clone()),
        };
        if self.stopping {
            return match self.trust {
                _ if !self.may_be_ours() => None,
                Trust::Fresh => Some(write(Intent::Release)),
                Trust::Unseen | Trust::Doubtful | Trust::Stale => Some(Action::Read),
            };
        }
        if matches!(self.trust, Trust::Unseen | Trust::Stale) {
            return Some(Action::Read);
        }
        Some(match self.holder() {
            Some(holder) if holder == self.identity => write(Intent::Renew),
            _ if now >= self.free_at => write(Intent::Acquire),
            _ => Action::Read,
        })
    }

    /// When the lease may be taken after this look at it.
    ///
    /// A lease that vanished is not free before the one that was there would have been: its holder may not know yet.
    fn free_at_after_read(&self, now: Instant, lease: Option<&Record>) -> Instant {
        let unchanged = || self.lease.as_ref().map(|seen| &seen.version) == lease.map(|lease| &lease.version);
        let Some(lease) = lease else {
            return self.free_at.max(now);
        };
        match &lease.holder {
            None => now,
            Some(holder) if *holder == self.identity => now,
            Some(_) if unchanged() => self.free_at,
            Some(_) => now + lease.duration.unwrap_or(self.timing.lease_duration),
        }
    }

    /// Whether the lease names this process, or may do so without its knowing.
    fn may_be_ours(&self) -> bool {
        match self.trust {
            Trust::Unseen => false,
            Trust::Fresh => self.holder() == Some(&self.identity),
            Trust::Doubtful | Trust::Stale => true,
        }
    }

    fn land(&mut self, now: Instant) -> Option<InFlight> {
        self.handle_timeout(now);
        self.in_flight.take()
    }

    fn look_again_after_vacancy(&mut self, now: Instant) {
        if std::mem::take(&mut self.vacancy_seen) {
            self.trust = Trust::Stale;
            self.next_try = now;
        }
    }
}

#[cfg(test)]
mod tests;
