//! Whether the loops of a process still turn.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{now, until};

/// The loops of a process, each of which says from time to time that it turns. Clones are the same.
///
/// A process whose loop is wedged serves nobody, and another one in its place would: `/livez` names the loop, and the kubelet ends the
/// process.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    loops: Arc<Mutex<BTreeMap<&'static str, Loop>>>,
}

#[derive(Debug)]
struct Loop {
    turned: Instant,
    bound: Duration,
}

/// A loop that has not turned for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wedged {
    /// Its name.
    pub name: &'static str,
    /// How long it may take.
    pub bound: Duration,
    /// How long ago it turned last.
    pub ago: Duration,
}

impl fmt::Display for Wedged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bound, ago } = self;
        write!(
            f,
            "{name} has not turned for {} s, {} s are allowed",
            ago.as_secs(),
            bound.as_secs()
        )
    }
}

impl Liveness {
    /// A loop that turns at least once in `bound` from now on, until what this gives is dropped.
    pub fn register(&self, name: &'static str, bound: Duration) -> Pulse {
        let turned = now();
        self.loops().insert(name, Loop { turned, bound });
        Pulse {
            liveness: self.clone(),
            name,
            bound,
            turned,
        }
    }

    /// The loops that are wedged at `now`.
    pub fn wedged(&self, now: Instant) -> Vec<Wedged> {
        let loops = self.loops();
        let wedged = loops.iter().filter_map(|(name, Loop { turned, bound })| {
            let ago = now.saturating_duration_since(*turned);
            (ago > *bound).then_some(Wedged {
                name,
                bound: *bound,
                ago,
            })
        });
        wedged.collect()
    }

    fn loops(&self) -> MutexGuard<'_, BTreeMap<&'static str, Loop>> {
        // Whoever panicked while it had the lock left a map that is whole.
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By which one loop says that it turns.
#[derive(Debug)]
pub struct Pulse {
    liveness: Liveness,
    name: &'static str,
    bound: Duration,
    turned: Instant,
}

impl Pulse {
    /// The loop has turned.
    pub fn beat(&mut self) {
        self.turned = now();
        if let Some(known) = self.liveness.loops().get_mut(self.name) {
            known.turned = self.turned;
        }
    }

    /// Ends when a loop that has nothing to do is to turn all the same.
    pub async fn due(&self) {
        until(Some(self.turned + self.bound / 4)).await;
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.liveness.loops().remove(self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    #[test]
    fn a_loop_that_does_not_turn_within_its_bound_is_named_until_it_does() {
        let liveness = Liveness::default();
        let mut decide = liveness.register("decide", BOUND);
        let begun = now();
        assert_eq!(liveness.wedged(begun + BOUND - Duration::from_secs(1)), []);
        let later = begun + BOUND + Duration::from_secs(3);
        let wedged = liveness.wedged(later);
        assert_eq!(
            wedged.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["decide has not turned for 63 s, 60 s are allowed"]
        );
        decide.beat();
        assert_eq!(liveness.wedged(now() + BOUND - Duration::from_secs(1)), []);
    }

    #[test]
    fn a_loop_that_has_ended_is_not_waited_for() {
        let liveness = Liveness::default();
        drop(liveness.register("lead", BOUND));
        assert_eq!(liveness.wedged(now() + BOUND * 2), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_loop_is_woken_in_time() {
        let liveness = Liveness::default();
        let pulse = liveness.register("decide", BOUND);
        let begun = tokio::time::Instant::now();
        pulse.due().await;
        assert!(begun.elapsed() < BOUND / 2, "{:?}", begun.elapsed());
    }
}
