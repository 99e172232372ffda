//! What an independent decoder makes of octets, in the words of the tests.

use std::net::{IpAddr, Ipv6Addr};

use bgp::Attributes;
use bgp::wire::{Capability, FamilyCode, Form, GracefulRestart, NextHop, Open, Path, RouteRefresh};
use ipnet::IpNet;
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::capabilities::BgpCapability;
use netgauze_bgp_pkt::community::{
    ExtendedCommunity, NonTransitiveTwoOctetExtendedCommunity, TransitiveTwoOctetExtendedCommunity,
};
use netgauze_bgp_pkt::open::BgpOpenMessage;
use netgauze_bgp_pkt::path_attribute::{
    As4PathSegment, AsPath, AsPathSegmentType, MpReach, MpUnreach, Origin, PathAttribute, PathAttributeValue,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::{BgpMessageParsingError, BgpParsingContext};
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

/// What an UPDATE means.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Meaning {
    pub(crate) withdrawn: Vec<IpNet>,
    pub(crate) announced: Vec<IpNet>,
    pub(crate) next_hops: Vec<IpAddr>,
    pub(crate) as_path: Option<Vec<u32>>,
    pub(crate) as4_path: Option<Vec<u32>>,
    pub(crate) med: Option<u32>,
    pub(crate) local_pref: Option<u32>,
    pub(crate) communities: Vec<u32>,
    pub(crate) large_communities: Vec<[u32; 3]>,
    /// Of which AS, and how many octets in a second.
    /// Whether it may be passed on, whose it is, and how much.
    pub(crate) link_bandwidth: Option<(bool, u16, f32)>,
    /// The numbers of the attributes, as they follow each other.
    pub(crate) attributes: Vec<u8>,
}

/// The message that these octets are, all of them.
pub(crate) fn parsed(octets: &[u8], form: &Form) -> Result<BgpMessage, BgpMessageParsingError> {
    let mut context = if form.four_octet_as {
        BgpParsingContext::default()
    } else {
        BgpParsingContext::asn2_default()
    };
    let mut reader = SliceReader::new(octets);
    let message = BgpMessage::parse(&mut reader, &mut context)?;
    assert!(reader.is_empty(), "there is more than one message");
    Ok(message)
}

pub(crate) fn meaning(update: &BgpUpdateMessage) -> Meaning {
    let mut meaning = Meaning {
        withdrawn: update
            .withdraw_routes()
            .iter()
            .map(|route| IpNet::V4(route.network().address()))
            .collect(),
        announced: update
            .nlri()
            .iter()
            .map(|route| IpNet::V4(route.network().address()))
            .collect(),
        ..Meaning::default()
    };
    for attribute in update.path_attributes() {
        let code = attribute
            .path_attribute_type()
            .map_or_else(|code| code, |known| known as u8);
        meaning.attributes.push(code);
        assert!(!attribute.partial(), "nobody has passed it on yet");
        add(&mut meaning, attribute);
    }
    meaning
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "Herald sends few of the many that there are"
)]
fn add(meaning: &mut Meaning, attribute: &PathAttribute) {
    match attribute.value() {
        PathAttributeValue::Origin(origin) => assert_eq!(*origin, Origin::IGP),
        PathAttributeValue::AsPath(AsPath::As2PathSegments(segments)) => {
            let numbers = segments.iter().flat_map(|segment| {
                assert_eq!(segment.segment_type(), AsPathSegmentType::AsSequence);
                segment.as_numbers().iter().copied().map(u32::from)
            });
            meaning.as_path = Some(numbers.collect());
        }
        PathAttributeValue::AsPath(AsPath::As4PathSegments(segments)) => {
            meaning.as_path = Some(sequence(segments))
        }
        PathAttributeValue::As4Path(path) => meaning.as4_path = Some(sequence(path.segments())),
        PathAttributeValue::NextHop(next_hop) => meaning.next_hops.push(next_hop.next_hop().into()),
        PathAttributeValue::MultiExitDiscriminator(med) => meaning.med = Some(med.metric()),
        PathAttributeValue::LocalPreference(preference) => meaning.local_pref = Some(preference.metric()),
        PathAttributeValue::Communities(list) => {
            meaning.communities = list
                .communities()
                .iter()
                .map(|community| community.value())
                .collect();
        }
        PathAttributeValue::LargeCommunities(list) => {
            let parts = list.communities().iter().map(|community| {
                [
                    community.global_admin(),
                    community.local_data1(),
                    community.local_data2(),
                ]
            });
            meaning.large_communities = parts.collect();
        }
        PathAttributeValue::ExtendedCommunities(list) => {
            meaning.link_bandwidth = Some(match list.communities() {
                [
                    ExtendedCommunity::NonTransitiveTwoOctet(
                        NonTransitiveTwoOctetExtendedCommunity::LinkBandwidth {
                            global_admin,
                            local_admin,
                        },
                    ),
                ] => (false, *global_admin, f32::from_bits(*local_admin)),
                // The decoder has no name for it.
                [
                    ExtendedCommunity::TransitiveTwoOctet(TransitiveTwoOctetExtendedCommunity::Unassigned {
                        sub_type: 4,
                        global_admin,
                        local_admin,
                    }),
                ] => (true, *global_admin, f32::from_bits(*local_admin)),
                other => panic!("not a link bandwidth: {other:?}"),
            });
        }
        PathAttributeValue::MpReach(MpReach::Ipv4Unicast {
            next_hop,
            next_hop_local,
            nlri,
        }) => {
            let link_local = next_hop_local.map(IpAddr::V6);
            meaning
                .next_hops
                .extend([Some(*next_hop), link_local].into_iter().flatten());
            meaning
                .announced
                .extend(nlri.iter().map(|route| IpNet::V4(route.network().address())));
        }
        PathAttributeValue::MpReach(MpReach::Ipv6Unicast {
            next_hop_global,
            next_hop_local,
            nlri,
        }) => {
            let next_hops = [Some(*next_hop_global), *next_hop_local].into_iter().flatten();
            meaning.next_hops.extend(next_hops.map(IpAddr::V6));
            meaning
                .announced
                .extend(nlri.iter().map(|route| IpNet::V6(route.network().address())));
        }
        PathAttributeValue::MpUnreach(MpUnreach::Ipv4Unicast { nlri }) => {
            meaning
                .withdrawn
                .extend(nlri.iter().map(|route| IpNet::V4(route.network().address())));
        }
        PathAttributeValue::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) => {
            meaning
                .withdrawn
                .extend(nlri.iter().map(|route| IpNet::V6(route.network().address())));
        }
        _ => panic!("not an attribute that Herald sends: {attribute:?}"),
    }
}

fn sequence(segments: &[As4PathSegment]) -> Vec<u32> {
    let numbers = segments.iter().flat_map(|segment| {
        assert_eq!(segment.segment_type(), AsPathSegmentType::AsSequence);
        segment.as_numbers()
    });
    numbers.copied().collect()
}

/// What an announcement is to mean: the rules of U1–U4 once more, in other words.
pub(crate) fn meant(form: &Form, path: &Path<'_>, prefixes: &[IpNet]) -> Meaning {
    let Attributes {
        local_pref,
        med,
        prepend,
        communities,
        large_communities,
        link_bandwidth,
        leaving: _,
    } = path.attributes;
    let (asn, is_large) = (path.local_asn, path.local_asn > 65535);
    let two_octets = if is_large { 23456 } else { asn as u16 };
    let hops = if form.internal {
        0
    } else {
        usize::from(*prepend) + 1
    };
    let needs_as4 = !form.four_octet_as && is_large && hops > 0;
    let plain = matches!(path.next_hop, NextHop::V4(_));
    let next_hops: Vec<IpAddr> = match path.next_hop {
        NextHop::V4(address) => vec![address.into()],
        NextHop::V6 { global, link_local } => {
            let addresses: Vec<Ipv6Addr> = [Some(global), link_local].into_iter().flatten().collect();
            addresses.into_iter().map(IpAddr::V6).collect()
        }
        NextHop::LinkLocal(address) => vec![address.into()],
    };
    let attributes = [
        (!plain).then_some(14),
        Some(1),
        Some(2),
        plain.then_some(3),
        med.map(|_| 4),
        form.internal.then_some(5),
        (!communities.is_empty()).then_some(8),
        link_bandwidth.map(|_| 16),
        needs_as4.then_some(17),
        (!large_communities.is_empty()).then_some(32),
    ];
    Meaning {
        withdrawn: vec![],
        announced: prefixes.to_vec(),
        next_hops,
        as_path: Some(vec![
            if form.four_octet_as {
                asn
            } else {
                two_octets.into()
            };
            hops
        ]),
        as4_path: needs_as4.then(|| vec![asn; hops]),
        med: *med,
        local_pref: form.internal.then(|| local_pref.unwrap_or(100)),
        communities: communities.iter().map(|community| community.0).collect(),
        large_communities: large_communities
            .iter()
            .map(|large| [large.global, large.local_1, large.local_2])
            .collect(),
        link_bandwidth: link_bandwidth.map(|bandwidth| (!form.internal, two_octets, bandwidth.0 as f32)),
        attributes: attributes.into_iter().flatten().collect(),
    }
}

pub(crate) fn opened(open: &BgpOpenMessage) -> Open {
    assert_eq!(open.version(), 4);
    Open {
        my_as: open.my_as(),
        hold_time: open.hold_time(),
        identifier: open.bgp_id(),
        capabilities: open.capabilities().into_iter().map(capability).collect(),
    }
}

/// The family of one of its types, which has no name here.
macro_rules! family {
    ($address_type:expr) => {
        FamilyCode {
            afi: $address_type.address_family().into(),
            safi: $address_type.subsequent_address_family().into(),
        }
    };
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "Herald sends few of the many that there are"
)]
fn capability(capability: &BgpCapability) -> Capability {
    match capability {
        BgpCapability::MultiProtocolExtensions(family) => {
            Capability::MultiProtocol(family!(family.address_type()))
        }
        BgpCapability::RouteRefresh => Capability::RouteRefresh,
        BgpCapability::EnhancedRouteRefresh => Capability::EnhancedRouteRefresh,
        BgpCapability::ExtendedMessage => Capability::ExtendedMessage,
        BgpCapability::FourOctetAs(asn) => Capability::FourOctetAs(asn.asn4()),
        BgpCapability::ExtendedNextHopEncoding(encodings) => {
            let triples = encodings.encodings().iter();
            let triples =
                triples.map(|triple| (family!(triple.address_type()), triple.next_hop_afi().into()));
            Capability::ExtendedNextHop(triples.collect())
        }
        BgpCapability::GracefulRestartCapability(restart) => Capability::GracefulRestart(GracefulRestart {
            restarted: restart.restart(),
            notification: restart.graceful_notification(),
            restart_time: restart.time(),
            families: restart
                .address_families()
                .iter()
                .map(|family| (family!(family.address_type()), family.forwarding_state()))
                .collect(),
        }),
        _ => panic!("not a capability that Herald offers: {capability:?}"),
    }
}

pub(crate) fn refreshed(refresh: &netgauze_bgp_pkt::route_refresh::BgpRouteRefreshMessage) -> RouteRefresh {
    RouteRefresh {
        family: family!(refresh.address_type()),
        subtype: refresh.operation_type().into(),
    }
}

/// The routes announced and withdrawn, with the bits behind them cleared, whatever else the UPDATE says.
pub(crate) fn routes(update: &BgpUpdateMessage) -> (Vec<IpNet>, Vec<IpNet>) {
    let mut meaning = Meaning {
        withdrawn: update
            .withdraw_routes()
            .iter()
            .map(|route| IpNet::V4(route.network().address()))
            .collect(),
        announced: update
            .nlri()
            .iter()
            .map(|route| IpNet::V4(route.network().address()))
            .collect(),
        ..Meaning::default()
    };
    for attribute in update.path_attributes() {
        if let PathAttributeValue::MpReach(MpReach::Ipv4Unicast { .. } | MpReach::Ipv6Unicast { .. })
        | PathAttributeValue::MpUnreach(MpUnreach::Ipv4Unicast { .. } | MpUnreach::Ipv6Unicast { .. }) =
            attribute.value()
        {
            add(&mut meaning, attribute);
        }
    }
    let clear = |routes: Vec<IpNet>| routes.iter().map(IpNet::trunc).collect();
    (clear(meaning.announced), clear(meaning.withdrawn))
}
