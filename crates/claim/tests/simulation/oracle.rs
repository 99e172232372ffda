use std::collections::BTreeMap;
use std::time::Duration;

use claim::{Event, Role, UnitId};

use crate::node::mac;
use crate::world::World;

/// What must never happen (S3), and how near it came.
pub(crate) struct Oracle {
    /// When anything last happened that takes time to be got over.
    pub(crate) disturbed: Duration,
    /// When the last thing got lost from the one to the other. The gateway is the last.
    lost: Vec<Vec<Duration>>,
    /// Since when two nodes answer for a unit.
    overlaps: BTreeMap<(UnitId, usize, usize), Duration>,
    /// Since when a unit has had nobody to answer.
    vacant: BTreeMap<UnitId, Duration>,
    /// Since when this node has had no answer.
    pub(crate) worst_overlap: Duration,
    pub(crate) worst_vacancy: Duration,
    /// Whether something changed since the last check.
    pub(crate) stale: bool,
    checked: Duration,
    /// Whether whoever hears another hears whom that one hears.
    pub(crate) transitive: bool,
    /// Added to what is allowed.
    pub(crate) slack: Duration,
    pub(crate) watches: bool,
    /// Whether beacons were blocked at any time.
    pub(crate) was_blocked: bool,
}

impl Oracle {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            disturbed: Duration::ZERO,
            lost: vec![vec![Duration::ZERO; nodes + 1]; nodes + 1],
            overlaps: BTreeMap::new(),
            vacant: BTreeMap::new(),
            worst_overlap: Duration::ZERO,
            worst_vacancy: Duration::ZERO,
            stale: true,
            checked: Duration::ZERO,
            transitive: true,
            slack: Duration::ZERO,
            watches: true,
            was_blocked: false,
        }
    }

    pub(crate) fn lost(&mut self, now: Duration, from: usize, to: usize) {
        let lost = &mut self.lost[from][to];
        *lost = now.max(*lost);
    }

    pub(crate) fn wants(&self, now: Duration) -> bool {
        self.stale || now >= self.checked + Duration::from_millis(10)
    }

    pub(crate) fn check(world: &mut World) {
        world.oracle.stale = false;
        world.oracle.checked = world.now;
        if world.oracle.watches {
            Self::check_overlaps(world);
            Self::check_vacancies(world);
        }
    }

    /// Two holders that hear each other both ways never answer for one unit for longer than one beacon interval plus one
    /// round trip.
    fn check_overlaps(world: &mut World) {
        let round_trip = Duration::from_micros(2 * (world.network.delay.1 + world.network.scheduling));
        let limit = world.settings.interval * 115 / 100 + 2 * round_trip + world.oracle.slack;
        // Nodes whose datagrams are or were dropped find out by ARP: known speakers are looked for every five seconds, and
        // what is held is asked for every second.
        let limit = limit + Duration::from_secs(7) * u32::from(world.is_blocked());
        let mut overlaps = BTreeMap::new();
        let units: Vec<UnitId> = world.units_ever().collect();
        for unit in units {
            let holders: Vec<usize> = (0..world.nodes.len())
                .filter(|i| world.nodes[*i].holds(&unit))
                .collect();
            for (at, &one) in holders.iter().enumerate() {
                for &other in &holders[at + 1..] {
                    let key = (unit, one, other);
                    let since = *world.oracle.overlaps.get(&key).unwrap_or(&world.now);
                    overlaps.insert(key, since);
                    let lost = world.oracle.lost[one][other].max(world.oracle.lost[other][one]);
                    let stirred = world.nodes[one].stirred.max(world.nodes[other].stirred);
                    let took = world.now.saturating_sub(since.max(lost).max(stirred));
                    world.oracle.worst_overlap = world.oracle.worst_overlap.max(took);
                    assert!(
                        took <= limit,
                        "{unit} is answered by {one} and {other} for {took:?} at {:?}",
                        world.now
                    );
                }
            }
        }
        world.oracle.overlaps = overlaps;
    }

    /// No unit is without an answer for longer than detection plus one interval while an eligible, reachable node runs.
    fn check_vacancies(world: &mut World) {
        let interval = world.settings.interval;
        let detection = interval * (world.settings.misses + 1) * 11 / 10;
        let round_trip = Duration::from_micros(2 * (world.network.delay.1 + world.network.scheduling));
        let lossy = world.network.loss > 0 || world.network.stragglers > 0;
        let limit =
            detection + interval + 3 * round_trip + interval * 5 * u32::from(lossy) + world.oracle.slack;
        // Who cannot tell a speaker that is not heard from one that is dead asks, and asks again.
        let limit = limit + Duration::from_secs(5) * u32::from(world.is_blocked());
        let units: Vec<UnitId> = world.truth().units.keys().copied().collect();
        for unit in units {
            if !world.oracle.transitive || !world.is_left_alone(&unit) {
                world.oracle.vacant.remove(&unit);
                continue;
            }
            let now = world.now;
            let since = *world.oracle.vacant.entry(unit).or_insert(now);
            let took = now.saturating_sub(since.max(world.oracle.disturbed));
            world.oracle.worst_vacancy = world.oracle.worst_vacancy.max(took);
            assert!(took <= limit, "nobody answers for {unit} for {took:?} at {now:?}");
        }
    }
}

impl World {
    /// Every unit that there is or was, or that anybody answers for.
    fn units_ever(&self) -> impl Iterator<Item = UnitId> + use<> {
        let known = self.truth().units.keys().copied();
        let answered = self.nodes.iter().flat_map(|node| node.answers.keys().copied());
        let units: std::collections::BTreeSet<UnitId> = known.chain(answered).collect();
        units.into_iter()
    }

    /// Whether datagrams are dropped that ARP passes by, or were in this world.
    fn is_blocked(&self) -> bool {
        self.oracle.was_blocked
    }

    pub(crate) fn linked(&self, one: usize, other: usize) -> bool {
        let up = |i: usize| self.nodes.get(i).is_none_or(|node| node.carrier && node.kernel);
        !self.cut[one][other] && !self.cut[other][one] && up(one) && up(other)
    }

    /// Whether somebody who could answer for the unit reaches nobody who does.
    fn is_left_alone(&self, unit: &UnitId) -> bool {
        (0..self.nodes.len()).any(|i| self.could_answer(i, unit) && !self.has_answer(i, unit))
    }

    pub(crate) fn could_answer(&self, i: usize, unit: &UnitId) -> bool {
        let node = &self.nodes[i];
        let candidate = |facts: &crate::world::Facts| {
            let unit = facts.units.get(unit);
            unit.is_some_and(|unit| unit.candidates.contains_key(&node.name))
        };
        let knows = candidate(self.truth()) && candidate(&self.facts[node.facts]);
        let listens = self.settings.listening * 2 + self.settings.interval * 4;
        let peers = (0..self.nodes.len()).any(|j| j != i && self.linked(i, j) && self.nodes[j].runs());
        let reached = peers || self.network.hosts && self.linked(i, self.nodes.len());
        let up = node.runs() && node.kernel && node.carrier && node.subnet && !node.leaving;
        up && knows && reached && self.now >= node.stirred + listens
    }

    fn has_answer(&self, i: usize, unit: &UnitId) -> bool {
        let near = |j: usize| i == j || self.linked(i, j);
        (0..self.nodes.len())
            .filter(|j| near(*j))
            .any(|j| match self.nodes[j].answers(unit) {
                None => false,
                Some(Role::Holder) => true,
                Some(Role::Surrogate { mac: of }) => {
                    let holder = (0..self.nodes.len()).find(|k| mac(*k) == of);
                    holder.is_some_and(|k| self.nodes[k].kernel && self.nodes[k].carrier && near(k))
                }
            })
    }

    pub(crate) fn holders(&self, unit: &UnitId) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|i| self.nodes[*i].holds(unit))
            .collect()
    }

    pub(crate) fn holder(&self, unit: &UnitId) -> usize {
        let [holder] = self.holders(unit)[..] else {
            panic!("{unit} is held by {:?} at {:?}", self.holders(unit), self.now);
        };
        holder
    }

    pub(crate) fn loads(&self) -> Vec<usize> {
        let held = |i: usize| {
            self.truth()
                .units
                .keys()
                .filter(|unit| self.nodes[i].holds(unit))
                .count()
        };
        (0..self.nodes.len()).map(held).collect()
    }

    /// S8: one holder each, nobody else answers, and everybody agrees on who it is.
    pub(crate) fn assert_converged(&self) {
        for unit in self.truth().units.keys() {
            if !(0..self.nodes.len()).any(|i| self.could_answer(i, unit)) {
                continue;
            }
            let holder = self.holder(unit);
            for (i, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.runs()) {
                let role = node.answers(unit);
                assert!(
                    i == holder || role.is_none(),
                    "{i} is {role:?} of {unit}, which {holder} holds"
                );
                let knows = node.speaker.as_ref().and_then(|speaker| speaker.holder(unit));
                let knows = knows.map(|holder| holder.node);
                assert_eq!(knows.as_ref(), Some(&self.nodes[holder].name), "{i} about {unit}");
            }
        }
    }

    /// Rule 13.
    pub(crate) fn assert_balanced(&self) {
        let loads = self.loads();
        let (least, most) = (loads.iter().min(), loads.iter().max());
        assert!(
            most.zip(least).is_some_and(|(most, least)| most - least <= 1),
            "{loads:?}"
        );
    }

    /// Nobody begins or ends to answer for anything.
    pub(crate) fn assert_nothing_moved(&self) {
        for (i, node) in self.nodes.iter().enumerate() {
            let moves = |(_, event): &&(Duration, Event)| {
                matches!(
                    event,
                    Event::Hold { .. } | Event::Release { .. } | Event::Surrogate { .. }
                )
            };
            let moved: Vec<_> = node.events.iter().filter(moves).collect();
            assert!(moved.is_empty(), "{i}: {moved:?}");
        }
    }
}
