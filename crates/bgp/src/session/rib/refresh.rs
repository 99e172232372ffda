//! The peer asks to hear everything again (RFC 2918, RFC 7313).

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use model::Family;

use super::{AdjRibOut, Progress, family};
use crate::route::Attributes;

/// A peer that asks again within this time waits for the rest of it: answers cost more than questions.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the answers for one family are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refresh {
    /// When to begin with the next.
    asked: Option<Instant>,
    /// When the last began.
    answered: Option<Instant>,
    pub(super) answer: Answer,
}

/// What is still to be said beside the routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing: there is none, or the peer knows no marks.
    #[default]
    None,
    /// The mark before the routes, and the one after.
    Begins,
    /// The mark after.
    Runs,
}

impl AdjRibOut {
    pub(in crate::session) fn ask_again(&mut self, now: Instant, family: Family) {
        if let Some(Progress { refresh, .. }) = self.families.get_mut(&family) {
            let next = refresh.answered.map_or(now, |answered| now.max(answered + PAUSE));
            refresh.asked.get_or_insert(next);
        }
    }

    /// When there is an answer to begin with. One that waits for something else than time begins with the next message.
    pub(in crate::session) fn refresh_due(&self) -> Option<Instant> {
        let waiting = self
            .families
            .values()
            .filter(|progress| progress.is_free(self.complete));
        waiting.filter_map(|progress| progress.refresh.asked).min()
    }

    pub(in crate::session) fn run_refreshes(&mut self, now: Instant) {
        let (enhanced, complete) = (self.enhanced_refresh, self.complete);
        let mut due = Vec::new();
        for (family, progress) in &mut self.families {
            let free = progress.is_free(complete);
            let marked = enhanced && progress.ended;
            let refresh = &mut progress.refresh;
            if free && refresh.asked.is_some_and(|asked| asked <= now) {
                let answer = if marked { Answer::Begins } else { Answer::None };
                *refresh = Refresh {
                    asked: None,
                    answered: Some(now),
                    answer,
                };
                due.push(*family);
            }
        }
        due.into_iter().for_each(|family| self.say_again(family));
    }

    /// All that the peer has, once more. What it has is not forgotten over that: it may yet have to be withdrawn.
    fn say_again(&mut self, of: Family) {
        let sent = self.sent.iter_mut().filter(|(prefix, _)| family(prefix) == of);
        let stale = sent.filter_map(|(prefix, attributes)| Some((*prefix, attributes.take()?)));
        let stale: Vec<(IpNet, Arc<Attributes>)> = stale.collect();
        for (prefix, attributes) in stale {
            if !self.queue.contains(&prefix) {
                self.queue.announce(prefix, attributes);
            }
        }
        self.unsynced = true;
    }
}

impl Progress {
    /// Whether an answer may begin: not within another, nor shortly before the End-of-RIB. Where that is far, because not all is known
    /// (the API server may be away for hours), the answer has no marks (RFC 7313 §4) and is that of RFC 2918.
    fn is_free(&self, complete: bool) -> bool {
        (self.ended || !complete) && self.refresh.answer == Answer::None
    }
}
