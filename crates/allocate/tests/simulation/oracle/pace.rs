use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Violation;
use crate::object::Key;

/// How far back the pace is looked at.
const MINUTE: Duration = Duration::from_secs(60);
/// How often an object may be written in a minute in which nobody edits anything: the pauses between tries grow.
const TRIES: usize = 20;

/// How much is written, against how much there is to say (S9).
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// What there was to say: each edit, for every Service that it may concern.
    changes: usize,
    /// Status writes that took effect.
    writes: usize,
    /// Status writes that failed, or seemed to.
    failures: usize,
    /// The edits of the last minute.
    edits: VecDeque<Duration>,
    /// The writes of the last minute, by their object.
    recent: BTreeMap<Key, VecDeque<Duration>>,
}

impl Pace {
    pub(super) fn count_edit(&mut self, at: Duration, services: usize) {
        self.changes += 2 + services;
        self.edits.push_back(at);
    }

    pub(super) fn count_write(&mut self, succeeded: bool) {
        match succeeded {
            true => self.writes += 1,
            false => self.failures += 1,
        }
    }

    /// A write of which the writer does not know whether it took effect is written again.
    pub(super) fn count_loss(&mut self) {
        self.failures += 1;
    }

    /// Whether a write of an object at this time is not one too many.
    pub(super) fn judge(&mut self, at: Duration, key: &Key) -> Result<(), Violation> {
        let writes = self.recent.entry(key.clone()).or_default();
        writes.push_back(at);
        for times in [&mut self.edits, writes] {
            while times.front().is_some_and(|time| *time + MINUTE < at) {
                times.pop_front();
            }
        }
        match writes.len() > TRIES + 3 * self.edits.len() {
            true => Err(Violation(format!(
                "S9: {} is written {} times in a minute with {} edits",
                key.words(),
                writes.len(),
                self.edits.len()
            ))),
            false => Ok(()),
        }
    }

    /// Whether no more was written in the end than there was to say.
    pub(super) fn judge_the_sum(&self) -> Result<(), Violation> {
        let Self {
            changes,
            writes,
            failures,
            ..
        } = self;
        match *writes > 2 * changes + failures {
            true => Err(Violation(format!(
                "S9: {writes} writes for {changes} changes, {failures} failed"
            ))),
            false => Ok(()),
        }
    }
}
