//! Rule 7, make before break: who should not hold a unit, or less than another, goes on answering until its successor's
//! claim is heard.

use super::{Round, grade};
use crate::facts::UnitFacts;
use crate::own::{Giving, Held};
use crate::{UnitId, Why};

/// Whether this node should hold the unit at all; why it stops if it has gone on for long enough.
pub(super) fn decide(round: &mut Round<'_>, unit: UnitId, held: &mut Held, facts: &UnitFacts) -> Option<Why> {
    let me = round.view.me;
    if let Some(ours) = grade::of(round, unit, facts, me) {
        if grade::is_outdone(round, unit, facts, ours) {
            held.giving = Giving::ForBetter { takes: ours.takes };
        } else if matches!(held.giving, Giving::Away(_) | Giving::ForBetter { .. }) {
            held.giving = Giving::No;
        }
        return None;
    }
    let others = facts.candidates.keys().any(|node| *node != me);
    if !others && round.own().leaving.is_none() {
        return Some(Why::Gone);
    }
    let since = match held.giving {
        Giving::Away(since) => since,
        Giving::No | Giving::ForBetter { .. } | Giving::To(..) => round.now,
    };
    held.giving = Giving::Away(since);
    let until = since + round.view.settings.hand_over;
    if round.now >= until {
        return Some(Why::GivenUp);
    }
    round.wake_at(until);
    None
}
