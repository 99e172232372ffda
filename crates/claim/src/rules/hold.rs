//! What becomes of the claims that this node has.

use super::claimants::Claimants;
use super::{Round, Verdict, confirm, leave, resume, yielding};
use crate::facts::UnitFacts;
use crate::own::{Answering, Held};
use crate::{UnitId, Why};

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
    // First: a claim that is given away is lower than one that was heard before.
    if let Some(facts) = facts
        && let Some(why) = leave::decide(round, held, facts)
    {
        return Verdict::Ends(why);
    }
    if let Some(why) = yielding::decide(round.view, held, claimants) {
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
    if claimants.active.is_some() {
        held.uncontested = round.now;
    }
    confirm::decide(round, held);
    Verdict::Stays
}
