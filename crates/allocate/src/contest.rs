use std::time::{Duration, Instant};

/// How often another writer may write over the same thing before it is told.
const EVIDENT: u32 = 3;

/// The longest pause before an answer.
const LONGEST: Duration = Duration::from_secs(600);

/// How long it stays quiet at least before nobody is taken to be there any more.
const OVER: Duration = Duration::from_secs(600);

/// Another writer that writes over what Herald has written: the more often it does, the later it is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contest {
    rounds: u32,
    last: Option<Instant>,
    writer: Option<String>,
}

impl Contest {
    /// What Herald had written was written over, by `writer` if that is known.
    pub(crate) fn handle_overwrite(&mut self, now: Instant, writer: Option<&str>) {
        self.handle_timeout(now);
        self.rounds += 1;
        self.last = Some(now);
        if let Some(writer) = writer {
            self.writer = Some(writer.to_owned());
        }
    }

    /// Forgets about it when it has been quiet for long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.ends_at().is_some_and(|end| end <= now) {
            *self = Self::default();
        }
    }

    /// Until when to leave the other its way: the first time not at all, then a second, then twice as long each time.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        Some(self.last? + self.pause())
    }

    /// When nobody is taken to be there any more, if it stays quiet.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        Some(self.last? + OVER.max(2 * self.pause()))
    }

    /// Whether it is worth telling.
    pub(crate) fn is_evident(&self) -> bool {
        self.rounds >= EVIDENT
    }

    /// Who it is, if the API server has ever said.
    pub(crate) fn writer(&self) -> Option<&str> {
        self.writer.as_deref()
    }

    fn pause(&self) -> Duration {
        match self.rounds {
            0 | 1 => Duration::ZERO,
            rounds => (Duration::from_secs(1) * 2u32.pow((rounds - 2).min(10))).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn one_who_writes_over_again_and_again_is_answered_more_and_more_seldom() {
        let mut now = start();
        let mut contest = Contest::default();
        let mut pauses = Vec::new();
        for _ in 0..14 {
            contest.handle_overwrite(now, Some("cloud"));
            let until = contest.rests_until().unwrap();
            pauses.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    }

    #[test]
    fn it_is_told_after_some_rounds_and_forgotten_after_a_long_quiet() {
        let now = start();
        let mut contest = Contest::default();
        contest.handle_overwrite(now, None);
        contest.handle_overwrite(now, Some("cloud"));
        assert!(!contest.is_evident());
        contest.handle_overwrite(now, None);
        assert!(contest.is_evident());
        assert_eq!(contest.writer(), Some("cloud"));
        contest.handle_timeout(contest.ends_at().unwrap());
        assert_eq!(contest, Contest::default());
    }
}
