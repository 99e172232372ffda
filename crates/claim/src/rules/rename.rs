//! Rule 15, names: a unit that got another name stays with the holder of the unit that had most of its addresses. The claim
//! on the old name is told for one crash window more, so that those who learn later take neither.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::Round;
use super::claimants::Survey;
use crate::facts::Facts;
use crate::own::{Answering, Held, Own, Tombstone};
use crate::view::View;
use crate::wire::Kind;
use crate::{UnitId, Why};

/// A unit with a new name stays with the holder of the unit that had most of its addresses. Why it began to be held.
pub(crate) fn inherit(now: Instant, view: &View<'_>, facts: &Facts, own: &mut Own) -> BTreeMap<UnitId, Why> {
    let survey = Survey::of(now, view, &own.terms);
    let mut inherited = Vec::new();
    for (unit, unit_facts) in &facts.units {
        if own.claims.contains_key(unit) || survey.is_claimed(unit) {
            continue;
        }
        let ours = |name: &UnitId| {
            let held = own.claims.get(name).cloned();
            held.or_else(|| revived(now, view, own, name))
        };
        let names = std::iter::once(unit).chain(&unit_facts.ancestors);
        let heir = names
            .take_while(|name| !survey.is_claimed(name) || ours(name).is_some())
            .find_map(ours);
        if let Some(held) = heir {
            inherited.push((*unit, held));
        }
    }
    let mut reasons = BTreeMap::new();
    for (unit, mut held) in inherited {
        held.term = held.term.max(own.terms.get(&unit).copied().unwrap_or(0));
        own.tombstones.remove(&unit);
        own.claims.insert(unit, held);
        reasons.insert(unit, Why::Renamed);
    }
    reasons
}

/// A claim whose unit went and came back.
fn revived(now: Instant, view: &View<'_>, own: &Own, unit: &UnitId) -> Option<Held> {
    let tombstone = own.tombstones.get(unit)?;
    let strong = tombstone.claim.kind == Kind::Strong;
    let mut held = Held::taken(now, strong, tombstone.claim.term);
    if !view.ready {
        held.answering = Answering::Suspended;
    }
    Some(held)
}

/// Claims on units that are no more, where there were the units of `before`. Why they ended.
pub(crate) fn bury(
    now: Instant,
    view: &View<'_>,
    facts: &Facts,
    before: &Facts,
    own: &mut Own,
) -> BTreeMap<UnitId, Why> {
    let taken = |address: &IpAddr| facts.with(*address).next().is_some();
    let gone = own
        .claims
        .extract_if(.., |unit, _| !facts.units.contains_key(unit));
    let gone: Vec<(UnitId, Held)> = gone.collect();
    let mut reasons = BTreeMap::new();
    for (unit, held) in gone {
        let addresses = before.units.get(&unit).map(|facts| facts.addresses.clone());
        let addresses = addresses.unwrap_or_default();
        let moves = addresses.iter().any(taken);
        let answers = held.answering == Answering::Yes && moves;
        let tombstone = Tombstone {
            claim: held.claim(now),
            until: now + view.settings.crash_window,
            answers_until: answers.then(|| now + view.settings.hand_over),
            addresses,
        };
        own.tombstones.insert(unit, tombstone);
        reasons.insert(unit, Why::Gone);
    }
    reasons
}

/// Forgets tombstones in time, and stops answering for addresses that another has under a new name.
pub(super) fn expire(round: &mut Round<'_>) {
    let now = round.now;
    let tombstones = &mut round.own().tombstones;
    tombstones.retain(|_, tombstone| now < tombstone.until);
    let mut wake = Vec::new();
    for tombstone in tombstones.values_mut() {
        if tombstone.answers_until.is_some_and(|until| now >= until) {
            tombstone.answers_until = None;
        }
        wake.push(tombstone.answers_until.unwrap_or(tombstone.until));
    }
    wake.into_iter().for_each(|at| round.wake_at(at));
}
