//! Which events were told lately: one that says again what a Service's last ones said is worth nobody's reading.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use model::ServiceName;

use crate::report::standing::Standing;

/// For so long an event is remembered.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// So many events of one Service are remembered: what goes up and down says two things by turns.
const OF_EACH: usize = 4;

/// So many events are remembered in all; the oldest goes first.
const MOST: usize = 10_000;

/// The events of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of each Service what was told and when, oldest first.
    of: BTreeMap<ServiceName, VecDeque<(Instant, u64)>>,
    /// All of them, oldest first.
    order: VecDeque<(Instant, ServiceName)>,
}

impl Told {
    /// Whether the Service's last events do not say that yet; from now on they do.
    pub(super) fn is_news(&mut self, now: Instant, name: &ServiceName, standing: &Standing) -> bool {
        self.forget(now);
        let (_, words) = standing.words();
        let told = self.of.entry(name.clone()).or_default();
        if told.iter().any(|(_, known)| *known == words) {
            return false;
        }
        if told.len() == OF_EACH {
            told.pop_front();
        }
        told.push_back((now, words));
        self.order.push_back((now, name.clone()));
        true
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.order.front()
            && (now.saturating_duration_since(*at) >= MEMORY || self.order.len() >= MOST)
        {
            let Some((at, name)) = self.order.pop_front() else {
                return;
            };
            if let Some(told) = self.of.get_mut(&name) {
                told.retain(|(told, _)| *told > at);
                if told.is_empty() {
                    self.of.remove(&name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use announce::Reason;

    use super::*;

    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_goes_up_and_down_is_told_once_in_ten_minutes() {
        let (now, mut told) = (start(), Told::default());
        let web = ServiceName::new("default", "web");
        let (up, down) = (Standing::routed(), Standing::nobody(&Reason::NoEndpoints));
        assert!(told.is_news(now, &web, &up) && told.is_news(now, &web, &down));
        for minute in 1..10 {
            let now = now + Duration::from_secs(minute * 60);
            assert!(!told.is_news(now, &web, &up) && !told.is_news(now, &web, &down));
        }
        assert!(told.is_news(now + MEMORY, &web, &up));
        assert!(told.is_news(now, &ServiceName::new("default", "db"), &up));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (now, mut told) = (start(), Told::default());
        for number in 0..2 * MOST {
            let name = ServiceName::new("default", format!("web-{number}"));
            assert!(told.is_news(now, &name, &Standing::routed()));
        }
        assert!(told.order.len() <= MOST && told.of.len() <= MOST);
    }
}
