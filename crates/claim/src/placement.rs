//! Where a unit goes that has no holder (rule 4): a function of what all nodes know alike.

use std::collections::BTreeMap;
use std::cmp::Reverse;

use crate::UnitId;
use crate::identity::{Node, mix, number};

/// A node that units can go to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) node: Node,
    /// How many units it holds, or will by what was placed so far.
    pub(crate) load: usize,
    /// Whether it cannot take anything yet.
    pub(crate) listening: bool,
}

/// Units are placed one after the other, in the order of their names.
#[derive(Debug)]
pub(crate) struct Placement {
    seats: Vec<Seat>,
    /// A node with fewer is preferred to one with as many or more.
    share: usize,
}

/// Which of the nodes may have a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) unit: UnitId,
    /// With their preference; `None`: all alike.
    pub(crate) candidates: Option<&'a BTreeMap<Node, u32>>,
    /// Not this one.
    pub(crate) without: Option<Node>,
    /// Whether nodes count that listen: they do where nobody waits for an answer yet.
    pub(crate) listening: bool,
}

impl Placement {
    /// For so many units in all.
    pub(crate) fn new(seats: Vec<Seat>, units: usize) -> Self {
        let share = units.div_ceil(seats.len().max(1));
        Self { seats, share }
    }

    /// Places a unit, and says how many nodes come before this one for it; `None`: it is not for this node at all.
    pub(crate) fn place(&mut self, choice: &Choice<'_>, me: Node) -> Option<usize> {
        let hash = number_of(choice.unit);
        let share = self.share;
        let key = |seat: &Seat| {
            let preference = match choice.candidates {
                Some(candidates) => *candidates.get(&seat.node)?,
                None => 0,
            };
            let open = choice.without != Some(seat.node) && (choice.listening || !seat.listening);
            let rank = (preference, seat.load < share, mix(hash ^ mix(seat.node.0)), Reverse(seat.node));
            open.then_some(rank)
        };
        let mine = self.seats.iter().find(|seat| seat.node == me).and_then(key);
        let (mut before, mut best) = (0, None);
        for (index, seat) in self.seats.iter().enumerate() {
            let Some(rank) = key(seat) else {
                continue;
            };
            before += usize::from(mine.is_some_and(|mine| rank > mine));
            if best.is_none_or(|(highest, _)| rank > highest) {
                best = Some((rank, index));
            }
        }
        let (_, index) = best?;
        if let Some(seat) = self.seats.get_mut(index) {
            seat.load += 1;
        }
        mine.map(|_| before)
    }

    /// Whether any node at all could have it.
    pub(crate) fn has_room_for(&self, choice: &Choice<'_>) -> bool {
        self.seats.iter().any(|seat| {
            let candidate = choice.candidates.is_none_or(|candidates| candidates.contains_key(&seat.node));
            candidate && choice.without != Some(seat.node) && (choice.listening || !seat.listening)
        })
    }
}

fn number_of(unit: UnitId) -> u64 {
    match unit.0 {
        std::net::IpAddr::V4(address) => mix(u64::from(address.to_bits())),
        std::net::IpAddr::V6(address) => number(&address.octets()),
    }
}
