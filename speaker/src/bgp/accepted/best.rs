//! Which of the ways that peers offer is taken (RFC 4271 §9.1.2): what of the rule decides by numbers that do not compare between
//! peers is left out, so that ways which are equally good share the packets.

use std::cmp::Reverse;

use bgp::wire::NextHop;
use bgp::{DEFAULT_LOCAL_PREF, Learned};

use super::{Chosen, Hop, Offer, Offers, Routes};

/// The best way to each prefix, or all that are equally good.
pub(super) fn best(offers: &Offers) -> Routes<Chosen> {
    let mut best: Routes<(Rank, Chosen)> = Routes::new();
    for (peer, offer) in offers {
        for (prefix, learned) in &*offer.routes {
            let rank = rank(learned);
            let (least, chosen) = best.entry(*prefix).or_insert_with(|| (rank, Chosen::default()));
            if rank < *least {
                (*least, *chosen) = (rank, Chosen::default());
            }
            if rank == *least {
                chosen.hops.insert(hop(learned, offer));
                chosen.peers.insert(peer.clone());
            }
        }
    }
    let chosen = best.into_iter().map(|(prefix, (_, chosen))| (prefix, chosen));
    chosen.collect()
}

/// The least is the best: by LOCAL_PREF, the path's length, ORIGIN, and external before internal.
type Rank = (Reverse<u32>, u32, u8, bool);

fn rank(learned: &Learned) -> Rank {
    let local_pref = learned.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
    (
        Reverse(local_pref),
        learned.path_length,
        learned.origin,
        learned.internal,
    )
}

fn hop(learned: &Learned, offer: &Offer) -> Hop {
    let on_link = |gateway| Hop {
        gateway,
        interface: offer.interface.clone(),
    };
    let anywhere = |gateway| Hop {
        gateway,
        interface: None,
    };
    match learned.next_hop {
        NextHop::V4(address) => anywhere(address.into()),
        NextHop::LinkLocal(address) => on_link(address.into()),
        NextHop::V6 {
            link_local: Some(address),
            ..
        } if offer.unnumbered => on_link(address.into()),
        NextHop::V6 { global, .. } => anywhere(global.into()),
    }
}

#[cfg(test)]
mod tests {
    use model::PeerName;

    use super::*;

    const WAY: Learned = Learned {
        next_hop: NextHop::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        local_pref: None,
        path_length: 2,
        origin: 1,
        internal: false,
    };

    /// A way over the router `192.0.2.HOST`.
    fn over(host: u8, change: impl Fn(&mut Learned)) -> Learned {
        let mut way = WAY;
        way.next_hop = NextHop::V4([192, 0, 2, host].into());
        change(&mut way);
        way
    }

    fn offers(ways: &[Learned]) -> Offers {
        let offer = |(number, way): (usize, &Learned)| {
            let routes = [("10.0.0.0/8".parse().unwrap(), *way)].into();
            let offer = Offer {
                interface: Some("eth1".to_owned()),
                routes: std::sync::Arc::new(routes),
                ..Offer::default()
            };
            (PeerName(format!("p{number}")), offer)
        };
        ways.iter().enumerate().map(offer).collect()
    }

    /// What is chosen, as `ip route` would show it, and how many peers it is from.
    fn chosen(ways: &[Learned]) -> (Vec<String>, usize) {
        let chosen = best(&offers(ways)).into_values().next().unwrap();
        let shown = chosen.hops.iter().map(|hop| match &hop.interface {
            Some(interface) => format!("{} dev {interface}", hop.gateway),
            None => hop.gateway.to_string(),
        });
        (shown.collect(), chosen.peers.len())
    }

    /// P-BGP-51
    #[test]
    fn each_rule_decides_only_where_those_before_it_do_not() {
        type Change = fn(&mut Learned);
        // From the rule that goes first to the one that goes last.
        let better: [Change; 4] = [
            |way| way.local_pref = Some(101),
            |way| way.path_length = 1,
            |way| way.origin = 0,
            |_| {},
        ];
        let worse: [Change; 4] = [
            |way| way.local_pref = Some(99),
            |way| way.path_length = 3,
            |way| way.origin = 2,
            |way| way.internal = true,
        ];
        for (rule, better) in better.iter().enumerate() {
            let first = over(1, |way| {
                better(way);
                worse[rule + 1..].iter().for_each(|worse| worse(way));
            });
            let second = over(2, |way| {
                if rule == 3 {
                    way.internal = true;
                }
            });
            assert_eq!(
                chosen(&[second, first]),
                (vec!["192.0.2.1".to_owned()], 1),
                "rule {rule}"
            );
            assert_eq!(
                chosen(&[first, second]),
                (vec!["192.0.2.1".to_owned()], 1),
                "rule {rule}"
            );
        }
    }

    /// P-BGP-51
    #[test]
    fn ways_that_are_equally_good_are_used_together_in_the_order_of_their_addresses() {
        let (two, one) = (over(2, |_| {}), over(1, |way| way.local_pref = Some(100)));
        let worse = over(3, |way| way.path_length = 7);
        let expected = vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()];
        assert_eq!(chosen(&[two, one, worse]), (expected, 2));
        assert_eq!(
            chosen(&[two, two]),
            (vec!["192.0.2.2".to_owned()], 2),
            "two sessions with one router"
        );
    }

    #[test]
    fn a_link_local_next_hop_is_on_the_interface_of_the_session() {
        let (global, link_local) = ("2001:db8::1".parse().unwrap(), "fe80::1".parse().unwrap());
        let alone = over(1, |way| way.next_hop = NextHop::LinkLocal(link_local));
        assert_eq!(chosen(&[alone]).0, ["fe80::1 dev eth1"]);
        let both = over(1, |way| {
            way.next_hop = NextHop::V6 {
                global,
                link_local: Some(link_local),
            };
        });
        assert_eq!(chosen(&[both]).0, ["2001:db8::1"]);
        let mut unnumbered = offers(&[both]);
        unnumbered.values_mut().for_each(|offer| offer.unnumbered = true);
        let hops = best(&unnumbered).into_values().next().unwrap().hops;
        assert_eq!(hops.first().unwrap().gateway.to_string(), "fe80::1");
    }
}
