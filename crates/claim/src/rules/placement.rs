//! Where a unit goes that has no holder (rule 4): a function of what all nodes know alike.

use std::cmp::Reverse;

use super::grade::Rank;
use crate::UnitId;
use crate::identity::{Node, mix, number};

/// A node that units can go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) node: Node,
    /// How many units it holds, or will by what was placed so far.
    pub(super) load: usize,
    /// Whether it cannot take anything yet.
    pub(super) listening: bool,
    /// Whether it is fit for work: only those share the units.
    pub(super) full: bool,
}

/// Units are placed one after the other, in the order of their names.
#[derive(Debug)]
pub(super) struct Placement {
    seats: Vec<Seat>,
    /// A node with fewer is preferred to one with as many or more.
    share: usize,
}

/// Which of the nodes may have a unit.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) unit: UnitId,
    /// In what order, before all else; `None`: not this one.
    pub(super) rank: &'a dyn Fn(Node) -> Option<Rank>,
    /// Not this one.
    pub(super) without: Option<Node>,
    /// Whether nodes count that listen: they do where nobody waits for an answer yet.
    pub(super) listening: bool,
}

impl Placement {
    /// For so many units in all.
    pub(super) fn new(seats: Vec<Seat>, units: usize) -> Self {
        let full = seats.iter().filter(|seat| seat.full).count();
        let sharing = if full > 0 { full } else { seats.len().max(1) };
        let share = units.div_ceil(sharing);
        Self { seats, share }
    }

    /// Places a unit, and says how many nodes come before this one for it; `None`: it is not for this node at all.
    pub(super) fn place(&mut self, choice: &Choice<'_>, me: Node) -> Option<usize> {
        let hash = number_of(choice.unit);
        let share = self.share;
        let key = |seat: &Seat| {
            let rank = (choice.rank)(seat.node)?;
            let open = choice.without != Some(seat.node) && (choice.listening || !seat.listening);
            let rank = (
                rank,
                seat.load < share,
                affinity_of(hash, seat.node),
                Reverse(seat.node),
            );
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
    pub(super) fn has_room_for(&self, choice: &Choice<'_>) -> bool {
        self.seats.iter().any(|seat| {
            let open = choice.without != Some(seat.node) && (choice.listening || !seat.listening);
            open && (choice.rank)(seat.node).is_some()
        })
    }
}

/// By how much a unit belongs to a node, all else being equal (rendezvous hashing).
pub(super) fn affinity(unit: UnitId, node: Node) -> u64 {
    affinity_of(number_of(unit), node)
}

fn affinity_of(unit: u64, node: Node) -> u64 {
    mix(unit ^ mix(node.0))
}

fn number_of(unit: UnitId) -> u64 {
    match unit.0 {
        std::net::IpAddr::V4(address) => mix(u64::from(address.to_bits())),
        std::net::IpAddr::V6(address) => number(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn unit(index: usize) -> UnitId {
        UnitId([192, 0, (index >> 8) as u8, index as u8].into())
    }

    fn seats(loads: &[usize]) -> Vec<Seat> {
        let seat = |(index, load): (usize, &usize)| Seat {
            node: Node(index as u64),
            load: *load,
            listening: false,
            full: true,
        };
        loads.iter().enumerate().map(seat).collect()
    }

    fn choice(index: usize, rank: &dyn Fn(Node) -> Option<Rank>) -> Choice<'_> {
        Choice {
            unit: unit(index),
            rank,
            without: None,
            listening: false,
        }
    }

    /// Ranks by preference alone.
    fn ranks(candidates: BTreeMap<Node, u32>) -> impl Fn(Node) -> Option<Rank> {
        move |node| {
            candidates
                .get(&node)
                .map(|preference| Rank::of_preference(*preference))
        }
    }

    fn candidates(nodes: u64) -> BTreeMap<Node, u32> {
        (0..nodes).map(|node| (Node(node), 0)).collect()
    }

    /// How many units go to each node.
    fn place(loads: &[usize], units: usize) -> Vec<usize> {
        let all = ranks(candidates(loads.len() as u64));
        let total = loads.iter().sum::<usize>() + units;
        let mut placement = Placement::new(seats(loads), total);
        for index in 0..units {
            placement.place(&choice(index, &all), Node(0));
        }
        let placed = placement.seats.iter().zip(loads);
        placed.map(|(seat, load)| seat.load - load).collect()
    }

    #[test]
    fn nobody_gets_more_than_his_share() {
        for nodes in 1..8 {
            let placed = place(&vec![0; nodes], 21);
            assert!(
                placed.iter().all(|count| *count <= 21_usize.div_ceil(nodes)),
                "{placed:?}"
            );
            assert_eq!(placed.iter().sum::<usize>(), 21);
        }
    }

    #[test]
    fn who_has_much_gets_nothing() {
        assert_eq!(place(&[9, 0, 0], 6)[0], 0);
    }

    #[test]
    fn exactly_one_node_is_the_first_for_a_unit_and_the_others_follow_in_an_order() {
        let all = ranks(candidates(5));
        for index in 0..50 {
            let rank = |me| Placement::new(seats(&[0; 5]), 50).place(&choice(index, &all), Node(me));
            let mut ranks: Vec<_> = (0..5).filter_map(rank).collect();
            ranks.sort_unstable();
            assert_eq!(ranks, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn preference_comes_before_everything() {
        let mut all = candidates(3);
        all.insert(Node(2), 1);
        let all = ranks(all);
        let mut placement = Placement::new(seats(&[0, 0, 100]), 10);
        assert_eq!(placement.place(&choice(1, &all), Node(2)), Some(0));
    }

    #[test]
    fn who_is_no_candidate_or_listens_or_is_left_out_has_no_rank() {
        let all = ranks(candidates(2));
        let mut seats = seats(&[0, 0, 0]);
        seats[1].listening = true;
        let mut placement = Placement::new(seats, 10);
        assert_eq!(placement.place(&choice(1, &all), Node(2)), None);
        assert_eq!(placement.place(&choice(1, &all), Node(1)), None);
        let without = Choice {
            without: Some(Node(0)),
            ..choice(1, &all)
        };
        assert_eq!(placement.place(&without, Node(0)), None);
        assert!(!placement.has_room_for(&without));
    }
}
