//! Rule 10, return: a speaker that was away listens first, then resumes what it claimed if nobody claims it higher. A unit
//! that somebody else took meanwhile is his.

use super::claimants::{Claimants, Seen};
use super::{Round, Verdict};
use crate::own::{Answering, Held};
use crate::{UnitId, Why};

/// What becomes of a claim of a former life, or from before a pause.
pub(super) fn decide(round: &mut Round<'_>, unit: UnitId, held: &mut Held, claimants: &Claimants) -> Verdict {
    let rank = held.rank(round.view.me);
    let is_theirs = |seen: Seen| seen.claim.term > held.term || seen.rank() > rank;
    if claimants.active.or(claimants.one_way).is_some_and(is_theirs) {
        return Verdict::Ends(Why::Outranked);
    }
    if round.view.ready {
        held.answering = Answering::Yes;
        held.uncontested = round.now;
        round.because(unit, Why::Resumed);
        round.wake_at(round.now); // The rest of the rules.
    }
    Verdict::Stays
}
