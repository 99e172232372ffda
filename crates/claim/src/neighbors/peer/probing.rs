use std::time::{Duration, Instant};

use crate::Status;

/// So many questions without an answer are needed to call a node dead: fewer may be lost.
const ENOUGH: u32 = 3;

/// Whether the node of a silent speaker answers for its own addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::neighbors) struct Probing {
    /// Whether this node is the one to find out: it would take over, or answer meanwhile.
    pub(in crate::neighbors) wanted: bool,
    /// When the last question went out.
    pub(in crate::neighbors) asked: Option<Instant>,
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
    pub(in crate::neighbors) fn presumed(now: Instant) -> Self {
        Self {
            answered: Some(now),
            ..Self::default()
        }
    }

    /// A question goes out.
    pub(in crate::neighbors) fn ask(&mut self, now: Instant, patience: Duration) {
        self.asked = Some(now);
        self.patience = patience;
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered == ENOUGH {
            self.enough = Some(now);
        }
    }

    /// An answer came. One that nobody asked for says nothing about now.
    pub(in crate::neighbors) fn answer(&mut self, now: Instant) {
        if self.asked.is_some() {
            self.answered = Some(now);
            self.unanswered = 0;
            self.enough = None;
        }
    }

    /// Whether nobody has answered since the silence began.
    pub(in crate::neighbors) fn never_answered(&self) -> bool {
        self.answered.is_none()
    }

    /// When a question was last answered.
    pub(in crate::neighbors) fn last_answer(&self) -> Option<Instant> {
        self.answered
    }

    /// When the next question is due, if there was one.
    pub(in crate::neighbors) fn due(&self, every: Duration) -> Option<Instant> {
        self.asked.map(|asked| asked + every)
    }

    /// Until when the last answer counts.
    fn answered_until(&self, window: Duration) -> Option<Instant> {
        Some(self.answered? + window)
    }

    fn given_up_at(&self, window: Duration) -> Option<Instant> {
        let unanswered = self.enough? + self.patience;
        Some(
            self.answered_until(window)
                .map_or(unanswered, |until| until.max(unanswered)),
        )
    }

    /// What the silence means. A speaker keeps its units for as long as `keeps` says.
    pub(in crate::neighbors) fn verdict(
        &self,
        now: Instant,
        window: Duration,
        keeps: Option<Instant>,
    ) -> Status {
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
    pub(in crate::neighbors) fn changes_at(&self, window: Duration) -> [Option<Instant>; 2] {
        [self.answered_until(window), self.given_up_at(window)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(300);
    const EVERY: Duration = Duration::from_millis(50);

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn asked(now: Instant, times: u32) -> Probing {
        let mut probing = Probing::default();
        (0..times).for_each(|n| probing.ask(now + EVERY * n, EVERY));
        probing
    }

    #[test]
    fn a_node_that_nobody_asks_is_missing_and_not_dead() {
        let now = start();
        let verdict = Probing::default().verdict(now + WINDOW * 9, WINDOW, None);
        assert_eq!(verdict, Status::Missing);
    }

    #[test]
    fn three_questions_without_an_answer_make_a_node_dead_when_the_last_had_its_time() {
        let now = start();
        assert_eq!(asked(now, 2).verdict(now + WINDOW, WINDOW, None), Status::Missing);
        let probing = asked(now, 3);
        assert_eq!(
            probing.verdict(now + EVERY * 3 - EVERY / 2, WINDOW, None),
            Status::Missing
        );
        assert_eq!(probing.verdict(now + EVERY * 3, WINDOW, None), Status::Dead);
        assert!(probing.changes_at(WINDOW).contains(&Some(now + EVERY * 3)));
    }

    #[test]
    fn an_answer_keeps_a_node_alive_for_the_window() {
        let now = start();
        let mut probing = asked(now, 3);
        probing.answer(now + EVERY);
        (0..9).for_each(|n| probing.ask(now + EVERY * (2 + n), EVERY));
        assert_eq!(
            probing.verdict(now + EVERY + WINDOW - EVERY / 2, WINDOW, None),
            Status::SpeakerLost
        );
        assert_eq!(probing.verdict(now + EVERY + WINDOW, WINDOW, None), Status::Dead);
    }

    #[test]
    fn an_answer_to_no_question_proves_nothing() {
        let now = start();
        let mut probing = Probing::default();
        probing.answer(now);
        assert!(probing.never_answered());
    }

    #[test]
    fn no_answer_keeps_units_beyond_the_crash_window() {
        let now = start();
        let probing = Probing::presumed(now);
        assert_eq!(
            probing.verdict(now, WINDOW, Some(now + EVERY)),
            Status::SpeakerLost
        );
        assert_eq!(
            probing.verdict(now + EVERY, WINDOW, Some(now + EVERY)),
            Status::Dead
        );
    }
}
