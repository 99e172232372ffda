use std::net::Ipv4Addr;

use bgp::wire::{self, Capability, FamilyCode, GracefulRestart, Message, Open};
use proptest::prelude::*;

use super::{decode, external, message, octets, refused};

/// Of AS 65001, which holds for 90 s; then the length of the parameters.
const BEFORE: &str = "04 fde9 005a c0000201";

fn read(parameters: &str) -> Result<Vec<Capability>, (u8, u8)> {
    let octets = message(1, &octets(&format!("{BEFORE} {parameters}")));
    match decode(&octets, &external()) {
        Ok(Message::Open(open)) => {
            assert_eq!((open.my_as, open.hold_time), (65001, 90));
            assert_eq!(open.identifier, Ipv4Addr::new(192, 0, 2, 1));
            Ok(open.capabilities)
        }
        Ok(other) => panic!("no OPEN: {other:?}"),
        Err(notification) => {
            assert_eq!(notification.data, []);
            Err((notification.code, notification.subcode))
        }
    }
}

const MALFORMED: Result<Vec<Capability>, (u8, u8)> = Err((2, 0));

/// B13
#[test]
fn another_version_is_told_ours_whatever_follows_it() {
    for version in (0..=3).chain(5..=255) {
        let body = [&[version][..], &[0; 9]].concat();
        assert_eq!(
            refused(&message(1, &body), &external()),
            (2, 1, vec![0, 4]),
            "{version}"
        );
    }
}

/// B4
#[test]
fn a_hold_time_of_one_or_two_seconds_is_unacceptable() {
    for (hold_time, is_refused) in [(0, false), (1, true), (2, true), (3, false), (65535, false)] {
        let body = [
            &[4, 0xFD, 0xE9],
            &u16::to_be_bytes(hold_time)[..],
            &[192, 0, 2, 1, 0],
        ]
        .concat();
        let octets = message(1, &body);
        match decode(&octets, &external()) {
            Ok(Message::Open(open)) => assert_eq!((open.hold_time, false), (hold_time, is_refused)),
            Ok(other) => panic!("no OPEN: {other:?}"),
            Err(_) => assert_eq!(
                (refused(&octets, &external()), true),
                ((2, 6, vec![]), is_refused)
            ),
        }
    }
}

/// B13, RFC 6286 §2.2
#[test]
fn an_identifier_of_zero_is_refused_and_any_other_is_not() {
    let with = |identifier: [u8; 4]| message(1, &[&octets("04 fde9 005a"), &identifier[..], &[0]].concat());
    assert_eq!(refused(&with([0; 4]), &external()), (2, 3, vec![]));
    assert!(decode(&with([255; 4]), &external()).is_ok());
    assert!(decode(&with([0, 0, 0, 1]), &external()).is_ok());
}

/// RFC 7607 §2
#[test]
fn as_0_is_nobody() {
    for body in [
        "04 0000 005a c0000201 00",
        "04 0000 005a c0000201 08 0206 4104 0000fde9",
        "04 fde9 005a c0000201 08 0206 4104 00000000",
    ] {
        assert_eq!(
            refused(&message(1, &octets(body)), &external()),
            (2, 2, vec![]),
            "{body}"
        );
    }
}

/// B13
#[test]
fn a_parameter_other_than_capabilities_is_not_supported() {
    assert_eq!(read("03 01 01 00"), Err((2, 4)));
    assert_eq!(read("06 02 02 02 00 03 00"), Err((2, 4)));
    // The number of the extended form counts only in the first place (RFC 9072 §2).
    assert_eq!(read("06 02 02 02 00 ff 00"), Err((2, 4)));
}

/// RFC 5492 §4
#[test]
fn capabilities_may_come_in_one_parameter_or_in_many() {
    let both = Ok(vec![Capability::RouteRefresh, Capability::FourOctetAs(65001)]);
    assert_eq!(read("0a 02 08 02 00 41 04 0000fde9"), both);
    assert_eq!(read("0c 02 02 02 00 02 06 41 04 0000fde9"), both);
    assert_eq!(read("0e 02 00 02 02 02 00 02 06 41 04 0000fde9"), both);
    assert_eq!(read("00"), Ok(vec![]));
    assert_eq!(read("02 02 00"), Ok(vec![]));
}

#[test]
fn a_capability_may_come_twice_and_the_first_as_counts() {
    let octets = message(
        1,
        &octets(&format!("{BEFORE} 0e 020c 4104 00010000 4104 00010001")),
    );
    let Ok(Message::Open(open)) = decode(&octets, &external()) else {
        panic!("no OPEN")
    };
    assert_eq!((open.capabilities.len(), open.asn()), (2, 65536));
}

#[test]
fn what_nobody_knows_survives() {
    let unknown = |code, value: &[u8]| {
        let value = value.to_vec();
        Ok(vec![Capability::Unknown { code, value }])
    };
    assert_eq!(read("04 02 02 49 00"), unknown(73, &[]));
    assert_eq!(read("07 02 05 ff 03 01 02 03"), unknown(255, &[1, 2, 3]));
    assert_eq!(read("04 02 02 00 00"), unknown(0, &[]));
}

#[test]
fn each_capability_is_read_as_its_document_says() {
    let family = |afi, safi| FamilyCode { afi, safi };
    for (value, capability) in [
        ("01 04 0002 00 01", Capability::MultiProtocol(family(2, 1))),
        ("01 04 0019 ff 46", Capability::MultiProtocol(family(25, 70))),
        ("02 00", Capability::RouteRefresh),
        ("05 00", Capability::ExtendedNextHop(vec![])),
        (
            "05 06 0001 0001 0002",
            Capability::ExtendedNextHop(vec![(FamilyCode::V4, 2)]),
        ),
        // No family has a SAFI of two octets.
        (
            "05 0c 0001 0101 0002 0001 0080 0002",
            Capability::ExtendedNextHop(vec![(family(1, 128), 2)]),
        ),
        ("06 00", Capability::ExtendedMessage),
        ("41 04 fffffffe", Capability::FourOctetAs(4_294_967_294)),
        ("46 00", Capability::EnhancedRouteRefresh),
        // What they say, they say by being there.
        ("46 01 00", Capability::EnhancedRouteRefresh),
    ] {
        let capability_octets = octets(value).len();
        let parameters = format!(
            "{:02x} 02 {:02x} {value}",
            capability_octets + 2,
            capability_octets
        );
        assert_eq!(read(&parameters), Ok(vec![capability]), "{value}");
    }
}

/// RFC 4724 §3, RFC 8538 §2
#[test]
fn graceful_restart_has_its_bits_and_twelve_of_time() {
    let restart = |restarted, notification, restart_time, families: &[(FamilyCode, bool)]| {
        Ok(vec![Capability::GracefulRestart(GracefulRestart {
            restarted,
            notification,
            restart_time,
            families: families.to_vec(),
        })])
    };
    assert_eq!(read("06 02 04 40 02 0078"), restart(false, false, 120, &[]));
    assert_eq!(read("06 02 04 40 02 8fff"), restart(true, false, 4095, &[]));
    assert_eq!(read("06 02 04 40 02 4000"), restart(false, true, 0, &[]));
    let families = [(FamilyCode::V4, true), (FamilyCode::V6, false)];
    assert_eq!(
        read("0e 02 0c 40 0a c078 0001 01 80 0002 01 7f"),
        restart(true, true, 120, &families)
    );
}

/// B13: each known capability one octet too short, and too long where it has one length.
#[test]
fn a_known_capability_of_a_length_that_it_cannot_have_is_malformed() {
    for (code, lengths) in [
        ("01", &[0, 1, 3, 5][..]),
        ("05", &[1, 5, 7]),
        ("40", &[0, 1, 3, 5, 7]),
        ("41", &[0, 2, 3, 5]),
    ] {
        for length in lengths {
            let value = "01".repeat(*length);
            let parameters = format!(
                "{:02x} 02 {:02x} {code} {length:02x} {value}",
                length + 4,
                length + 2
            );
            assert_eq!(read(&parameters), MALFORMED, "capability {code} of {length}");
        }
    }
}

/// B13
#[test]
fn lengths_that_do_not_fit_into_each_other_are_malformed() {
    for parameters in [
        "01",             // a parameter that is not there
        "00 02",          // one that is there
        "01 02",          // no length
        "02 02 01",       // a value that is not there
        "03 02 02 02",    // a longer value than there is
        "03 02 01 02",    // a capability without a length
        "04 02 02 02 01", // a capability that ends after its parameter
        "05 02 02 02 00 02",
        "ff 02 02 02 00",
    ] {
        assert_eq!(read(parameters), MALFORMED, "{parameters}");
    }
}

/// RFC 9072 §2
#[test]
fn the_extended_form_is_read_whatever_the_short_length_says() {
    let both = Ok(vec![Capability::RouteRefresh, Capability::FourOctetAs(65001)]);
    for short in ["ff", "01", "0b"] {
        assert_eq!(
            read(&format!("{short} ff 000b 02 0008 02 00 41 04 0000fde9")),
            both,
            "{short}"
        );
    }
    assert_eq!(read("ff ff 000e 02 0002 02 00 02 0006 41 04 0000fde9"), both);
    assert_eq!(read("ff ff 0000"), Ok(vec![]));
    // With 0 there are no parameters, and nothing may follow.
    assert_eq!(read("00 ff 0000"), MALFORMED);
    for parameters in [
        "ff ff",
        "ff ff 00",
        "ff ff 0001",
        "ff ff 0000 02",
        "ff ff 0002 02 00",
        "ff ff 0003 02 0001",
        "ff ff 0004 02 0001 02",
        "ff ff 0005 02 0002 02 01",
    ] {
        assert_eq!(read(parameters), MALFORMED, "{parameters}");
    }
    assert_eq!(read("ff ff 0003 01 0000"), Err((2, 4)));
}

fn open(capabilities: Vec<Capability>) -> Open {
    Open {
        my_as: 65001,
        hold_time: 90,
        identifier: Ipv4Addr::new(192, 0, 2, 1),
        capabilities,
    }
}

/// RFC 9072 §2: the oldest peers see the form that they know as long as it will do.
#[test]
fn the_extended_form_is_written_only_when_the_other_is_too_short() {
    let of = |length: usize| {
        let value = vec![7; length - 2];
        open(vec![Capability::Unknown { code: 200, value }])
    };
    let longest = wire::open(&of(253));
    assert_eq!(longest[28..32], [255, 2, 253, 200]);
    let longer = wire::open(&of(254));
    assert_eq!(longer[28..36], [255, 255, 1, 1, 2, 0, 254, 200]);
    for length in [2, 252, 253, 254, 255, 256, 257] {
        assert_eq!(
            decode(&wire::open(&of(length)), &external()),
            Ok(Message::Open(of(length)))
        );
    }
}

/// U5
#[test]
fn an_open_never_exceeds_4096_octets() {
    let value = vec![7; 255];
    let capability = Capability::Unknown { code: 200, value };
    let octets = wire::open(&open(vec![capability.clone(); 40]));
    assert!(octets.len() <= 4096, "{} octets", octets.len());
    assert_eq!(
        decode(&octets, &external()),
        Ok(Message::Open(open(vec![capability; 15])))
    );
}

/// RFC 6793 §3
#[test]
fn an_as_that_two_octets_cannot_hold_is_told_by_its_capability() {
    assert_eq!(
        [1, 65535, 65536, u32::MAX].map(Open::two_octets),
        [1, 65535, 23456, 23456]
    );
    let mut with = open(vec![Capability::RouteRefresh, Capability::FourOctetAs(65536)]);
    with.my_as = 23456;
    assert_eq!(with.asn(), 65536);
    assert_eq!(open(vec![Capability::RouteRefresh]).asn(), 65001);
}

prop_compose! {
    fn family()(afi: u16, safi: u8) -> FamilyCode {
        FamilyCode { afi, safi }
    }
}

fn capability() -> impl Strategy<Value = Capability> {
    let restart = (
        any::<bool>(),
        any::<bool>(),
        0..4096_u16,
        prop::collection::vec((family(), any::<bool>()), 0..20),
    );
    let unknown = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..100));
    let known = [1, 2, 5, 6, 64, 65, 70];
    prop_oneof![
        family().prop_map(Capability::MultiProtocol),
        Just(Capability::RouteRefresh),
        prop::collection::vec((family(), any::<u16>()), 0..20).prop_map(Capability::ExtendedNextHop),
        Just(Capability::ExtendedMessage),
        restart.prop_map(|(restarted, notification, restart_time, families)| {
            Capability::GracefulRestart(GracefulRestart {
                restarted,
                notification,
                restart_time,
                families,
            })
        }),
        (1..=u32::MAX).prop_map(Capability::FourOctetAs),
        Just(Capability::EnhancedRouteRefresh),
        unknown
            .prop_filter("one that is known", move |(code, _)| !known.contains(code))
            .prop_map(|(code, value)| Capability::Unknown { code, value }),
    ]
}

proptest! {
    #[test]
    fn an_open_reads_as_it_was_written(
        my_as in 1..=u16::MAX,
        hold_time in prop_oneof![Just(0), 3..=u16::MAX],
        identifier in 1..=u32::MAX,
        capabilities in prop::collection::vec(capability(), 0..12),
    ) {
        let open = Open { my_as, hold_time, identifier: identifier.into(), capabilities };
        let octets = wire::open(&open);
        prop_assert_eq!(decode(&octets, &external()), Ok(Message::Open(open)));
    }

    /// Whatever is understood of any octets is what is written of it.
    #[test]
    fn an_open_that_was_read_is_written_so_that_it_reads_the_same(parameters in prop::collection::vec(any::<u8>(), 0..40)) {
        let parameters = [&octets(BEFORE), &[parameters.len() as u8][..], &parameters].concat();
        if let Ok(Message::Open(open)) = decode(&message(1, &parameters), &external()) {
            let octets = wire::open(&open);
            prop_assert_eq!(decode(&octets, &external()), Ok(Message::Open(open)));
        }
    }
}
