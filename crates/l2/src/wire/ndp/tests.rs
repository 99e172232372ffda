mod refusing;

use proptest::prelude::*;

use super::*;

const OURS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const THEIRS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
const ASKER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

fn ours() -> Mac {
    Mac::new(OURS).unwrap()
}

fn theirs() -> Mac {
    Mac::new(THEIRS).unwrap()
}

fn question() -> Solicitation {
    Solicitation::question(theirs(), ASKER, ADDRESS, None)
}

/// As Linux 6.18 asks for an address that it has no entry for.
#[rustfmt::skip]
const QUESTION_OF_LINUX: [u8; 86] = [
    0x33, 0x33, 0xff, 0, 0, 0x10, 0x02, 0, 0, 0, 0, 0x02, 0x86, 0xdd,
    0x60, 0, 0, 0, 0, 32, 58, 255,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, 0, 0, 0x10,
    135, 0, 0x1c, 0x0a, 0, 0, 0, 0,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    1, 1, 0x02, 0, 0, 0, 0, 0x02,
];

/// As Linux 6.18 looks whether an address is free, with a nonce (RFC 7527).
#[rustfmt::skip]
const DETECTION_OF_LINUX: [u8; 86] = [
    0x33, 0x33, 0xff, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02, 0x86, 0xdd,
    0x60, 0, 0, 0, 0, 32, 58, 255,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, 0, 0, 0x01,
    135, 0, 0x3b, 0xb5, 0, 0, 0, 0,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
    14, 1, 0x95, 0x9c, 0xd4, 0x85, 0x99, 0x0c,
];

/// An advertisement of `ADDRESS` at `ours`, from its Ethernet destination, its IPv6 destination, checksum and flags.
#[rustfmt::skip]
fn advertisement(destination: [u8; 6], to: [u8; 16], checksum: [u8; 2], flags: u8) -> Vec<u8> {
    [
        &destination[..], &[0x02, 0, 0, 0, 0, 0x01, 0x86, 0xdd],
        &[0x60, 0, 0, 0, 0, 32, 58, 255],
        &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
        &to,
        &[136, 0], &checksum, &[flags, 0, 0, 0],
        &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
        &[2, 1, 0x02, 0, 0, 0, 0, 0x01],
    ].concat()
}

/// N3, N8
#[test]
fn an_answer_goes_to_the_asker_alone_and_overrides_what_it_knew() {
    let golden = advertisement(THEIRS, ASKER.octets(), [0x8a, 0x56], 0x60);
    assert_eq!(*question().answer(ours()).encode(), golden);
}

/// N7, N8, P-L2-55
#[test]
fn an_announcement_goes_to_all_nodes_and_answers_nobody() {
    let golden = advertisement([0x33, 0x33, 0, 0, 0, 1], ALL_NODES.octets(), [0xf9, 0x0c], 0x20);
    assert_eq!(*Advertisement::announcement(ours(), ADDRESS).encode(), golden);
}

/// N5
#[test]
fn who_looks_whether_the_address_is_free_is_told_before_everybody() {
    let nobody = Solicitation::question(theirs(), NOBODY, ADDRESS, None);
    assert_eq!(
        nobody.answer(ours()),
        Advertisement::announcement(ours(), ADDRESS)
    );
}

#[test]
fn a_question_as_linux_asks_it_is_read_and_asked_the_same_way() {
    assert_eq!(
        NdpFrame::decode(&QUESTION_OF_LINUX),
        Ok(NdpFrame::Solicitation(question()))
    );
    assert_eq!(*question().encode(), QUESTION_OF_LINUX);
}

/// N5
#[test]
fn a_detection_of_duplicates_with_an_unknown_option_is_read() {
    assert_eq!(
        NdpFrame::decode(&DETECTION_OF_LINUX),
        Ok(NdpFrame::Solicitation(Solicitation::question(
            theirs(),
            NOBODY,
            ASKER,
            None
        )))
    );
}

/// N4: what Linux sends to see whether an entry is still good.
#[test]
fn a_question_without_link_layer_address_is_answered_to_the_station_that_sent_it() {
    let probe = Solicitation {
        link_layer: None,
        ..Solicitation::question(theirs(), ASKER, ADDRESS, Some(ours()))
    };
    let read = NdpFrame::decode(&probe.encode());
    assert_eq!(read, Ok(NdpFrame::Solicitation(probe)));
    assert_eq!(
        (probe.asker(), probe.answer(ours()).destination),
        (theirs(), THEIRS)
    );
    assert_eq!(probe.encode().len(), 78);
    assert_eq!(probe.encode()[56..58], [0xef, 0x60]);
}

#[test]
fn a_question_to_one_station_goes_there_whoever_asks() {
    let asked = Solicitation::question(ours(), ASKER, ADDRESS, Some(theirs()));
    assert_eq!((asked.destination, asked.to), (THEIRS, ADDRESS));
    let nobody = Solicitation::question(ours(), NOBODY, ADDRESS, Some(theirs()));
    assert_eq!((nobody.destination, nobody.to), (THEIRS, solicited_node(ADDRESS)));
    assert!(
        NdpFrame::decode(&nobody.encode()).is_ok(),
        "nobody asks without saying where it is"
    );
}

/// N2
#[test]
fn every_truncation_is_an_error() {
    for frame in [&question().encode()[..], &question().answer(ours()).encode()] {
        for length in 0..frame.len() {
            assert_eq!(
                NdpFrame::decode(&frame[..length]),
                Err(DecodeError::Truncated(length))
            );
        }
    }
}

#[test]
fn padding_is_no_part_of_the_packet() {
    let frame = [&QUESTION_OF_LINUX[..], &[0xaa; 40]].concat();
    assert_eq!(NdpFrame::decode(&frame), Ok(NdpFrame::Solicitation(question())));
}

fn station() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_filter_map("a station", |octets| Mac::new(octets).ok())
}

fn unicast() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>()
        .prop_map(Ipv6Addr::from)
        .prop_filter("no group", |address| !address.is_multicast())
}

prop_compose! {
    fn solicitation()(
        destination: [u8; 6], source in station(), from in unicast(), to: Ipv6Addr, target in unicast(),
        link_layer in prop::option::of(station()), nobody: bool,
    ) -> Solicitation {
        let solicitation = Solicitation { destination, source, from, to, target, link_layer };
        if nobody {
            Solicitation { from: NOBODY, to: solicited_node(target), link_layer: None, ..solicitation }
        } else {
            solicitation
        }
    }
}

prop_compose! {
    fn any_advertisement()(
        destination: [u8; 6], source in station(), from in unicast(), to: Ipv6Addr, target in unicast(),
        router: bool, solicited: bool, overrides: bool, link_layer in prop::option::of(station()),
    ) -> Advertisement {
        let solicited = solicited && !to.is_multicast();
        Advertisement { destination, source, from, to, target, router, solicited, overrides, link_layer }
    }
}

/// The frame with the checksum that it should have.
fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    frame[56..58].fill(0);
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).unwrap());
    let length = usize::from(u16::from_be_bytes([frame[18], frame[19]]));
    let message = &frame[54..(54 + length).min(frame.len())];
    if let Some(packet) = Icmpv6Packet::new(message) {
        let right = checksum(&packet, &address(22), &address(38));
        frame[56..58].copy_from_slice(&right.to_be_bytes());
    }
    frame
}

proptest! {
    #[test]
    fn a_solicitation_that_is_encoded_is_decoded(frame in solicitation()) {
        prop_assert_eq!(NdpFrame::decode(&frame.encode()), Ok(NdpFrame::Solicitation(frame)));
    }

    #[test]
    fn an_advertisement_that_is_encoded_is_decoded(frame in any_advertisement()) {
        prop_assert_eq!(NdpFrame::decode(&frame.encode()), Ok(NdpFrame::Advertisement(frame)));
    }

    /// N3, N5: an answer to whatever is asked is one that counts.
    #[test]
    fn every_answer_can_be_read(frame in solicitation(), mac in station()) {
        let answer = frame.answer(mac);
        prop_assert_eq!(NdpFrame::decode(&answer.encode()), Ok(NdpFrame::Advertisement(answer)));
    }

    /// Random octets almost never get past the checksum, so change a good frame and seal it again.
    #[test]
    fn no_octets_make_the_decoder_panic(
        frame in solicitation(), changes in prop::collection::vec((0..86usize, any::<u8>()), 0..6), length in 0..100usize,
    ) {
        let mut octets = frame.encode().to_vec();
        octets.resize(86, 0);
        for (at, octet) in changes {
            octets[at] = octet;
        }
        // Reads either a payload that reaches to the end, or what the change made of it.
        if length % 2 == 0 {
            octets[19] = 32;
        }
        let sealed = sealed(octets);
        let _ = NdpFrame::decode(&sealed);
        let _ = NdpFrame::decode(&sealed[..length.min(86)]);
    }
}
