use std::net::{Ipv4Addr, Ipv6Addr};

use bgp::wire::{self, FamilyCode, Form, HEADER, MAX_EXTENDED, MAX_MESSAGE, NextHop, Outcome, Path};
use bgp::{Attributes, Community, LargeCommunity};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::Family;
use netgauze_bgp_pkt::BgpMessage;

use super::oracle::{self, Meaning};
use super::{external, internal, message, octets, update};

const V4: NextHop = NextHop::V4(Ipv4Addr::new(192, 0, 2, 1));
const V6: NextHop = NextHop::V6 {
    global: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    link_local: None,
};

fn path(attributes: &Attributes, next_hop: NextHop) -> Path<'_> {
    Path {
        local_asn: 65001,
        attributes,
        next_hop,
    }
}

fn v4(count: u32) -> Vec<IpNet> {
    let prefix = |number| Ipv4Net::from(Ipv4Addr::from(0xC633_0000 + number)).into();
    (0..count).map(prefix).collect()
}

fn v6(count: u128) -> Vec<IpNet> {
    let prefix = |number| Ipv6Net::from(Ipv6Addr::from((0x2001_0db8 << 96) + number)).into();
    (0..count).map(prefix).collect()
}

/// All messages that it takes.
fn announced(form: &Form, path: &Path<'_>, mut prefixes: &[IpNet]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((octets, count)) = wire::announce(form, path, prefixes) {
        messages.push(octets);
        prefixes = &prefixes[count..];
    }
    assert_eq!(prefixes, [], "some are left over");
    messages
}

/// U6
#[test]
fn ten_thousand_addresses_of_equal_attributes_take_fourteen_updates_at_most() {
    let attributes = Attributes {
        communities: (0..10).map(Community).collect(),
        ..Attributes::default()
    };
    let prefixes = v4(10_000);
    let messages = announced(&external(), &path(&attributes, V4), &prefixes);
    assert!(messages.len() <= 14, "{} messages", messages.len());
    // 4096 less the header, the two lengths, 20 of ORIGIN, AS_PATH and NEXT_HOP, and 43 of the communities.
    assert_eq!(
        update(&messages[0], &external()).announced().count(),
        (4096 - 19 - 4 - 20 - 43) / 5
    );
    let all: Vec<IpNet> = messages
        .iter()
        .flat_map(|octets| update(octets, &external()).announced())
        .collect();
    assert_eq!(all, prefixes);
}

/// U5: with every number of octets that may be left for the prefixes.
#[test]
fn no_message_is_too_long_wherever_its_last_prefix_ends() {
    let over_v6 = Form {
        v4_next_hop_v6: true,
        ..external()
    };
    for count in 1..=17 {
        let attributes = Attributes {
            communities: (0..count).map(Community).collect(),
            ..Attributes::default()
        };
        for (prefixes, next_hop, length) in [(v4(900), V4, 5), (v4(900), V6, 5), (v6(300), V6, 17)] {
            let (octets, _) = wire::announce(&over_v6, &path(&attributes, next_hop), &prefixes).unwrap();
            let left = MAX_MESSAGE.checked_sub(octets.len());
            assert!(left.is_some_and(|left| left < length), "{} octets", octets.len());
        }
    }
}

/// U5, U6
#[test]
fn each_message_but_the_last_is_as_full_as_can_be() {
    let attributes = Attributes::default();
    for (prefixes, next_hop, length) in [(v4(3000), V4, 5), (v6(1000), V6, 17)] {
        let mut messages = announced(&external(), &path(&attributes, next_hop), &prefixes);
        messages.pop();
        for octets in messages {
            assert!(
                (MAX_MESSAGE - length + 1..=MAX_MESSAGE).contains(&octets.len()),
                "{}",
                octets.len()
            );
        }
    }
}

/// U5
#[test]
fn messages_are_longer_only_where_both_sides_said_so() {
    let attributes = Attributes::default();
    let long = Form {
        extended_message: true,
        ..external()
    };
    let prefixes = v4(20_000);
    let (octets, count) = wire::announce(&long, &path(&attributes, V4), &prefixes).unwrap();
    assert!(
        (MAX_EXTENDED - 4..=MAX_EXTENDED).contains(&octets.len()),
        "{}",
        octets.len()
    );
    assert_eq!(update(&octets, &long).announced().count(), count);
    let prefixes = v6(20_000);
    let (octets, count) = wire::announce(&long, &path(&attributes, V6), &prefixes).unwrap();
    assert!(
        (MAX_EXTENDED - 16..=MAX_EXTENDED).contains(&octets.len()),
        "{}",
        octets.len()
    );
    assert_eq!(update(&octets, &long).announced().count(), count);
    let (octets, count) = wire::withdraw(&long, &prefixes).unwrap();
    assert!(
        (MAX_EXTENDED - 16..=MAX_EXTENDED).contains(&octets.len()),
        "{}",
        octets.len()
    );
    assert_eq!(update(&octets, &long).withdrawn().count(), count);
}

#[test]
fn withdrawals_are_packed_as_tightly() {
    for (prefixes, overhead, length) in [(v4(2000), 23, 5), (v6(2000), 30, 17)] {
        let (octets, count) = wire::withdraw(&external(), &prefixes).unwrap();
        assert_eq!(count, (MAX_MESSAGE - overhead) / length);
        assert_eq!(octets.len(), overhead + count * length);
        let withdrawn: Vec<IpNet> = update(&octets, &external()).withdrawn().collect();
        assert_eq!(withdrawn, prefixes[..count]);
    }
}

/// U1
#[test]
fn a_message_holds_prefixes_of_one_family_only() {
    let attributes = Attributes::default();
    let mixed = [v4(2), v6(2)].concat();
    let (octets, count) = wire::announce(&external(), &path(&attributes, V4), &mixed).unwrap();
    assert_eq!(
        (count, update(&octets, &external()).announced().collect()),
        (2, v4(2))
    );
    let (_, count) = wire::announce(&external(), &path(&attributes, V6), &mixed[2..]).unwrap();
    assert_eq!(count, 2);
    let (octets, count) = wire::withdraw(&external(), &mixed).unwrap();
    assert_eq!(
        (count, update(&octets, &external()).withdrawn().collect()),
        (2, v4(2))
    );
}

/// An empty UPDATE would say that all routes have been announced.
#[test]
fn nothing_is_not_announced_and_not_withdrawn() {
    assert_eq!(
        wire::announce(&external(), &path(&Attributes::default(), V4), &[]),
        None
    );
    assert_eq!(wire::withdraw(&external(), &[]), None);
}

/// RFC 4271 §9.2
#[test]
fn attributes_that_leave_no_room_for_a_prefix_are_not_announced() {
    let with = |count| Attributes {
        communities: (0..count).map(Community).collect(),
        ..Attributes::default()
    };
    // 4096 less the header, the two lengths, 20 of ORIGIN, AS_PATH and NEXT_HOP, 4 before the communities, and 5 of a prefix.
    let most = (4096 - 19 - 4 - 20 - 4 - 5) / 4;
    let (octets, count) = wire::announce(&external(), &path(&with(most), V4), &v4(3)).unwrap();
    assert_eq!((octets.len(), count), (4096, 1));
    assert_eq!(update(&octets, &external()).outcome(), Outcome::Accepted);
    assert_eq!(
        wire::announce(&external(), &path(&with(most + 1), V4), &v4(3)),
        None
    );
    assert_eq!(
        wire::announce(&external(), &path(&with(20_000), V4), &v4(3)),
        None
    );
    assert_eq!(wire::announce(&external(), &path(&with(1005), V6), &v6(3)), None);
    let large = |number| LargeCommunity {
        global: number,
        local_1: 0,
        local_2: 0,
    };
    let attributes = Attributes {
        large_communities: (0..400).map(large).collect(),
        ..Attributes::default()
    };
    assert_eq!(wire::announce(&external(), &path(&attributes, V4), &v4(1)), None);
}

/// U4, RFC 8950 §3
#[test]
fn a_next_hop_that_was_not_agreed_on_is_not_announced() {
    let attributes = Attributes::default();
    let link_local = NextHop::LinkLocal("fe80::1".parse().unwrap());
    for next_hop in [V6, link_local] {
        assert_eq!(
            wire::announce(&external(), &path(&attributes, next_hop), &v4(1)),
            None
        );
        assert!(wire::announce(&external(), &path(&attributes, next_hop), &v6(1)).is_some());
    }
    let over_v6 = Form {
        v4_next_hop_v6: true,
        ..external()
    };
    assert!(wire::announce(&over_v6, &path(&attributes, V6), &v4(1)).is_some());
    assert_eq!(wire::announce(&over_v6, &path(&attributes, V4), &v6(1)), None);
}

/// U2, U3, P-BGP-53: what is for our own AS stays there, and is what the neighbours expect there.
#[test]
fn local_pref_and_an_empty_path_are_for_our_own_as_and_our_number_for_others() {
    let attributes = Attributes {
        local_pref: Some(200),
        prepend: 1,
        ..Attributes::default()
    };
    let (octets, _) = wire::announce(&external(), &path(&attributes, V4), &v4(1)).unwrap();
    let meaning = meaning(&octets, &external());
    assert_eq!(
        (meaning.local_pref, meaning.as_path),
        (None, Some(vec![65001, 65001]))
    );
    let (octets, _) = wire::announce(&internal(), &path(&attributes, V4), &v4(1)).unwrap();
    let meaning = self::meaning(&octets, &internal());
    assert_eq!((meaning.local_pref, meaning.as_path), (Some(200), Some(vec![])));
}

/// P-BGP-62
#[test]
fn peers_of_our_own_as_get_a_local_pref_of_100_where_none_is_asked_for() {
    let (octets, _) = wire::announce(&internal(), &path(&Attributes::default(), V4), &v4(1)).unwrap();
    assert_eq!(meaning(&octets, &internal()).local_pref, Some(100));
}

fn meaning(octets: &[u8], form: &Form) -> Meaning {
    match oracle::parsed(octets, form) {
        Ok(BgpMessage::Update(update)) => oracle::meaning(&update),
        other => panic!("not an UPDATE: {other:?}"),
    }
}

/// U9
#[test]
fn an_as_that_nobody_may_have_announces_nothing() {
    let attributes = Attributes::default();
    for local_asn in [0, 23456] {
        let path = Path {
            local_asn,
            ..path(&attributes, V4)
        };
        assert_eq!(wire::announce(&external(), &path, &v4(1)), None);
        assert_eq!(wire::announce(&internal(), &path, &v4(1)), None);
    }
}

/// A prefix whose trailing bits are not zero is announced as the network that it stands for.
#[test]
fn the_bits_behind_a_prefix_are_not_sent() {
    let attributes = Attributes::default();
    let sloppy: IpNet = "198.51.100.255/25".parse().unwrap();
    let (octets, _) = wire::announce(&external(), &path(&attributes, V4), &[sloppy]).unwrap();
    assert_eq!(octets[octets.len() - 5..], [25, 198, 51, 100, 128]);
}

/// RFC 4271 §4.3
#[test]
fn the_bits_behind_a_received_prefix_mean_nothing() {
    let octets = message(2, &octets("0005 19 c63364ff 0000"));
    let withdrawn: Vec<IpNet> = update(&octets, &external()).withdrawn().collect();
    assert_eq!(withdrawn, ["198.51.100.128/25".parse::<IpNet>().unwrap()]);
}

/// RFC 4724 §2
#[test]
fn an_end_of_rib_is_one_of_any_family_and_nothing_else_is() {
    let family = |afi, safi| Some(FamilyCode { afi, safi });
    for (body, expected) in [
        ("0000 0000", family(1, 1)),
        ("0000 0006 800f 03 0002 01", family(2, 1)),
        ("0000 0007 900f 0003 0002 01", family(2, 1)),
        ("0000 0006 800f 03 0001 80", family(1, 128)),
        ("0000 0006 800f 03 0001 01", family(1, 1)),
        ("0004 18c63364 0000", None),
        ("0004 18c63364 0006 800f 03 0002 01", None),
        ("0000 000f 800f 0c 0002 01 4020010db800000001", None),
        ("0000 0009 800f 03 0002 01 c06300", None),
    ] {
        let octets = message(2, &octets(body));
        assert_eq!(update(&octets, &external()).end_of_rib(), expected, "{body}");
    }
}

/// A family that was not agreed on is not looked into.
#[test]
fn routes_of_a_family_that_was_not_agreed_on_are_not_told() {
    let v4_only = Form {
        families: [Family::V4].into(),
        ..external()
    };
    let attributes = Attributes::default();
    let (octets, _) = wire::announce(&external(), &path(&attributes, V6), &v6(3)).unwrap();
    assert_eq!(update(&octets, &external()).announced().count(), 3);
    assert_eq!(update(&octets, &v4_only).announced().count(), 0);
    let (octets, _) = wire::withdraw(&external(), &v6(3)).unwrap();
    assert_eq!(update(&octets, &external()).withdrawn().count(), 3);
    assert_eq!(update(&octets, &v4_only).withdrawn().count(), 0);
}

#[test]
fn the_header_of_each_message_says_its_length() {
    for octets in [
        wire::keepalive(),
        wire::end_of_rib(Family::V4),
        wire::end_of_rib(Family::V6),
    ] {
        assert_eq!(octets[..16], [0xFF; 16]);
        assert_eq!(
            usize::from(u16::from_be_bytes([octets[16], octets[17]])),
            octets.len()
        );
        assert!(octets.len() >= HEADER);
    }
}
