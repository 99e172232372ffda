use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use jiff::Timestamp;

use super::api::{Answer, Failure};
use super::chance::Chance;
use super::errand::{Errand, Step};
use super::log::Seen;
use super::object::Kind;
use super::replica::Machines;
use super::stream::Delivery;
use super::watch::Watch;
use allocate::REQUEST_TIMEOUT;
use allocate::task::{Progress, RETRY};

/// What a process has only while it leads.
#[derive(Debug)]
pub(super) struct Leading {
    machines: Machines,
    watches: BTreeMap<Kind, Watch>,
    /// Errands that are to be given a call.
    waiting: VecDeque<Work>,
    /// Errands by their call.
    running: BTreeMap<u64, Work>,
    /// Until when a write that ended without an answer may still take effect.
    unanswered_until: Option<Instant>,
}

/// An errand, what the machines had seen when they wished for it, and when its next request is due.
#[derive(Debug)]
pub(super) struct Work {
    errand: Errand,
    seen: Seen,
    due: Instant,
}

impl Leading {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            machines: Machines::new(now),
            watches: Kind::WATCHED.map(|kind| (kind, Watch::new(kind, now))).into(),
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            unanswered_until: None,
        }
    }

    pub(super) fn watch(&self, kind: Kind) -> &Watch {
        &self.watches[&kind]
    }

    pub(super) fn watch_mut(&mut self, kind: Kind) -> &mut Watch {
        self.watches.get_mut(&kind).expect("every kind is watched")
    }

    /// The watches whose next request is due.
    pub(super) fn watches_due(&self, now: Instant) -> Vec<Kind> {
        let due = self.watches.iter().filter(|(_, watch)| watch.is_due(now));
        due.map(|(kind, _)| *kind).collect()
    }

    /// Whether no write is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Whether nothing that was sent can take effect any more.
    pub(super) fn is_answered(&self, now: Instant) -> bool {
        self.is_idle() && self.unanswered_until.is_none_or(|until| until <= now)
    }

    pub(super) fn handle_delivery(&mut self, now: Instant, kind: Kind, delivery: Delivery) {
        if let Some(change) = self.watch_mut(kind).handle_delivery(delivery) {
            self.machines.handle_change(now, kind, change);
        }
    }

    pub(super) fn handle_watch_answer(
        &mut self,
        now: Instant,
        kind: Kind,
        id: u64,
        answer: Result<Answer, Failure>,
        chance: &mut Chance,
    ) {
        if let Some(change) = self.watch_mut(kind).handle_answer(now, id, answer, chance) {
            self.machines.handle_change(now, kind, change);
        }
    }

    pub(super) fn handle_errand_answer(&mut self, now: Instant, id: u64, answer: Result<Answer, Failure>) {
        let Some(Work { errand, seen, .. }) = self.running.remove(&id) else {
            return;
        };
        let mut go_on = |task, due| {
            let errand = Errand::Task(task);
            self.waiting.push_back(Work { errand, seen, due });
        };
        match errand.answered(answer) {
            Step::Task(Progress::Next(task)) => go_on(task, now),
            Step::Task(Progress::Again(task)) => go_on(task, now + RETRY),
            Step::Task(Progress::Ended(ended)) => {
                if ended.is_unknown() {
                    self.unanswered_until = Some(now + REQUEST_TIMEOUT);
                }
                self.machines.handle_end(now, ended.input);
            }
            Step::Updated(update, answer) => self.machines.handle_update_answer(now, update, answer),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.machines.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let watches = self.watches.values().filter_map(Watch::poll_timeout);
        let tasks = self.waiting.iter().map(|task| task.due);
        watches.chain(self.machines.poll_timeout()).chain(tasks).min()
    }

    /// Lets the machines say all that they want done.
    pub(super) fn decide(&mut self, now: Instant, wall_clock: Timestamp) {
        let seen = Seen::new(|kind| self.watch(kind).seen());
        while let Some(errand) = self.machines.poll_errand(now, wall_clock) {
            self.waiting.push_back(Work {
                errand,
                seen,
                due: now,
            });
        }
    }

    /// The watches and the publisher stop; what is written about Services goes on.
    pub(super) fn wind_down(&mut self) {
        self.waiting.retain(|task| task.errand.outlasts_the_term());
        self.running.retain(|_, task| task.errand.outlasts_the_term());
    }

    /// The next errand that is due, to be started as a call.
    pub(super) fn poll_task(&mut self, now: Instant) -> Option<Work> {
        let due = self.waiting.iter().position(|task| task.due <= now)?;
        self.waiting.remove(due)
    }

    pub(super) fn start(&mut self, id: u64, task: Work) {
        self.running.insert(id, task);
    }

    /// What call `id` is for, and what was seen when that was decided.
    pub(super) fn errand(&self, id: u64) -> Option<(&Errand, Seen)> {
        self.running.get(&id).map(|task| (&task.errand, task.seen))
    }
}
