//! The rules over all small segments: two nodes that hear each other, and both hold a unit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::NodeName;

use super::{decide, grade::Work};
use crate::facts::Facts;
use crate::identity::Node;
use crate::own::{Answering, Giving, Held, Own};
use crate::view::{Hearing, Neighbor, View};
use crate::wire::Claim;
use crate::{Settings, Status, Takes, Unit, UnitId};

const NAMES: [&str; 2] = ["a", "b"];
/// Rounds are so far apart: longer than it takes to tell the other.
const ROUND: Duration = Duration::from_millis(20);

fn unit() -> UnitId {
    UnitId([192, 0, 2, 1].into())
}

fn name(i: usize) -> NodeName {
    NodeName(NAMES[i].to_owned())
}

/// One of the two nodes.
#[derive(Clone, Copy, Debug)]
struct Situation {
    /// How firm its claim is, if it has one, and the term.
    claim: Option<(bool, u32)>,
    work: Work,
    fresh: bool,
    takes_all: bool,
    staying: bool,
}

fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    for claim in [
        None,
        Some((false, 1)),
        Some((true, 1)),
        Some((false, 2)),
        Some((true, 2)),
    ] {
        for work in [Work::Unable, Work::Draining, Work::Full] {
            for bits in 0..8_u8 {
                all.push(Situation {
                    claim,
                    work,
                    fresh: bits & 1 == 0,
                    takes_all: bits & 2 == 0,
                    staying: bits & 4 == 0,
                });
            }
        }
    }
    all
}

/// What both nodes know of the unit, as node `i` has it.
fn facts(now: Instant, pair: &[Situation; 2], i: usize) -> Facts {
    let first = [192, 0, 2, 1].into();
    let addresses = [first, [192, 0, 2, 2].into()];
    let terminating = (0..2).filter(|i| !pair[*i].staying).map(name);
    let given = Unit {
        addresses: addresses.into(),
        candidates: Arc::new((0..2).map(|i| (name(i), 0)).collect()),
        terminating: Arc::new(terminating.collect::<BTreeSet<_>>()),
        takes: match pair[i].takes_all {
            true => Takes::All,
            false => Takes::Part([first].into()),
        },
        ..Unit::default()
    };
    let settings = Settings::default();
    Facts::new(
        now,
        &BTreeMap::from([(unit(), given)]),
        &Facts::default(),
        settings.serving,
    )
}

fn own(now: Instant, of: &Situation) -> Own {
    let held = of
        .claim
        .map(|(strong, term)| (unit(), Held::taken(now, strong, term)));
    Own {
        able: of.work != Work::Unable,
        drain: of.work == Work::Draining,
        fresh: of.fresh,
        claims: held.into_iter().collect(),
        ..Own::default()
    }
}

/// What `i` sees of the other, which told these claims.
fn view<'a>(
    now: Instant,
    pair: &[Situation; 2],
    i: usize,
    claims: &'a BTreeMap<UnitId, Claim>,
    takes: &'a BTreeMap<UnitId, u8>,
) -> View<'a> {
    let settings = Settings::default();
    let (me, other) = (Node::of(&name(i)), Node::of(&name(1 - i)));
    let peer = Neighbor {
        node: other,
        status: match pair[1 - i].work {
            Work::Unable => Status::Unable,
            Work::Draining => Status::Draining,
            Work::Full => Status::Ready,
        },
        since: now,
        late: false,
        late_at: now + settings.interval,
        away: None,
        keeps: true,
        former: false,
        heard_until: now + settings.interval,
        silent_since: None,
        fresh: pair[1 - i].fresh,
        leaving: false,
        takes,
        claims,
        unknown_until: None,
        mac: [2, 0, 0, 0, 0, 1],
    };
    View {
        me,
        settings,
        ready: true,
        carrier: true,
        alone: false,
        majority: Some(now),
        hearing: Hearing {
            works: true,
            without_peers: false,
            last: now,
        },
        unheard: BTreeSet::new(),
        unopened: false,
        peers: BTreeMap::from([(other, peer)]),
    }
}

/// What the other is told: claims, and what could not be taken all.
fn told(
    now: Instant,
    own: &Own,
    pair: &[Situation; 2],
    i: usize,
) -> (BTreeMap<UnitId, Claim>, BTreeMap<UnitId, u8>) {
    let mut claims = own.told(now);
    claims.retain(|unit, _| own.claims.contains_key(unit));
    let partly = !pair[i].takes_all && claims.is_empty();
    let takes = partly.then_some((unit(), 1));
    (claims, takes.into_iter().collect())
}

fn answers(own: &Own) -> bool {
    own.claims
        .get(&unit())
        .is_some_and(|held| held.answering == Answering::Yes)
}

/// S3, S4: whatever the two are and claim, soon one of them answers; never both once each has heard of the other, and it is
/// the one who can hold the unit best.
#[test]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn of_two_nodes_that_hear_each_other_one_answers_and_it_is_one_who_can() {
    let begun = Instant::now();
    for first in situations() {
        for second in situations() {
            let pair = [first, second];
            let mut nodes = [own(begun, &first), own(begun, &second)];
            for round in 0..30 {
                let now = begun + ROUND * round;
                let said = [told(now, &nodes[0], &pair, 0), told(now, &nodes[1], &pair, 1)];
                let next = [0, 1].map(|i| {
                    let (claims, takes) = &said[1 - i];
                    decide(
                        now,
                        &view(now, &pair, i, claims, takes),
                        &facts(begun, &pair, i),
                        &nodes[i],
                    )
                    .own
                });
                let both = answers(&next[0]) && answers(&next[1]);
                let new = (0..2).any(|i| answers(&next[i]) && !answers(&nodes[i]));
                assert!(!both || new, "both go on in round {round}: {pair:?} {next:?}");
                nodes = next;
            }
            let answering: Vec<usize> = (0..2).filter(|i| answers(&nodes[*i])).collect();
            let [holder] = answering[..] else {
                panic!("{answering:?} answer: {pair:?} {nodes:?}");
            };
            let grade = |i: usize| (pair[i].takes_all, pair[i].work, pair[i].staying);
            assert!(grade(holder) >= grade(1 - holder), "{holder} holds: {pair:?}");
            let held = &nodes[holder].claims[&unit()];
            assert!(matches!(held.giving, Giving::No), "at rest: {held:?}");
        }
    }
}

/// S4: nothing is taken by a node that is no candidate, takes nothing of it, listens, or is not sure of its ears.
#[test]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn nothing_is_taken_by_a_node_that_could_not_answer_for_it() {
    let now = Instant::now();
    let vacant = Situation {
        claim: None,
        work: Work::Full,
        fresh: true,
        takes_all: true,
        staying: true,
    };
    let pair = [vacant, vacant];
    let (claims, takes) = (BTreeMap::new(), BTreeMap::from([(unit(), 0)]));
    let takes_it = |view: &View<'_>, facts: &Facts| {
        let own = own(now, &vacant);
        !decide(now, view, facts, &own).own.claims.is_empty()
    };
    let fine = view(now, &pair, 0, &claims, &takes);
    let known = facts(now, &pair, 0);
    assert!(takes_it(&fine, &known), "the other takes nothing of it");
    let listening = View {
        ready: false,
        ..fine.clone()
    };
    assert!(!takes_it(&listening, &known));
    let mut deaf = fine.clone();
    deaf.hearing.works = false;
    assert!(!takes_it(&deaf, &known));
    let mut without = known.clone();
    without
        .units
        .values_mut()
        .for_each(|unit| unit.candidates = Arc::default());
    assert!(!takes_it(&fine, &without));
    let mut nothing = known.clone();
    nothing
        .units
        .values_mut()
        .for_each(|unit| unit.takes = crate::Addresses::default());
    assert!(!takes_it(&fine, &nothing));
    let cut_off = View {
        unopened: true,
        peers: BTreeMap::new(),
        ..fine.clone()
    };
    assert!(!takes_it(&cut_off, &known), "it asks first");
}
