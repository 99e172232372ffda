use std::time::{Duration, Instant};

use super::{SEND_HOLD, Session};
use crate::settings::Settings;
use crate::status::{SessionError, State};
use crate::wire::Notification;

/// No more than one KEEPALIVE in this time (RFC 4271 §4.4).
const LEAST_KEEPALIVE: Duration = Duration::from_secs(1);

impl Session {
    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.as_ref();
        let times = [
            self.retry.due,
            self.drain.marked_until(),
            link.and_then(|link| link.hold),
            link.and_then(|link| link.keepalive),
            link.and_then(|link| link.stable),
            link.and_then(|link| link.rib.as_ref()?.refresh_due()),
            self.send_hold().map(|(_, due)| due),
        ];
        times.into_iter().flatten().min()
    }

    pub(super) fn run_timers(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.retry.due) {
            self.dial(now);
        }
        if is_due(self.drain.marked_until()) {
            self.drain.end_marking();
            self.review(None);
        }
        if let Some((time, due)) = self.send_hold()
            && due <= now
        {
            let expired = Notification::send_hold_timer_expired();
            return self.hang_up(now, Some(&expired), SessionError::SendHold(time));
        }
        let Some(link) = &mut self.link else { return };
        if is_due(link.hold) {
            return self.refuse(now, Notification::hold_timer_expired());
        }
        if is_due(link.stable) {
            link.stable = None;
            self.retry.forget();
            self.error = None;
        }
        if let Some(rib) = &mut link.rib {
            rib.run_refreshes(now);
        }
        if is_due(link.keepalive) {
            link.owes_keepalive = true;
            self.restart_keepalive(now);
        }
    }

    /// How long the peer may take to read one message, and when it will have taken longer (RFC 9687). With keepalives, and while
    /// there are routes to tell, a message is always on its way within a third of the hold time; with neither, nothing can wait.
    fn send_hold(&self) -> Option<(Duration, Instant)> {
        let link = self.link.as_ref().filter(|_| self.state == State::Established)?;
        let hold = link.agreement.as_ref()?.negotiated.hold_time.unwrap_or_default();
        let time = SEND_HOLD.max(2 * hold);
        Some((time, link.in_flight? + time))
    }

    /// The peer has given a sign of life (B8).
    pub(super) fn restart_hold(&mut self, now: Instant) {
        if let Some(link) = &mut self.link
            && let Some(agreement) = &link.agreement
        {
            link.hold = agreement.negotiated.hold_time.map(|time| now + time);
        }
    }

    /// We have given one (B6).
    pub(super) fn restart_keepalive(&mut self, now: Instant) {
        if let Some(link) = &mut self.link
            && let Some(agreement) = &link.agreement
        {
            let interval = agreement
                .negotiated
                .hold_time
                .map(|hold| keepalive(&self.settings, hold));
            link.keepalive = interval.map(|interval| now + self.jitter.of(interval).max(LEAST_KEEPALIVE));
        }
    }
}

/// At most so long between two signs of life, for a hold time of at least 3 s.
fn keepalive(settings: &Settings, hold: Duration) -> Duration {
    let configured = settings.keepalive_time.filter(|time| !time.is_zero());
    configured.map_or(hold / 3, |time| time.min(hold / 3))
}
