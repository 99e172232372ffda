//! What the log tells of units that move.

use claim::{Event, UnitId, Why};

/// What this node does for a unit from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Holds(Why),
    HoldsNoLonger(Why),
    AnswersForItsHolder,
}

/// The units that moved in one round: a thousand that move for one reason are one line.
#[derive(Debug, Default)]
pub(super) struct Moves(Vec<(Move, Vec<UnitId>)>);

impl Moves {
    /// Notes what happened, if it is a move.
    pub(super) fn note(&mut self, event: &Event) {
        let (of, unit) = match event {
            Event::Hold { unit, why } => (Move::Holds(*why), *unit),
            Event::Release { unit, why } => (Move::HoldsNoLonger(*why), *unit),
            Event::Surrogate { unit, .. } => (Move::AnswersForItsHolder, *unit),
            Event::Quiet(_)
            | Event::Member { .. }
            | Event::Moved { .. }
            | Event::DuplicateNode { .. }
            | Event::Defend { .. }
            | Event::Unheard(_)
            | Event::SecondInterface(_)
            | Event::UnknownKey => return,
        };
        match self.0.iter_mut().find(|(known, _)| *known == of) {
            Some((_, units)) => units.push(unit),
            None => self.0.push((of, vec![unit])),
        }
    }

    pub(super) fn log(self, iface: &str) {
        for (of, units) in self.0 {
            if let [unit] = units[..] {
                match of {
                    Move::Holds(why) => tracing::info!(iface, %unit, ?why, "holds"),
                    Move::HoldsNoLonger(why) => tracing::info!(iface, %unit, ?why, "holds no longer"),
                    Move::AnswersForItsHolder => tracing::info!(iface, %unit, "answers for its holder"),
                }
                continue;
            }
            let count = units.len();
            match of {
                Move::Holds(why) => tracing::info!(iface, units = count, ?why, "holds"),
                Move::HoldsNoLonger(why) => tracing::info!(iface, units = count, ?why, "holds no longer"),
                Move::AnswersForItsHolder => tracing::info!(iface, units = count, "answers for their holder"),
            }
            for unit in units {
                tracing::debug!(iface, %unit, now = ?of, "moved");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_move_for_one_reason_are_one_line_and_for_two_reasons_are_two() {
        let unit = |last: u8| UnitId([192, 0, 2, last].into());
        let mut moves = Moves::default();
        for last in 1..=3 {
            let why = if last == 2 { Why::Vacant } else { Why::HolderDead };
            moves.note(&Event::Hold {
                unit: unit(last),
                why,
            });
        }
        moves.note(&Event::Quiet(true));
        let expected = vec![
            (Move::Holds(Why::HolderDead), vec![unit(1), unit(3)]),
            (Move::Holds(Why::Vacant), vec![unit(2)]),
        ];
        assert_eq!(moves.0, expected);
    }
}
