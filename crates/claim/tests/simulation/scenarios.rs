//! What the protocol promises, case by case.

mod clocks;
mod deafness;
mod failover;
mod families;
mod firewalls;
mod hand_over;
mod hostile;
mod large;
mod old_facts;
mod quiet;
mod ranks;
mod renaming;
mod restarts;
mod segments;
mod settling;
mod splits;
mod thirds;
mod thousand;

use std::time::Duration;

use claim::{Event, UnitId, Why};

use crate::node::{candidates, unit};
use crate::world::{Network, World};

const SECOND: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    /// Who holds each unit; each has one holder.
    fn all_holders(&self) -> Vec<usize> {
        self.truth().units.keys().map(|unit| self.holder(unit)).collect()
    }

    /// How often a node began to hold a unit that it did not hold before.
    fn takes(&self) -> usize {
        let again = |why: &Why| matches!(why, Why::Resumed | Why::RivalGone);
        let takes = |(_, event): &&(Duration, Event)| matches!(event, Event::Hold { why, .. } if !again(why));
        self.nodes
            .iter()
            .map(|node| node.events.iter().filter(takes).count())
            .sum()
    }

    /// Whether every unit has exactly one that answers with its own hardware address.
    fn is_held(&self) -> bool {
        self.truth()
            .units
            .keys()
            .all(|unit| self.holders(unit).len() == 1)
    }

    fn held_by(&self, i: usize) -> Vec<UnitId> {
        self.truth()
            .units
            .keys()
            .copied()
            .filter(|unit| self.nodes[i].holds(unit))
            .collect()
    }

    fn told(&self, i: usize, told: impl Fn(&Event) -> bool) -> bool {
        self.nodes[i].events.iter().any(|(_, event)| told(event))
    }
}

/// The least, the middle and the most of several figures.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort();
    (times[0], times[times.len() / 2], times[times.len() - 1])
}

fn slow() -> Network {
    Network {
        delay: (1000, 5000),
        ..Network::default()
    }
}
