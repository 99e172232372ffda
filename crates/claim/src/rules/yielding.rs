//! Rule 5, yield: who hears a higher claim of somebody alive stops answering at once.

use std::cmp::Ordering;

use super::claimants::{Claimants, Seen};
use super::fresh;
use crate::Why;
use crate::own::{Giving, Held, Own};
use crate::view::View;

/// Why a claim of ours ends, if it does.
pub(super) fn decide(view: &View<'_>, own: &Own, held: &Held, claimants: &Claimants) -> Option<Why> {
    let why = if held.giving == Giving::No {
        Why::Outranked
    } else {
        Why::HandedOver
    };
    let rank = held.rank(view.me);
    let is_higher = |seen: Seen| fresh::decides(view, own, held, seen).unwrap_or_else(|| seen.rank() > rank);
    let higher = claimants.active.is_some_and(is_higher);
    // Who does not hear us cannot know what we claim: only what is firmer, or came after it and is as firm, is higher.
    let (strength, term) = (held.strength(), held.term);
    let prevails = |seen: Seen| match seen.claim.strength().cmp(&strength) {
        Ordering::Greater => true,
        Ordering::Equal => seen.claim.term > term,
        Ordering::Less => false,
    };
    let newer = claimants.one_way.is_some_and(prevails);
    (higher || newer).then_some(why)
}
