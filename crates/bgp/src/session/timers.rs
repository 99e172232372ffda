use std::time::Instant;

use super::Session;
use super::fsm::FsmEvent;
use super::phase::{Established, Phase, Wait};
use crate::settings::LiveSettings;

impl Session {
    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let marked_until = self.draining.marked_until(&self.settings.live);
        let stale_until = self.adj_rib_in.stale_until();
        [self.phase.timeout(), marked_until, stale_until]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn run_timers(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Phase::Idle(Wait::Until(due)) = self.phase
            && due <= now
        {
            self.on_event(now, FsmEvent::RetryExpired);
        }
        if is_due(self.draining.marked_until(&self.settings.live)) {
            self.draining.end_marking();
            self.review(None);
        }
        if is_due(self.adj_rib_in.stale_until()) {
            self.adj_rib_in.expire(&mut self.events);
        }
        let send_hold = self.phase.established().and_then(Established::send_hold);
        if let Some((time, due)) = send_hold
            && due <= now
        {
            return self.on_event(now, FsmEvent::SendHoldExpired(time));
        }
        if is_due(self.phase.transport().and_then(|transport| transport.hold)) {
            return self.on_event(now, FsmEvent::HoldExpired);
        }
        self.run_timers_of_established(now);
        let Some(opened) = self.phase.opened_mut() else {
            return;
        };
        if is_due(opened.transport.keepalive) {
            opened.transport.owes_keepalive = true;
            opened.restart_keepalive(now, &self.settings.live, &mut self.jitter);
        }
    }

    fn run_timers_of_established(&mut self, now: Instant) {
        let Some(live) = self.phase.established_mut() else {
            return;
        };
        live.adj_rib_out.run_refreshes(now);
        if live.stable.is_some_and(|at| at <= now) {
            live.stable = None;
            self.retry.forget();
            self.error = None;
        }
    }

    /// Nothing of it ends anything: what waits for a time waits for the new one.
    pub(super) fn on_live(&mut self, now: Instant, live: LiveSettings) {
        let before = std::mem::replace(&mut self.settings.live, live);
        if before.connect_time != live.connect_time
            && let Phase::Idle(Wait::Until(due)) = &mut self.phase
            && let Some(failed_at) = self.retry.failed_at()
        {
            let wait = self.jitter.of(self.retry.wait(live.connect_time));
            *due = now.max(failed_at + wait);
        }
        if before.keepalive_time != live.keepalive_time
            && let Some(opened) = self.phase.opened_mut()
        {
            opened.hasten_keepalive(now, &self.settings.live, &mut self.jitter);
        }
    }
}
