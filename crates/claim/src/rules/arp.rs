//! Rule 5 without beacons: two speakers that do not hear each other, and answer for one address, know of each other by ARP.
//! One of the two stops, the same by both's reckoning: within a round trip, and without anybody else.

use super::placement::affinity;
use crate::UnitId;
use crate::identity::Node;

/// Whether `me` stops when `other` answers for the unit, too.
pub(crate) fn loses(unit: UnitId, me: Node, other: Node) -> bool {
    (affinity(unit, other), other) > (affinity(unit, me), me)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_nodes_exactly_one_stops_and_each_keeps_some() {
        let (a, b) = (Node(1), Node(2));
        let units = (0..100_u8).map(|last| UnitId([192, 0, 2, last].into()));
        let stops: Vec<bool> = units
            .map(|unit| {
                assert_ne!(loses(unit, a, b), loses(unit, b, a));
                loses(unit, a, b)
            })
            .collect();
        assert!(stops.contains(&true) && stops.contains(&false));
    }
}
