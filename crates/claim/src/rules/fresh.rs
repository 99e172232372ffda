//! Rule 18, fresh beats old: a node that has not heard from the API lately neither takes by old facts what a fresh one may
//! have, nor keeps what a fresh one says that it must not. Where all are old, nothing moves.

use super::claimants::Seen;
use super::{Round, grade};
use crate::facts::UnitFacts;
use crate::own::{Held, Own};
use crate::view::View;
use crate::{Status, UnitId};

/// Whoever has old facts lets so many fresh ones go before it, or all that there are: by its facts none of them may be a
/// candidate.
const STAND_BACK: usize = 4;

/// Whether this holder, who is alive, is to be relieved: its facts are old, and by ours, which are not, it must not have the
/// unit and we may.
pub(super) fn corrects(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, seen: Seen) -> bool {
    let old = round.view.peers.get(&seen.node).is_some_and(|peer| !peer.fresh);
    let allowed = facts.candidates.contains_key(&seen.node);
    old && round.decision.own.fresh && !allowed && grade::of(round, unit, facts, round.view.me).is_some()
}

/// Of a claim of ours and one of a peer that is alive, where the facts of one of the two are old: whether the peer's goes
/// before, if it is that which decides. It does where the fresh one's claim is the later one.
pub(super) fn decides(view: &View<'_>, own: &Own, held: &Held, seen: Seen) -> Option<bool> {
    let theirs = view.peers.get(&seen.node)?.fresh;
    let (fresh_term, old_term) = match (theirs, own.fresh) {
        (true, false) => (seen.claim.term, held.term),
        (false, true) => (held.term, seen.claim.term),
        (true, true) | (false, false) => return None,
    };
    (fresh_term > old_term).then_some(theirs)
}

/// How many others are to have their time before us.
pub(super) fn rank_behind(round: &Round<'_>, rank: usize) -> usize {
    if round.decision.own.fresh {
        return rank;
    }
    let peers = round.view.peers.values();
    let fresh = peers
        .filter(|peer| peer.fresh && peer.status == Status::Ready)
        .count();
    rank.max(fresh.min(STAND_BACK))
}
