use std::time::{Duration, Instant};

use crate::input::DialError;
use crate::status::SessionError;
use crate::wire::Notification;

/// The first wait, and the least one whatever is configured: nothing is tried in a loop without a pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait, and so the longest that a router which has restarted is left alone (B9).
const LONGEST: Duration = Duration::from_secs(30);
/// How long a router is left alone that still has another session of ours.
const OCCUPIED: Duration = Duration::from_secs(5);
/// How long one is that we told too many prefixes (F24).
const IDLE_HOLD: Duration = Duration::from_secs(120);

/// When to dial again (B9, B10).
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// What went wrong last.
    last: Option<Failure>,
    /// How often in a row it went wrong; a session that was Established for a while ends the row.
    failures: u32,
    /// BFD is why there is no session, whatever went wrong since: once it says that the path works there is nothing to wait
    /// for.
    for_path: bool,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at: Instant,
    kind: Kind,
    /// How often in a row it had gone wrong before.
    before: u32,
}

/// What a failure says about the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There was nobody to dial yet: waiting longer spares nobody anything.
    Nobody,
    /// The peer was tried, and it went wrong.
    Counted,
    /// The peer takes a session of ours for alive that is not, and will find out by itself.
    Occupied,
    /// It will not be better in a few seconds: we are over the peer's limit of prefixes (F24).
    ForLong,
}

impl Retry {
    pub(super) fn on_failure(&mut self, at: Instant, error: &SessionError) {
        let kind = kind(error);
        let before = self.failures;
        self.last = Some(Failure { at, kind, before });
        if matches!(kind, Kind::Counted | Kind::ForLong) {
            self.failures = self.failures.saturating_add(1);
        }
        self.for_path = (self.for_path || *error == SessionError::Bfd) && kind != Kind::ForLong;
    }

    /// How long to wait after the last failure.
    pub(super) fn wait(&self, connect_time: Option<Duration>) -> Duration {
        let Some(last) = self.last else { return FIRST };
        let doubled = FIRST * 2_u32.saturating_pow(last.before.min(16));
        match (connect_time, last.kind) {
            (Some(configured), Kind::ForLong) => configured.max(IDLE_HOLD),
            (None, Kind::ForLong) => IDLE_HOLD,
            (Some(configured), _) => configured.max(FIRST),
            (None, Kind::Occupied) => OCCUPIED,
            (None, Kind::Nobody | Kind::Counted) => doubled.min(LONGEST),
        }
    }

    /// When the last failure was.
    pub(super) fn failed_at(&self) -> Option<Instant> {
        self.last.map(|last| last.at)
    }

    /// From when on a peer that seems to be reachable again may be dialled; none: not before it is due.
    pub(super) fn soonest(&self) -> Option<Instant> {
        let last = self.last.filter(|last| last.kind != Kind::ForLong)?;
        Some(last.at + FIRST)
    }

    /// Whether the path alone was why there is no session.
    pub(super) fn waits_for_path(&self) -> bool {
        self.for_path
    }

    /// The path works again: what went wrong while it did not says nothing about the peer.
    pub(super) fn on_path_restored(&mut self) {
        if self.for_path {
            self.failures = 0;
        }
    }

    pub(super) fn on_established(&mut self) {
        self.for_path = false;
    }

    /// The session is a good one.
    pub(super) fn forget(&mut self) {
        self.failures = 0;
    }
}

fn kind(error: &SessionError) -> Kind {
    match error {
        SessionError::Dial(
            DialError::NoNeighbor { .. } | DialError::NoInterface(_) | DialError::NoGateway(_),
        ) => Kind::Nobody,
        SessionError::Dial(
            DialError::TimedOut { .. } | DialError::Refused(_) | DialError::NoSource(_) | DialError::Other(_),
        ) => Kind::Counted,
        SessionError::Received(notification, _) => received(notification),
        SessionError::Sent(_) | SessionError::PeerAs { .. } => Kind::Counted,
        SessionError::Closed(_) | SessionError::SendHold(_) | SessionError::Bfd => Kind::Counted,
    }
}

/// Maximum Number of Prefixes; Connection Rejected and Connection Collision Resolution (RFC 4486 §3).
fn received(notification: &Notification) -> Kind {
    match (notification.code, notification.subcode) {
        (6, 1) => Kind::ForLong,
        (6, 5 | 7) => Kind::Occupied,
        _ => Kind::Counted,
    }
}
