//! What becomes of the claims that this node has.

use super::claimants::Claimants;
use super::{Round, Verdict, confirm, elsewhere, leave, resume, yielding};
use crate::facts::UnitFacts;
use crate::own::{Answering, Contest, Giving, Held};
use crate::{UnitId, Why};

/// So often it is asked in vain.
const ENOUGH: u32 = 3;

pub(super) fn all(round: &mut Round<'_>) {
    let own: Vec<UnitId> = round.own().claims.keys().copied().collect();
    for unit in own {
        let claimants = round.survey.get(&unit);
        one(round, unit, &claimants);
    }
}

fn one(round: &mut Round<'_>, unit: UnitId, claimants: &Claimants) {
    let Some(mut held) = round.own().claims.remove(&unit) else {
        return;
    };
    let verdict = match held.answering {
        Answering::Suspended => resume::decide(round, unit, &mut held, claimants),
        Answering::Yes | Answering::Paused(_) => {
            let facts = round.facts.units.get(&unit);
            hold(round, unit, &mut held, facts, claimants)
        }
    };
    match verdict {
        Verdict::Stays => {
            round.own().claims.insert(unit, held);
        }
        Verdict::Ends(why) => {
            round.decision.yielded += u64::from(why == Why::Outranked || why == Why::HandedOver);
            round.because(unit, why);
        }
    }
}

/// A claim that we answer for.
fn hold(
    round: &mut Round<'_>,
    unit: UnitId,
    held: &mut Held,
    facts: Option<&UnitFacts>,
    claimants: &Claimants,
) -> Verdict {
    let before = held.clone();
    // First: a claim that is given away is lower than one that was heard before.
    if let Some(facts) = facts
        && let Some(why) = leave::decide(round, unit, held, facts)
    {
        return Verdict::Ends(why);
    }
    // But who has just turned out to be worse than another counts by what he told so far: the other one, who may claim it,
    // too, and lower, must not give way at the same time.
    let newly = held.giving != before.giving && matches!(held.giving, Giving::ForBetter { .. });
    let compared = if newly { &before } else { &*held };
    if newly {
        round.wake_at(round.now + round.view.settings.interval / 5);
    }
    if let Some(why) = yielding::decide(round.view, &round.decision.own, compared, claimants) {
        return Verdict::Ends(why);
    }
    if let Answering::Paused(until) = held.answering {
        if round.now < until {
            round.wake_at(until);
        } else {
            held.answering = Answering::Yes;
            round.because(unit, Why::RivalGone);
        }
    }
    settle_by_arp(round, held, facts);
    if let Some(facts) = facts {
        elsewhere::check(round, held, facts);
    }
    if claimants.active.is_some() {
        held.uncontested = round.now;
    }
    confirm::decide(round, held);
    Verdict::Stays
}

/// Rule 5 without beacons: asks whoever answers, too, and comes before us, whether it does. Its answer ends our claim.
fn settle_by_arp(round: &mut Round<'_>, held: &mut Held, facts: Option<&UnitFacts>) {
    let Some(contest) = held.contested else {
        return;
    };
    let probe = round.view.settings.probe;
    if let Some(at) = contest
        .asked
        .map(|asked| asked + probe)
        .filter(|at| round.now < *at)
    {
        return round.wake_at(at);
    }
    if contest.times >= ENOUGH {
        held.contested = None;
        return;
    }
    held.contested = Some(Contest {
        asked: Some(round.now),
        times: contest.times + 1,
        ..contest
    });
    round.wake_at(round.now + probe);
    let address = facts.and_then(|facts| facts.takes.first().copied());
    let question = address.map(|address| (contest.node, address));
    round.decision.contested.extend(question);
}
