//! Which conditions are to be written, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::ServiceName;

use crate::report::standing::Standing;

/// What this node has to say, by Service.
pub type Standings = BTreeMap<ServiceName, Arc<Standing>>;

/// How long to wait after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// The standings that are still to be written. Nothing is given twice, except what failed.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What was written and is still so.
    written: Standings,
    waiting: BTreeMap<ServiceName, (Instant, Arc<Standing>)>,
    due: BTreeSet<(Instant, ServiceName)>,
}

impl Outbox {
    /// Takes in everything that this node has to say now. What it no longer has to say is dropped.
    pub fn handle_standings(&mut self, now: Instant, standings: &Standings) {
        self.written
            .retain(|name, standing| standings.get(name) == Some(standing));
        let waiting = std::mem::take(&mut self.waiting);
        self.due.clear();
        for (name, standing) in standings {
            if self.written.contains_key(name) {
                continue;
            }
            let before = waiting.get(name).filter(|(_, before)| before == standing);
            self.put(
                before.map_or(now + standing.patience, |(at, _)| *at),
                name.clone(),
                standing.clone(),
            );
        }
    }

    /// The next standing to write, which counts as written unless [`Self::handle_failure`] says otherwise.
    pub fn poll_standing(&mut self, now: Instant) -> Option<(ServiceName, Arc<Standing>)> {
        self.due.first().filter(|(at, _)| *at <= now)?;
        let (_, name) = self.due.pop_first()?;
        let (_, standing) = self.waiting.remove(&name)?;
        self.written.insert(name.clone(), standing.clone());
        Some((name, standing))
    }

    /// A write failed: it is tried again, unless there is something newer to say.
    pub fn handle_failure(&mut self, now: Instant, name: ServiceName, standing: Arc<Standing>) {
        if self.written.get(&name) == Some(&standing) {
            self.written.remove(&name);
            self.put(now + RETRY, name, standing);
        }
    }

    /// When [`Self::poll_standing`] has something to give.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn put(&mut self, at: Instant, name: ServiceName, standing: Arc<Standing>) {
        self.due.insert((at, name.clone()));
        self.waiting.insert(name, (at, standing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DWELL: Duration = Duration::from_secs(1);

    fn standing(announced: bool, message: &str) -> Standing {
        Standing {
            announced,
            reason: "Reason",
            message: message.into(),
            seen: None,
            patience: if announced { Duration::ZERO } else { DWELL },
        }
    }

    fn one(standing: &Standing) -> Standings {
        [(ServiceName::new("default", "web"), Arc::new(standing.clone()))].into()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    fn told(outbox: &mut Outbox, now: Instant) -> Option<Standing> {
        outbox
            .poll_standing(now)
            .map(|(_, standing)| Standing::clone(&standing))
    }

    #[test]
    fn good_news_is_told_at_once_and_once() {
        let (now, mut outbox) = (start(), Outbox::default());
        let up = standing(true, "up");
        outbox.handle_standings(now, &one(&up));
        assert_eq!(told(&mut outbox, now), Some(up.clone()));
        outbox.handle_standings(now + DWELL, &one(&up));
        assert_eq!(told(&mut outbox, now + 60 * DWELL), None);
        assert_eq!(outbox.poll_timeout(), None);
    }

    #[test]
    fn bad_news_is_told_when_it_lasts_and_never_when_it_passes() {
        let (now, mut outbox) = (start(), Outbox::default());
        let (up, down) = (standing(true, "up"), standing(false, "down"));
        outbox.handle_standings(now, &one(&down));
        assert_eq!(told(&mut outbox, now), None);
        outbox.handle_standings(now + DWELL / 2, &one(&up));
        assert_eq!(told(&mut outbox, now + DWELL / 2), Some(up));
        outbox.handle_standings(now + DWELL, &one(&down));
        outbox.handle_standings(now + DWELL + DWELL / 2, &one(&down));
        assert_eq!(
            outbox.poll_timeout(),
            Some(now + 2 * DWELL),
            "told again it waits no longer"
        );
        assert_eq!(told(&mut outbox, now + 2 * DWELL), Some(down));
        assert_eq!(outbox.poll_timeout(), None);
    }

    #[test]
    fn what_failed_is_told_again_unless_there_is_something_newer_to_say() {
        let (now, mut outbox) = (start(), Outbox::default());
        let (old, new) = (standing(true, "on eth0"), standing(true, "on eth1"));
        outbox.handle_standings(now, &one(&old));
        let (name, failed) = outbox.poll_standing(now).unwrap();
        outbox.handle_failure(now, name.clone(), failed.clone());
        assert_eq!(told(&mut outbox, now), None);
        assert_eq!(told(&mut outbox, now + RETRY), Some(old));
        outbox.handle_standings(now + RETRY, &one(&new));
        outbox.handle_failure(now + RETRY, name, failed);
        assert_eq!(told(&mut outbox, now + RETRY), Some(new));
        assert_eq!(outbox.poll_timeout(), None);
    }

    #[test]
    fn what_is_for_another_node_to_say_is_dropped_and_said_again_when_it_is_ours_again() {
        let (now, mut outbox) = (start(), Outbox::default());
        let up = standing(true, "up");
        outbox.handle_standings(now, &one(&up));
        assert_eq!(told(&mut outbox, now), Some(up.clone()));
        outbox.handle_standings(now, &Standings::new());
        outbox.handle_standings(now, &one(&up));
        assert_eq!(told(&mut outbox, now), Some(up));
    }
}
