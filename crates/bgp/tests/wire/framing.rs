use bgp::wire::{self, Frame, Framer, MAX_EXTENDED, Message};
use model::Family;
use proptest::prelude::*;

use super::{decode, external, message, octets, refused};

fn header(length: u16, kind: u8) -> Vec<u8> {
    [&[0xFF; 16], &length.to_be_bytes()[..], &[kind]].concat()
}

/// What a framer says of the header alone.
fn said_of(header: &[u8], limit_raised: bool) -> Option<(u8, u8, Vec<u8>)> {
    let mut framer = Framer::new();
    if limit_raised {
        framer.raise_limit();
    }
    let said = framer.next(&mut &header[..]).err();
    said.map(|notification| (notification.code, notification.subcode, notification.data))
}

/// B11
#[test]
fn a_marker_that_is_not_all_ones_ends_the_session() {
    for at in 0..16 {
        let mut octets = wire::keepalive();
        octets[at] = 0xFE;
        assert_eq!(refused(&octets, &external()), (1, 1, vec![]), "octet {at}");
    }
}

/// B11
#[test]
fn a_kind_that_there_is_not_ends_the_session_and_is_named() {
    for kind in (6..=255).chain([0]) {
        assert_eq!(said_of(&header(19, kind), false), Some((1, 3, vec![kind])));
    }
}

/// B11, B12: as soon as the header is there, and with the length as it was said.
#[test]
fn a_length_that_the_kind_cannot_have_ends_the_session() {
    let bounds = [
        (1, 29, 4096),
        (2, 23, 4096),
        (3, 21, 4096),
        (4, 19, 19),
        (5, 19, 4096),
    ];
    for (kind, least, most) in bounds {
        for length in 0..=u16::MAX {
            let said = said_of(&header(length, kind), false);
            let expected = (!(least..=most).contains(&length)).then(|| (1, 2, length.to_be_bytes().to_vec()));
            assert_eq!(said, expected, "kind {kind}, {length} octets");
        }
    }
}

/// U5
#[test]
fn only_messages_other_than_open_and_keepalive_may_be_longer_once_that_was_agreed_on() {
    let longest = u16::try_from(MAX_EXTENDED).unwrap();
    for kind in [2, 3, 5] {
        assert_eq!(said_of(&header(longest, kind), true), None, "kind {kind}");
    }
    assert_eq!(said_of(&header(4097, 1), true), Some((1, 2, vec![0x10, 0x01])));
    assert_eq!(said_of(&header(20, 4), true), Some((1, 2, vec![0, 20])));
}

/// B19
#[test]
fn messages_come_out_whole_however_the_stream_is_cut() {
    let messages = [
        wire::keepalive(),
        wire::end_of_rib(Family::V6),
        message(3, &[6, 2, 3, b'b', b'y', b'e']),
        wire::keepalive(),
    ];
    let stream = messages.concat();
    for size in 1..=stream.len() {
        let mut framer = Framer::new();
        let mut framed = Vec::new();
        for mut part in stream.chunks(size) {
            while let Some(Frame { kind, body }) = framer.next(&mut part).unwrap() {
                framed.push(message(kind, body));
            }
            assert_eq!(part, [], "what is not framed yet is kept");
        }
        assert_eq!(framed, messages, "in parts of {size}");
    }
}

#[test]
fn a_framer_goes_on_after_it_was_given_nothing() {
    let mut framer = Framer::new();
    assert_eq!(framer.next(&mut &[][..]), Ok(None));
    let keepalive = wire::keepalive();
    let mut rest = &keepalive[..];
    assert_eq!(framer.next(&mut rest).unwrap().unwrap().kind, 4);
    assert_eq!(framer.next(&mut rest), Ok(None));
    assert_eq!(framer.next(&mut &keepalive[..]).unwrap().unwrap().kind, 4);
}

/// B12: whoever makes a frame without a framer gets the same answers.
#[test]
fn a_frame_that_no_framer_would_have_given_is_refused() {
    for (kind, body) in [(1, &[4][..]), (2, &[0, 0]), (3, &[6]), (4, &[0]), (9, &[])] {
        assert!(
            wire::decode(Frame { kind, body }, &external()).is_err(),
            "kind {kind}"
        );
    }
}

#[test]
fn a_route_refresh_says_family_and_subtype() {
    let refresh = |family, subtype| Ok(Message::RouteRefresh(wire::RouteRefresh { family, subtype }));
    let family = |afi, safi| wire::FamilyCode { afi, safi };
    for (text, expected) in [
        ("0001 00 01", refresh(family(1, 1), 0)),
        ("0002 01 01", refresh(family(2, 1), 1)),
        ("0001 02 80", refresh(family(1, 128), 2)),
        ("4004 ff 47", refresh(family(0x4004, 71), 255)),
        // A filter of RFC 5291 behind it.
        ("0001 00 01 01 40 0002 ffff", refresh(family(1, 1), 0)),
    ] {
        assert_eq!(
            decode(&message(5, &octets(text)), &external()),
            expected,
            "{text}"
        );
    }
}

/// RFC 7313 §5
#[test]
fn a_mark_of_a_refresh_that_is_not_four_octets_long_is_sent_back_whole() {
    for text in [
        "0001 01",
        "0001 02",
        "0001 01 01 00",
        "0001 02 01 01 40 0002 ffff",
    ] {
        let octets = message(5, &octets(text));
        assert_eq!(refused(&octets, &external()), (7, 1, octets.clone()), "{text}");
    }
}

#[test]
fn a_refresh_that_ends_before_its_family_does_has_a_bad_length() {
    for (text, length) in [("", 19), ("00", 20), ("0001", 21), ("0001 00", 22)] {
        let octets = message(5, &octets(text));
        assert_eq!(refused(&octets, &external()), (1, 2, vec![0, length]), "{text}");
    }
}

proptest! {
    /// B19: each step makes progress, and no octet is lost.
    #[test]
    fn any_octets_are_taken_until_they_make_no_sense(stream: Vec<u8>, size in 1..64_usize) {
        let mut framer = Framer::new();
        for mut part in stream.chunks(size) {
            loop {
                let before = part.len();
                match framer.next(&mut part) {
                    Ok(Some(_)) => prop_assert!(part.len() < before),
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
            prop_assert!(part.is_empty());
        }
    }
}
