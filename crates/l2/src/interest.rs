use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::filter::{self, Instruction};
use crate::wire::{Protocol, solicited_node};

/// What the kernel is to let through, and what it is to listen to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// The addresses that are answered for.
    pub held: BTreeSet<IpAddr>,
    /// The addresses that somebody was asked for lately: answers about them are awaited.
    pub asked: BTreeSet<IpAddr>,
    /// The addresses of which is to be heard who says that it has them.
    pub shared: BTreeSet<IpAddr>,
}

impl Interest {
    /// The filter for a socket that receives frames of `protocol`, of at most `limit` instructions: see
    /// [`filter::arp`] and [`filter::ndp`].
    pub fn filter(&self, protocol: Protocol, limit: usize) -> Vec<Instruction> {
        match protocol {
            Protocol::Arp => filter::arp(
                &ranges(&self.held),
                &ranges(&self.asked),
                &ranges(&self.shared),
                limit,
            ),
            Protocol::Ndp => {
                let told: BTreeSet<IpAddr> = self.asked.union(&self.shared).copied().collect();
                filter::ndp(&ipv6(&self.held), &ipv6(&told), limit)
            }
        }
    }

    /// The solicited-node groups of the addresses held, which the interface must be a member of to hear questions
    /// about them (N1, P-L2-57). Several addresses may share one.
    pub fn groups(&self) -> BTreeSet<Ipv6Addr> {
        ipv6(&self.held).into_iter().map(solicited_node).collect()
    }
}

fn ranges(addresses: &BTreeSet<IpAddr>) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let ipv4 = |address: &IpAddr| match address {
        IpAddr::V4(address) => Some((*address, *address)),
        IpAddr::V6(_) => None,
    };
    addresses.iter().filter_map(ipv4).collect()
}

fn ipv6(addresses: &BTreeSet<IpAddr>) -> Vec<Ipv6Addr> {
    let ipv6 = |address: &IpAddr| match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(*address),
    };
    addresses.iter().filter_map(ipv6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N1
    #[test]
    fn addresses_that_end_alike_share_their_group_and_those_asked_for_need_none() {
        let set = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let interest = Interest {
            held: set(&["2001:db8::1:2", "2001:db8:1::1:2", "2001:db8::3", "192.0.2.1"]),
            asked: set(&["2001:db8::4"]),
            shared: set(&["2001:db8::5"]),
        };
        let groups: Vec<_> = interest.groups().iter().map(Ipv6Addr::to_string).collect();
        assert_eq!(groups, ["ff02::1:ff00:3", "ff02::1:ff01:2"]);
    }
}
