//! Rule 7, make before break: who should not hold a unit goes on answering until its successor's claim is heard.

use super::Round;
use crate::Why;
use crate::facts::UnitFacts;
use crate::own::{Giving, Held};

/// Whether this node should hold the unit at all; why it stops if it has gone on for long enough.
pub(super) fn decide(round: &mut Round<'_>, held: &mut Held, facts: &UnitFacts) -> Option<Why> {
    let me = round.view.me;
    let candidate = facts.candidates.contains_key(&me);
    let (able, drain) = (round.own().able, round.own().drain);
    if candidate && able && !drain {
        if matches!(held.giving, Giving::Away(_)) {
            held.giving = Giving::No;
        }
        return None;
    }
    let others = facts.candidates.keys().any(|node| *node != me);
    if !others && (!candidate || !able) {
        return Some(Why::Gone);
    }
    let since = match held.giving {
        Giving::Away(since) => since,
        Giving::No | Giving::To(..) => round.now,
    };
    held.giving = Giving::Away(since);
    let until = since + round.view.settings.hand_over;
    if round.now >= until {
        return Some(Why::GivenUp);
    }
    round.wake_at(until);
    None
}
