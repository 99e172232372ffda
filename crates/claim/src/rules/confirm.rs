//! Rule 3, confirm: a weak claim becomes strong when its claimant has seen a majority and heard no other claim for longer
//! than peers can still count that are about to time out. Alone by design (rule 14) a node needs nobody.

use super::Round;
use crate::own::{Giving, Held};

pub(super) fn decide(round: &mut Round<'_>, held: &mut Held) {
    if held.strong || held.giving != Giving::No {
        return;
    }
    if round.view.alone {
        held.strong = true;
    }
    let Some(majority) = round.view.majority else {
        return;
    };
    let settings = &round.view.settings;
    let at = majority.max(held.uncontested) + settings.interval * (settings.misses + 2);
    if round.now >= at {
        held.strong = true;
    } else {
        round.wake_at(at);
    }
}
