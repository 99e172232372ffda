//! What one process knows of the lease, and when it may take it.

use std::time::{Duration, Instant};

use crate::{Identity, Record, Setback, Timing, Version};

/// The lease as this process knows it.
#[derive(Debug)]
pub(super) struct Knowledge {
    identity: Identity,
    timing: Timing,
    /// As last read or written; `None`: there was none.
    lease: Option<Record>,
    trust: Trust,
    /// When the request was sent that brought the lease.
    asked: Instant,
    /// When the lease may be taken, if its holder does not renew it before.
    free_at: Instant,
    /// The store was put back, or the lease is gone: until then nobody takes it, nor one that names this process.
    left_alone_until: Option<Instant>,
}

/// How far the lease that is known can be built upon.
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

impl Knowledge {
    pub(super) fn none(identity: Identity, timing: Timing, now: Instant) -> Self {
        Self {
            identity,
            timing,
            lease: None,
            trust: Trust::Unseen,
            asked: now,
            free_at: now,
            left_alone_until: None,
        }
    }

    pub(super) fn holder(&self) -> Option<&str> {
        self.lease.as_ref().and_then(|lease| lease.holder.as_deref())
    }

    pub(super) fn version(&self) -> Option<Version> {
        self.lease.as_ref().map(|lease| lease.version.clone())
    }

    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Whether the lease is this process's own, as far as it knows. One that an older state of the store brought back is
    /// not: another process may have been named since, and may act on that.
    pub(super) fn is_ours(&self) -> bool {
        self.holder() == Some(self.identity.as_str()) && self.left_alone_until.is_none()
    }

    /// Whether the lease names this process, or may do so without its knowing.
    pub(super) fn may_be_ours(&self) -> bool {
        match self.trust {
            Trust::Unseen => false,
            Trust::Fresh => self.is_ours(),
            Trust::Doubtful | Trust::Stale => true,
        }
    }

    /// Whether nothing speaks against giving the lease back at the version that is known.
    pub(super) fn is_certain(&self, now: Instant) -> bool {
        self.trust == Trust::Fresh && !self.is_old(now)
    }

    /// Whether the lease may be written at the version that is known.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        matches!(self.trust, Trust::Fresh | Trust::Doubtful) && !self.is_old(now)
    }

    /// The API server said that this is the lease, in answer to what was sent at `asked`.
    pub(super) fn learn(&mut self, asked: Instant, now: Instant, lease: Option<Record>) -> Option<Setback> {
        self.left_alone_until = self.left_alone_until.filter(|until| now < *until);
        let setback = lease.as_ref().and_then(|lease| self.setback(lease));
        // Who finds the lease gone cannot tell whether it was deleted, or the store put back to before it was made.
        let gone = lease.is_none() && self.lease.is_some();
        if setback.is_some() || gone {
            let longest = [&self.lease, &lease]
                .into_iter()
                .flatten()
                .map(|lease| self.duration(lease));
            let longest = longest.fold(self.timing.lease_duration, Duration::max);
            self.left_alone_until = Some(now + longest);
        }
        let free_at = self.free_at_after(now, lease.as_ref());
        self.free_at = self.left_alone_until.map_or(free_at, |until| free_at.max(until));
        self.lease = lease;
        self.trust = Trust::Fresh;
        self.asked = asked;
        setback
    }

    /// A write has no answer.
    pub(super) fn doubt(&mut self) {
        if self.trust == Trust::Fresh {
            self.trust = Trust::Doubtful;
        }
    }

    /// The lease is not what it was.
    pub(super) fn outdate(&mut self) {
        self.trust = Trust::Stale;
    }

    /// Nobody writes on the strength of what it saw before every leader of that time has stopped: if the store was put back
    /// meanwhile, a version may have come back for another lease.
    fn is_old(&self, now: Instant) -> bool {
        now >= self.asked + self.timing.renew_deadline
    }

    /// A lease that changes has a higher version, unless the store is put back.
    fn setback(&self, lease: &Record) -> Option<Setback> {
        let seen = self.lease.as_ref()?;
        let fell = lease.version.is_before(&seen.version) || lease.version == seen.version;
        (fell && seen != lease).then(|| Setback {
            from: seen.version.clone(),
            to: lease.version.clone(),
        })
    }

    /// When the lease may be taken after a look at it.
    fn free_at_after(&self, now: Instant, lease: Option<&Record>) -> Instant {
        let Some(lease) = lease else {
            return now;
        };
        if self.lease.as_ref() == Some(lease) {
            return self.free_at;
        }
        match &lease.holder {
            None => now,
            Some(holder) if holder == self.identity.as_str() => now,
            // It does nothing any more, but what it sent last may still take effect.
            Some(holder) if self.identity.is_former_life(holder) => {
                now + self.duration(lease).min(self.timing.settle)
            }
            Some(_) => now + self.duration(lease),
        }
    }

    fn duration(&self, lease: &Record) -> Duration {
        lease.duration.unwrap_or(self.timing.lease_duration)
    }
}
