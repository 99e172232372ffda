//! Which of the nodes that may announce a Service does.
//!
//! This is the one place that decides it. It is the simplest rule that is correct: a pure function of facts that every
//! speaker has, so that all come to the same answer. It does not keep an address where it is when a node returns; the
//! segment protocol that replaces it does.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use announce::Plan;
use model::NodeName;

/// The candidate with a live speaker that has the highest preference, and among equals the highest hash of node and
/// address (P-L2-15): the same for all Services of a unit (P-L2-4). None when no candidate has a live speaker.
pub fn owner<'a>(plan: &'a Plan, alive: &BTreeSet<NodeName>) -> Option<&'a NodeName> {
    let address = plan.unit.first()?;
    let living = plan.candidates.iter().filter(|(node, _)| alive.contains(node));
    let rank = |node: &NodeName| weight(node, address);
    living
        .max_by_key(|(node, candidate)| (candidate.preference, rank(node), *node))
        .map(|(node, _)| node)
}

/// Who tells users why nobody announces: any one live speaker will do, if it is the same for all.
pub fn reporter<'a>(addresses: &[IpAddr], alive: &'a BTreeSet<NodeName>) -> Option<&'a NodeName> {
    let address = addresses.first().unwrap_or(&IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    alive.iter().max_by_key(|node| weight(node, address))
}

/// Rendezvous hashing: when a node comes or goes, only its own share moves. FNV-1a with a final mix is even enough and
/// the same in every build.
fn weight(node: &NodeName, address: &IpAddr) -> u64 {
    let octets = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let bytes = node.0.bytes().chain([0]).chain(octets);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use announce::{Candidate, Interfaces};

    use super::*;

    fn nodes(names: &[&str]) -> BTreeSet<NodeName> {
        names.iter().map(|name| NodeName((*name).into())).collect()
    }

    fn plan(address: &str, preferences: &[(&str, u32)]) -> Plan {
        let candidate = |preference| Candidate {
            preference,
            interfaces: Interfaces::All,
        };
        Plan {
            addresses: [address.parse().unwrap()].into(),
            unit: [address.parse().unwrap()].into(),
            candidates: preferences
                .iter()
                .map(|(name, weight)| (NodeName((*name).into()), candidate(*weight)))
                .collect(),
        }
    }

    /// P-L2-21, P-L2-23, P-L2-29, P-L2-30
    #[test]
    fn the_highest_preference_with_a_live_speaker_wins() {
        let plan = plan("192.0.2.1", &[("a", 1), ("b", 5), ("c", 0)]);
        assert_eq!(owner(&plan, &nodes(&["a", "b", "c"])).unwrap().0, "b");
        assert_eq!(owner(&plan, &nodes(&["a", "c"])).unwrap().0, "a");
        assert_eq!(owner(&plan, &nodes(&["d"])), None);
    }

    /// P-L2-16
    #[test]
    fn only_the_addresses_of_a_node_that_leaves_move_and_they_spread() {
        let everybody = nodes(&["a", "b", "c"]);
        let survivors = nodes(&["a", "b"]);
        let mut shares: BTreeMap<String, u32> = BTreeMap::new();
        for number in 0..254 {
            let plan = plan(&format!("192.0.2.{number}"), &[("a", 0), ("b", 0), ("c", 0)]);
            let before = owner(&plan, &everybody).unwrap();
            let after = owner(&plan, &survivors).unwrap();
            assert!(before == after || before.0 == "c");
            *shares.entry(before.0.clone()).or_default() += 1;
        }
        assert!(
            shares.values().all(|share| (60..110).contains(share)),
            "{shares:?}"
        );
    }
}
