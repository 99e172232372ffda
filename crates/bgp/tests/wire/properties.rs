use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use bgp::wire::{self, Form, Frame, Message, NextHop, Outcome, Path};
use bgp::{Attributes, Community, LargeCommunity, LinkBandwidth};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::Family;
use netgauze_bgp_pkt::BgpMessage;
use proptest::prelude::*;

use super::{decode, external, oracle, update};

prop_compose! {
    fn form()(four_octet_as: bool, internal: bool, extended_message: bool, v4_next_hop_v6: bool) -> Form {
        Form { four_octet_as, internal, extended_message, v4_next_hop_v6, ..external() }
    }
}

prop_compose! {
    fn attributes()(
        local_pref: Option<u32>,
        med: Option<u32>,
        prepend in 0..=10_u8,
        communities in prop::collection::btree_set(any::<u32>().prop_map(Community), 0..80),
        large_communities in prop::collection::btree_set(large_community(), 0..30),
        link_bandwidth in prop::option::of(any::<u32>().prop_map(LinkBandwidth)),
    ) -> Attributes {
        Attributes { local_pref, med, prepend, communities, large_communities, link_bandwidth, leaving: false }
    }
}

fn large_community() -> impl Strategy<Value = LargeCommunity> {
    let parts = any::<(u32, u32, u32)>();
    parts.prop_map(|(global, local_1, local_2)| LargeCommunity {
        global,
        local_1,
        local_2,
    })
}

/// At most so many prefixes of one family that the independent decoder takes for unicast.
fn prefixes(most: usize) -> impl Strategy<Value = (Family, Vec<IpNet>)> {
    let v4 = (0x0100_0000..0xDF00_0000_u32, 16..=32_u8).prop_map(|(address, length)| {
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(address), length).trunc())
    });
    let v6 = (0x2000_u128 << 112..0x4000 << 112, 3..=128_u8).prop_map(|(address, length)| {
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from(address), length).trunc())
    });
    let set = move |strategy: BoxedStrategy<IpNet>| prop::collection::btree_set(strategy, 1..=most);
    let list = |prefixes: BTreeSet<IpNet>| prefixes.into_iter().collect::<Vec<_>>();
    prop_oneof![
        set(v4.boxed()).prop_map(move |prefixes| (Family::V4, list(prefixes))),
        set(v6.boxed()).prop_map(move |prefixes| (Family::V6, list(prefixes))),
    ]
}

fn next_hop(family: Family, form: &Form, number: u32) -> NextHop {
    let global = Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(number));
    let link_local = Ipv6Addr::from(0xFE80 << 112 | u128::from(number));
    match (family, form.v4_next_hop_v6, number % 3) {
        (Family::V4, false, _) | (Family::V4, true, 0) => {
            NextHop::V4(Ipv4Addr::from(0x0A00_0000 | number >> 8))
        }
        (Family::V4 | Family::V6, _, 1) => NextHop::LinkLocal(link_local),
        (Family::V4 | Family::V6, _, kind) => NextHop::V6 {
            global,
            link_local: (kind == 2).then_some(link_local),
        },
    }
}

fn asn() -> impl Strategy<Value = u32> {
    let boundaries = prop::sample::select(vec![1, 65534, 65535, 65536, 4_294_967_295_u32]);
    prop_oneof![boundaries, 1..23456_u32, 23457..=u32::MAX]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// U1, U2, U3, U4, U5, U6, U7, U8
    #[test]
    fn whatever_is_announced_reads_as_it_was_meant(
        form in form(),
        local_asn in asn(),
        attributes in attributes(),
        (family, prefixes) in prefixes(1500),
        number: u32,
    ) {
        let next_hop = next_hop(family, &form, number);
        let path = Path { local_asn, attributes: &attributes, next_hop };
        let mut rest = &prefixes[..];
        while !rest.is_empty() {
            let (octets, count) = wire::announce(&form, &path, rest).expect("there is room");
            prop_assert!(count >= 1 && octets.len() <= form.limit());
            let (now, later) = rest.split_at(count);
            if let Some(next) = later.first() {
                let more = 1 + usize::from(next.prefix_len()).div_ceil(8);
                prop_assert!(octets.len() + more > form.limit(), "{} fit", octets.len() + more);
            }
            let ours = update(&octets, &form);
            prop_assert_eq!(ours.outcome(), Outcome::Accepted, "{:?}", ours.faults());
            prop_assert_eq!(ours.announced().collect::<Vec<_>>(), now);
            prop_assert_eq!(ours.withdrawn().count(), 0);
            let BgpMessage::Update(theirs) = oracle::parsed(&octets, &form).expect("it is well-formed") else {
                panic!("no UPDATE");
            };
            prop_assert_eq!(oracle::meaning(&theirs), oracle::meant(&form, &path, now));
            rest = later;
        }
    }

    /// U1
    #[test]
    fn whatever_is_withdrawn_reads_as_it_was_meant(form in form(), (_, prefixes) in prefixes(1500)) {
        let mut rest = &prefixes[..];
        while let Some((octets, count)) = wire::withdraw(&form, rest) {
            prop_assert!(count >= 1 && octets.len() <= form.limit());
            let (now, later) = rest.split_at(count);
            let ours = update(&octets, &form);
            prop_assert_eq!((ours.outcome(), ours.end_of_rib()), (Outcome::Accepted, None));
            prop_assert_eq!(ours.withdrawn().collect::<Vec<_>>(), now);
            let BgpMessage::Update(theirs) = oracle::parsed(&octets, &form).expect("it is well-formed") else {
                panic!("no UPDATE");
            };
            prop_assert_eq!(oracle::meaning(&theirs).withdrawn, now);
            rest = later;
        }
        prop_assert!(rest.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_octets_at_all_have_an_outcome(form in form(), kind in 0..7_u8, body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Message::Update(update)) = wire::decode(Frame { kind, body: &body }, &form) {
            prop_assert!(update.announced().chain(update.withdrawn()).count() <= body.len());
            let is_accepted = update.outcome() == Outcome::Accepted;
            prop_assert_eq!(update.faults().is_empty(), is_accepted);
        }
    }

    /// A message that was good until some octets of it changed: where both decoders still take it, they read the same routes.
    #[test]
    fn a_changed_message_reads_the_same_to_both_decoders(
        form in form(),
        attributes in attributes(),
        (family, prefixes) in prefixes(20),
        number: u32,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let path = Path { local_asn: 65001, attributes: &attributes, next_hop: next_hop(family, &form, number) };
        let (mut octets, _) = wire::announce(&form, &path, &prefixes).expect("there is room");
        for (at, octet) in changes {
            let body = octets.len() - wire::HEADER;
            octets[wire::HEADER + at.index(body)] = octet;
        }
        let theirs = oracle::parsed(&octets, &form);
        let ours = decode(&octets, &form);
        if let (Ok(Message::Update(ours)), Ok(BgpMessage::Update(theirs))) = (ours, theirs)
            && ours.outcome() == Outcome::Accepted
        {
            let (announced, withdrawn) = oracle::routes(&theirs);
            prop_assert_eq!(ours.announced().collect::<Vec<_>>(), announced);
            prop_assert_eq!(ours.withdrawn().collect::<Vec<_>>(), withdrawn);
        }
    }
}
