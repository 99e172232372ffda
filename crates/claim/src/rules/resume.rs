//! Rule 10, return: a speaker that was away listens first, then resumes what it claimed if nobody claims it higher. A unit
//! that somebody else took meanwhile is his.

use super::claimants::{Claimants, Seen};
use super::{Round, Verdict, elsewhere};
use crate::own::{Answering, Held};
use crate::{UnitId, Why};

/// What becomes of a claim of a former life, or from before a pause.
pub(super) fn decide(round: &mut Round<'_>, unit: UnitId, held: &mut Held, claimants: &Claimants) -> Verdict {
    let rank = held.rank(round.view.me);
    let is_theirs = |seen: Seen| seen.claim.term > held.term || seen.rank() > rank;
    if claimants.active.or(claimants.one_way).is_some_and(is_theirs) {
        return Verdict::Ends(Why::Outranked);
    }
    let facts = round.facts.units.get(&unit);
    if round.view.ready
        && let Some(facts) = facts
        && !elsewhere::is_silent(round, unit, facts, None)
    {
        let inquiry = round.own().inquiries.get(&unit);
        let taken = inquiry.is_some_and(|inquiry| inquiry.answered.is_some());
        return if taken {
            Verdict::Ends(Why::Arp)
        } else {
            Verdict::Stays
        };
    }
    if round.view.ready {
        held.answering = Answering::Yes;
        held.uncontested = round.now;
        round.because(unit, Why::Resumed);
        round.wake_at(round.now); // The rest of the rules.
    }
    Verdict::Stays
}
