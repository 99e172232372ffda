//! How a connection is ended from this side, and what is said last.

use std::time::Instant;

use super::Session;
use crate::input::{BfdState, Stop};
use crate::status::{SessionError, State};
use crate::wire::{self, Notification};

impl Session {
    /// Closes with a NOTIFICATION because of what the peer did or did not do.
    pub(super) fn refuse(&mut self, now: Instant, notification: Notification) {
        let error = SessionError::Sent(notification.clone());
        self.hang_up(now, Some(&notification), error);
    }

    /// Closes, with or without last words, and tries again later.
    pub(super) fn hang_up(&mut self, now: Instant, last: Option<&Notification>, error: SessionError) {
        self.close(last);
        self.fall_back(now, error);
    }

    fn close(&mut self, last: Option<&Notification>) {
        self.counters.notifications_sent += u64::from(last.is_some());
        self.close = Some(last.map(wire::notification));
    }

    /// RFC 9384, and RFC 5882 §4.2: only a path that worked and works no more ends anything (D14).
    pub(super) fn on_bfd(&mut self, now: Instant, state: BfdState) {
        if state == BfdState::Up {
            self.retry.on_path_restored();
        }
        match (self.state, state) {
            (State::OpenConfirm | State::Established, BfdState::Down) => self.on_path_lost(now),
            (State::Idle, BfdState::Up) if self.retry.for_bfd && self.retry.due.is_some() => self.dial(now),
            (State::Idle | State::Connect | State::Active | State::OpenSent, BfdState::Down) => {}
            (_, BfdState::Up | BfdState::AdminDown) => {}
        }
    }

    /// As when the peer has been silent for too long. To a peer that keeps our routes over a restart but not over a
    /// NOTIFICATION (RFC 4724 without RFC 8538) nothing is said, for it may reach the node by another path.
    fn on_path_lost(&mut self, now: Instant) {
        let down = Notification::bfd_down();
        let keeps_quiet = self.agrees_on_restart() && !self.agrees_on_notification();
        self.hang_up(now, (!keeps_quiet).then_some(&down), SessionError::Bfd);
    }

    pub(super) fn on_stop(&mut self, now: Instant, stop: &Stop) {
        let last = match stop {
            Stop::Restart => self.last_words_before_restart(),
            Stop::Shutdown(text) => Some(self.for_good(Notification::shutdown(&self.signed(text)))),
            Stop::Deconfigured => Some(self.for_good(Notification::deconfigured())),
            Stop::Changed => Some(self.for_good(Notification::configuration_change())),
        };
        match self.state {
            State::Idle | State::Active => {}
            State::Connect => self.close(None),
            State::OpenSent | State::OpenConfirm | State::Established => self.close(last.as_ref()),
        }
        (self.ended, self.dial) = (true, false);
        self.link = None;
        self.retry.due = None;
        self.drain.end_marking();
        self.enter(now, State::Idle, None);
    }

    /// A connection that breaks is what makes a peer keep our routes (RFC 4724 §4.2). Where it was not agreed to, the peer drops
    /// them in any case, and may as well know why: Administrative Reset, for the session comes back (RFC 4486 §4), whereas
    /// Administrative Shutdown says that it does not. Before the peer's OPEN it may be waiting for just this session, with
    /// routes that it keeps.
    fn last_words_before_restart(&self) -> Option<Notification> {
        let may_keep = match self.state {
            State::OpenConfirm | State::Established => self.agrees_on_restart(),
            State::Idle | State::Connect | State::Active | State::OpenSent => {
                self.settings.restart_time.is_some()
            }
        };
        (!may_keep).then(|| Notification::reset(&self.signed("the speaker restarts")))
    }

    /// Where a NOTIFICATION alone would let the peer keep our routes, it is made one that does not (RFC 8538 §3).
    fn for_good(&self, notification: Notification) -> Notification {
        if self.agrees_on_notification() {
            Notification::hard_reset(&notification)
        } else {
            notification
        }
    }

    /// A text for the peer's operator, who has many nodes (RFC 9003).
    fn signed(&self, text: &str) -> String {
        format!("{}: {text}", self.settings.node)
    }

    fn agrees_on_restart(&self) -> bool {
        self.agreement()
            .is_some_and(|agreement| agreement.negotiated.graceful_restart)
    }

    fn agrees_on_notification(&self) -> bool {
        self.agreement().is_some_and(|agreement| agreement.notification)
    }
}
