use std::time::{Duration, Instant};

use crate::Status;

/// So many questions without an answer are needed to call a node dead: fewer may be lost.
const ENOUGH: u32 = 3;

/// Whether the node of a silent speaker answers for its own addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Probing {
    /// Whether this node is the one to find out: it would take over, or answer meanwhile.
    pub(crate) wanted: bool,
    /// When the last question went out.
    pub(crate) asked: Option<Instant>,
    /// How many went out since the last answer.
    unanswered: u32,
    /// When the question after which there are enough went out.
    enough: Option<Instant>,
    answered: Option<Instant>,
    /// How long an answer may take.
    patience: Duration,
}

impl Probing {
    /// A speaker that said itself that it ends: its node is taken to live until it turns out otherwise.
    pub(crate) fn presumed(now: Instant) -> Self {
        Self {
            answered: Some(now),
            ..Self::default()
        }
    }

    /// A question goes out.
    pub(crate) fn ask(&mut self, now: Instant, patience: Duration) {
        self.asked = Some(now);
        self.patience = patience;
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered == ENOUGH {
            self.enough = Some(now);
        }
    }

    /// An answer came. One that nobody asked for says nothing about now.
    pub(crate) fn answer(&mut self, now: Instant) {
        if self.asked.is_some() {
            self.answered = Some(now);
            self.unanswered = 0;
            self.enough = None;
        }
    }

    /// Whether nobody has answered since the silence began.
    pub(crate) fn never_answered(&self) -> bool {
        self.answered.is_none()
    }

    /// When the next question is due, if there was one.
    pub(crate) fn due(&self, every: Duration) -> Option<Instant> {
        self.asked.map(|asked| asked + every)
    }

    /// Until when the last answer counts.
    fn answered_until(&self, window: Duration) -> Option<Instant> {
        Some(self.answered? + window)
    }

    fn given_up_at(&self, window: Duration) -> Option<Instant> {
        let unanswered = self.enough? + self.patience;
        Some(self.answered_until(window).map_or(unanswered, |until| until.max(unanswered)))
    }

    /// What the silence means. A speaker keeps its units for as long as `keeps` says.
    pub(crate) fn verdict(&self, now: Instant, window: Duration, keeps: Option<Instant>) -> Status {
        if keeps.is_some_and(|until| now >= until) {
            return Status::Dead;
        }
        if self.answered_until(window).is_some_and(|until| now < until) {
            return Status::SpeakerLost;
        }
        if self.given_up_at(window).is_some_and(|at| now >= at) {
            return Status::Dead;
        }
        Status::Missing
    }

    /// When [`Self::verdict`] may give something else.
    pub(crate) fn changes_at(&self, window: Duration) -> [Option<Instant>; 2] {
        [self.answered_until(window), self.given_up_at(window)]
    }
}
