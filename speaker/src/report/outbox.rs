//! Which conditions are to be written, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::ServiceName;

use crate::report::standing::{Shown, Standing};

/// What this node has to say, by Service.
pub type Standings = BTreeMap<ServiceName, Arc<Standing>>;

/// What Services show, as the watch tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownChange {
    /// All that there is.
    All(Vec<(ServiceName, Shown)>),
    /// One Service shows this now; none: nothing, or it is gone.
    One(ServiceName, Option<Shown>),
}

/// How long to wait after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// How long a Service may show that it is not announced, or nothing, while this node says that it is: what another node has written
/// in the same moment may be the newer word.
const REASSERT: Duration = Duration::from_secs(2);

/// How long until a node looks again whether others announce what it does not; twice as long each time, up to the longest.
const DOUBT: Duration = Duration::from_secs(10);
const LONGEST_DOUBT: Duration = Duration::from_secs(320);

/// A condition to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Of which Service.
    pub name: ServiceName,
    /// What it is to say.
    pub standing: Arc<Standing>,
    /// What it says.
    pub shown: Option<Shown>,
    /// Whether it says the word of somebody else, which may be true.
    pub doubt: Doubt,
}

/// Whether what a Service shows may be true although this node knows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It may not.
    Clear,
    /// It may: see [`Standing::unless`].
    Look,
}

/// The standings that are still to be written. Nothing is given twice, except what failed and what somebody has written over.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What Services show, in the words of whoever wrote it.
    shown: BTreeMap<ServiceName, Shown>,
    /// What was written, or was shown already, and is still so.
    settled: BTreeMap<ServiceName, Settled>,
    waiting: BTreeMap<ServiceName, Waiting>,
    due: BTreeSet<(Instant, ServiceName)>,
}

#[derive(Debug)]
struct Settled {
    standing: Arc<Standing>,
    /// How long to the next look whether it is still left to others.
    doubt: Option<Duration>,
}

#[derive(Debug)]
struct Waiting {
    at: Instant,
    standing: Arc<Standing>,
    doubt: Option<Duration>,
}

impl Outbox {
    /// Takes in everything that this node has to say now. What it no longer has to say is dropped.
    pub fn handle_standings(&mut self, now: Instant, standings: &Standings) {
        let is_said = |name: &ServiceName, known: &Standing| {
            let standing = standings.get(name);
            standing.is_some_and(|standing| standing.is_like(known))
        };
        self.settled.retain(|name, known| is_said(name, &known.standing));
        let waiting = std::mem::take(&mut self.waiting);
        self.due.clear();
        for (name, standing) in standings {
            if self.settled.contains_key(name) {
                continue;
            }
            let before = waiting
                .get(name)
                .filter(|before| before.standing.is_like(standing));
            let (at, doubt) = match before {
                Some(before) => (before.at, before.doubt),
                None if self.shows(name, standing) => {
                    self.settle(name.clone(), standing.clone(), None);
                    continue;
                }
                None => (now + standing.patience, None),
            };
            self.put(at, name.clone(), standing.clone(), doubt);
        }
    }

    /// Takes in what Services show.
    pub fn handle_shown(&mut self, now: Instant, change: ShownChange) {
        match change {
            ShownChange::All(all) => {
                self.shown = all.into_iter().collect();
                let settled: Vec<ServiceName> = self.settled.keys().cloned().collect();
                for name in settled {
                    self.reassert(now, name);
                }
            }
            ShownChange::One(name, shown) => {
                match shown {
                    Some(shown) => drop(self.shown.insert(name.clone(), shown)),
                    None => drop(self.shown.remove(&name)),
                }
                self.reassert(now, name);
            }
        }
    }

    /// Good news that was written over, or deleted, is told again after a while.
    fn reassert(&mut self, now: Instant, name: ServiceName) {
        let shows_it = self.shown.get(&name).is_some_and(|shown| shown.announced);
        let Some(settled) = self.settled.get(&name) else {
            return;
        };
        let lost = if settled.standing.announced {
            !shows_it
        } else {
            !self.shown.contains_key(&name)
        };
        if lost && let Some(settled) = self.settled.remove(&name) {
            self.put(now + REASSERT, name, settled.standing, None);
        }
    }

    /// The next condition to write, which counts as written unless [`Self::handle_failure`] or [`Self::handle_doubt`] says otherwise.
    pub fn poll_write(&mut self, now: Instant) -> Option<Write> {
        loop {
            self.due.first().filter(|(at, _)| *at <= now)?;
            let (_, name) = self.due.pop_first()?;
            let Waiting { standing, doubt, .. } = self.waiting.remove(&name)?;
            let shown = self.shown.get(&name).copied();
            let is_shown = self.shows(&name, &standing);
            self.settle(name.clone(), standing.clone(), doubt);
            if is_shown {
                continue;
            }
            let others_word = shown.is_some_and(|shown| shown.announced) && standing.unless.is_some();
            let doubt = if others_word { Doubt::Look } else { Doubt::Clear };
            return Some(Write {
                name,
                standing,
                shown,
                doubt,
            });
        }
    }

    /// A write failed: it is tried again, unless there is something newer to say.
    pub fn handle_failure(&mut self, now: Instant, name: ServiceName, standing: &Standing) {
        if let Some(settled) = self.take_settled(&name, standing) {
            self.put(now + RETRY, name, settled.standing, settled.doubt);
        }
    }

    /// It was not written, for others announce the Service as it says: that is looked at again.
    pub fn handle_doubt(&mut self, now: Instant, name: ServiceName, standing: &Standing) {
        if let Some(settled) = self.take_settled(&name, standing) {
            let doubt = settled.doubt.map_or(DOUBT, |last| (last * 2).min(LONGEST_DOUBT));
            self.put(now + doubt, name, settled.standing, Some(doubt));
        }
    }

    fn take_settled(&mut self, name: &ServiceName, standing: &Standing) -> Option<Settled> {
        let settled = self.settled.get(name)?;
        let is_newest = settled.standing.is_like(standing);
        is_newest.then(|| self.settled.remove(name)).flatten()
    }

    /// When [`Self::poll_write`] has something to give.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn shows(&self, name: &ServiceName, standing: &Standing) -> bool {
        let shown = self.shown.get(name);
        shown.is_some_and(|shown| shown.words() == standing.words())
    }

    fn settle(&mut self, name: ServiceName, standing: Arc<Standing>, doubt: Option<Duration>) {
        self.settled.insert(name, Settled { standing, doubt });
    }

    fn put(&mut self, at: Instant, name: ServiceName, standing: Arc<Standing>, doubt: Option<Duration>) {
        self.due.insert((at, name.clone()));
        self.waiting.insert(name, Waiting { at, standing, doubt });
    }
}

#[cfg(test)]
mod tests;
