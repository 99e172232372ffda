use std::time::{Duration, Instant};

use crate::input::DialError;
use crate::settings::Settings;
use crate::status::SessionError;
use crate::wire::Notification;

/// The first wait, and the least one whatever is configured: nothing is tried in a loop without a pause.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);

/// When to dial again (B9, B10).
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// None where it has not begun, or is not Idle.
    pub(super) due: Option<Instant>,
    /// How often in a row it went wrong; a session that was Established for a while ends the row.
    failures: u32,
    /// BFD is why there is no session, whatever went wrong since: once it says that the path works there is nothing to wait
    /// for.
    pub(super) for_bfd: bool,
}

impl Retry {
    /// Counts a failure, and says how long to wait.
    pub(super) fn next_wait(&mut self, settings: &Settings, error: &SessionError) -> Duration {
        let doubled = FIRST * 2_u32.saturating_pow(self.failures.min(16));
        if is_counted(error) {
            self.failures = self.failures.saturating_add(1);
        }
        let for_long = is_for_long(error);
        self.for_bfd = (self.for_bfd || *error == SessionError::Bfd) && !for_long;
        match (settings.connect_time, for_long) {
            (Some(configured), true) => configured.max(LONGEST),
            (Some(configured), false) => configured.max(FIRST),
            (None, true) => LONGEST,
            (None, false) => doubled.min(LONGEST),
        }
    }

    /// The path works again: what went wrong while it did not says nothing about the peer.
    pub(super) fn on_path_restored(&mut self) {
        if self.for_bfd {
            self.failures = 0;
        }
    }

    /// The session is a good one.
    pub(super) fn forget(&mut self) {
        self.failures = 0;
    }
}

/// Whether a peer was tried at all: where there is none to dial yet, waiting longer spares nobody anything.
fn is_counted(error: &SessionError) -> bool {
    match error {
        SessionError::Dial(DialError::NoNeighbor { .. } | DialError::NoInterface(_)) => false,
        SessionError::Dial(
            DialError::TimedOut { .. } | DialError::Refused(_) | DialError::NoSource(_) | DialError::Other(_),
        ) => true,
        SessionError::Received(..) | SessionError::Sent(_) | SessionError::PeerAs { .. } => true,
        SessionError::Closed(_) | SessionError::SendHold(_) | SessionError::Bfd => true,
    }
}

/// Whether it will not be better in a few seconds: we are over the peer's limit of prefixes (F24).
fn is_for_long(error: &SessionError) -> bool {
    match error {
        SessionError::Received(
            Notification {
                code: 6, subcode: 1, ..
            },
            _,
        ) => true,
        SessionError::Received(..)
        | SessionError::Sent(_)
        | SessionError::Dial(_)
        | SessionError::PeerAs { .. } => false,
        SessionError::Closed(_) | SessionError::SendHold(_) | SessionError::Bfd => false,
    }
}
