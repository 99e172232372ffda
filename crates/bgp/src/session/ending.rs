//! How a session leaves a state: to dial, to wait, or for good; and what is said last.

use std::time::Instant;

use super::Session;
use super::agreement::Agreement;
use super::phase::{Opened, Phase, Wait};
use crate::input::{BfdState, Retention, Stop};
use crate::status::SessionError;
use crate::wire::{self, Notification};

impl Session {
    pub(super) fn dial(&mut self) -> Phase {
        self.dial = true;
        Phase::Connect
    }

    /// Dials as soon as that is no nuisance to anybody.
    pub(super) fn hurry(&mut self, now: Instant, wait: Wait) -> Phase {
        let Wait::Until(due) = wait else {
            return Phase::Idle(wait);
        };
        match due.min(self.retry.soonest().unwrap_or(due)) {
            due if due <= now => self.dial(),
            due => Phase::Idle(Wait::Until(due)),
        }
    }

    /// Closes with a NOTIFICATION because of what the peer did or did not do.
    pub(super) fn refuse(&mut self, now: Instant, notification: Notification) -> Phase {
        let error = SessionError::Sent(notification.clone());
        self.hang_up(now, Some(&notification), error)
    }

    /// Closes, with or without last words, and tries again later.
    pub(super) fn hang_up(
        &mut self,
        now: Instant,
        last: Option<&Notification>,
        error: SessionError,
    ) -> Phase {
        self.close(last);
        self.fall_back(now, error)
    }

    /// Never answered (B16).
    pub(super) fn on_notification(&mut self, now: Instant, received: Notification) -> Phase {
        let error = SessionError::Received(received, self.settings.open.local_asn);
        self.hang_up(now, None, error)
    }

    /// Without a connection; dials again after a wait.
    pub(super) fn fall_back(&mut self, now: Instant, error: SessionError) -> Phase {
        self.retry.on_failure(now, &error);
        self.error = Some(error.clone());
        self.fell_back = Some(error);
        let wait = self.retry.wait(self.settings.live.connect_time);
        Phase::Idle(Wait::Until(now + self.jitter.of(wait)))
    }

    pub(super) fn end(&mut self) -> Phase {
        self.dial = false;
        Phase::Idle(Wait::Over)
    }

    pub(super) fn close(&mut self, last: Option<&Notification>) {
        self.counters.notifications_sent += u64::from(last.is_some());
        self.close = Some(last.map(wire::notification));
    }

    /// RFC 9384, and RFC 5882 §4.2: only a path that worked and works no more ends anything (D14).
    pub(super) fn on_bfd(&mut self, now: Instant, state: BfdState) {
        use super::fsm::FsmEvent::{PathDown, PathUp};
        match state {
            BfdState::Up => {
                self.on_event(now, PathUp);
                self.retry.on_path_restored();
            }
            BfdState::Down => self.on_event(now, PathDown),
            BfdState::AdminDown => {}
        }
    }

    /// As when the peer has been silent for too long. To a peer that keeps our routes over a restart but not over a
    /// NOTIFICATION (RFC 4724 without RFC 8538) nothing is said, for it may reach the node by another path.
    pub(super) fn on_path_down(&mut self, now: Instant, opened: &Opened) -> Phase {
        let down = Notification::bfd_down();
        let last = Some(&down).filter(|_| !opened.agreement.keeps_only_in_silence());
        self.hang_up(now, last, SessionError::Bfd)
    }

    /// What is said before the end. Without an agreement the peer has not opened yet.
    pub(super) fn last_words(&self, agreement: Option<&Agreement>, stop: &Stop) -> Option<Notification> {
        let notification = match stop {
            Stop::Restart if self.draining.is_under_way() => {
                Notification::shutdown(&self.signed("the node is drained"))
            }
            Stop::Restart => return self.last_words_before_restart(agreement),
            Stop::Changed(Retention::Keep) => return self.last_words_before_change(agreement),
            Stop::Shutdown(text) => Notification::shutdown(&self.signed(text)),
            Stop::Deconfigured => Notification::deconfigured(),
            Stop::Changed(Retention::Drop) => Notification::configuration_change(),
        };
        // Where a NOTIFICATION alone would let the peer keep our routes, it is made one that does not (RFC 8538 §3).
        let keeps = agreement.is_some_and(|agreement| agreement.notification);
        Some(if keeps {
            Notification::hard_reset(&notification)
        } else {
            notification
        })
    }

    /// A connection that breaks is what makes a peer keep our routes (RFC 4724 §4.2). Where it was not agreed to, the peer drops
    /// them in any case, and may as well know why: Administrative Reset, for the session comes back (RFC 4486 §4), whereas
    /// Administrative Shutdown says that it does not. Before the peer's OPEN it may be waiting for just this session, with
    /// routes that it keeps.
    fn last_words_before_restart(&self, agreement: Option<&Agreement>) -> Option<Notification> {
        (!self.may_keep(agreement)).then(|| Notification::reset(&self.signed("the speaker restarts")))
    }

    /// Said wherever the peer keeps our routes all the same.
    fn last_words_before_change(&self, agreement: Option<&Agreement>) -> Option<Notification> {
        let silent = match agreement {
            Some(agreement) => agreement.keeps_only_in_silence(),
            None => self.may_keep(None),
        };
        (!silent).then(Notification::configuration_change)
    }

    fn may_keep(&self, agreement: Option<&Agreement>) -> bool {
        match agreement {
            Some(agreement) => agreement.negotiated.graceful_restart,
            None => self.settings.open.restart_time.is_some(),
        }
    }

    /// A text for the peer's operator, who has many nodes (RFC 9003).
    fn signed(&self, text: &str) -> String {
        format!("{}: {text}", self.settings.node)
    }
}
