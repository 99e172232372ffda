use proptest::prelude::*;

use super::*;

fn octets(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(octet).collect()
}

fn packet() -> Packet {
    Packet {
        diagnostic: Diagnostic::NONE,
        state: State::Up,
        poll: false,
        is_final: false,
        control_plane_independent: false,
        demand: false,
        detect_multiplier: NonZeroU8::new(3).unwrap(),
        my_discriminator: NonZeroU32::new(0x0102_0304).unwrap(),
        your_discriminator: NonZeroU32::new(0xa0b0_c0d0),
        desired_min_tx: Duration::from_millis(300),
        required_min_rx: Duration::from_millis(50),
        required_min_echo_rx: Duration::ZERO,
    }
}

/// Packets, written out by hand from RFC 5880 §4.1, and what they say.
fn golden() -> Vec<(&'static str, Packet)> {
    vec![
        (
            "20 c0 03 18  01020304  a0b0c0d0  000493e0  0000c350  00000000",
            packet(),
        ),
        (
            "20 e0 03 18  01020304  a0b0c0d0  000493e0  0000c350  00000000",
            Packet {
                poll: true,
                ..packet()
            },
        ),
        (
            "20 d0 03 18  01020304  a0b0c0d0  000493e0  0000c350  00000000",
            Packet {
                is_final: true,
                ..packet()
            },
        ),
        (
            // The first packet of a session, or after a silence.
            "21 40 03 18  01020304  00000000  000f4240  0000c350  00000000",
            Packet {
                diagnostic: Diagnostic::DETECTION_TIME_EXPIRED,
                state: State::Down,
                your_discriminator: None,
                desired_min_tx: Duration::from_secs(1),
                ..packet()
            },
        ),
        (
            "27 00 05 18  01020304  a0b0c0d0  000f4240  0000c350  00000000",
            Packet {
                diagnostic: Diagnostic::ADMINISTRATIVELY_DOWN,
                state: State::AdminDown,
                detect_multiplier: NonZeroU8::new(5).unwrap(),
                desired_min_tx: Duration::from_secs(1),
                ..packet()
            },
        ),
        (
            // What others may send: FRR with echo, a router with BFD in its line cards, demand mode.
            "23 8a ff 18  01020304  a0b0c0d0  ffffffff  00000000  0000c350",
            Packet {
                diagnostic: Diagnostic::NEIGHBOR_SIGNALED_DOWN,
                state: State::Init,
                control_plane_independent: true,
                demand: true,
                detect_multiplier: NonZeroU8::MAX,
                desired_min_tx: Duration::from_micros(u32::MAX.into()),
                required_min_rx: Duration::ZERO,
                required_min_echo_rx: Duration::from_millis(50),
                ..packet()
            },
        ),
    ]
}

#[test]
fn packets_are_the_octets_of_the_rfc_both_ways() {
    for (text, packet) in golden() {
        assert_eq!(Packet::decode(&octets(text)), Ok(packet), "{text}");
        assert_eq!(packet.encode().as_slice(), octets(text), "{text}");
    }
}

/// D1
#[test]
fn no_part_of_a_packet_is_a_packet() {
    for (text, _) in golden() {
        let whole = octets(text);
        for length in 0..whole.len() {
            let expected = if length < 4 {
                DecodeError::Truncated(length)
            } else {
                DecodeError::TooLong { says: 24, is: length }
            };
            assert_eq!(Packet::decode(&whole[..length]), Err(expected));
        }
    }
}

/// A good packet with some octets replaced.
fn spoilt(changes: &[(usize, u8)]) -> Result<Packet, DecodeError> {
    let mut octets = packet().encode().to_vec();
    octets.extend([0; 2]);
    for (at, octet) in changes {
        octets[*at] = *octet;
    }
    Packet::decode(&octets)
}

/// D1
#[test]
fn each_check_of_reception_refuses_what_it_is_for() {
    assert_eq!(spoilt(&[]), Ok(packet()), "octets after the end do not matter");
    for version in [0, 2, 7] {
        assert_eq!(spoilt(&[(0, version << 5)]), Err(DecodeError::Version(version)));
    }
    assert_eq!(spoilt(&[(3, 23)]), Err(DecodeError::TooShort(23)));
    assert_eq!(spoilt(&[(1, 0xc4), (3, 25)]), Err(DecodeError::TooShort(25)));
    assert_eq!(spoilt(&[(3, 27)]), Err(DecodeError::TooLong { says: 27, is: 26 }));
    assert_eq!(spoilt(&[(2, 0)]), Err(DecodeError::DetectMultiplier));
    assert_eq!(spoilt(&[(1, 0xc1)]), Err(DecodeError::Multipoint));
    let no_discriminator = [(4, 0), (5, 0), (6, 0), (7, 0)];
    assert_eq!(spoilt(&no_discriminator), Err(DecodeError::MyDiscriminator));
    assert_eq!(spoilt(&[(1, 0xc4), (3, 26)]), Err(DecodeError::Authenticated));
}

/// D1
#[test]
fn who_has_not_heard_us_can_only_be_down() {
    let unheard = |flags| spoilt(&[(1, flags), (8, 0), (9, 0), (10, 0), (11, 0)]);
    assert_eq!(unheard(0xc0), Err(DecodeError::YourDiscriminator(State::Up)));
    assert_eq!(unheard(0x80), Err(DecodeError::YourDiscriminator(State::Init)));
    for (flags, state) in [(0x40, State::Down), (0x00, State::AdminDown)] {
        let expected = Packet {
            state,
            your_discriminator: None,
            ..packet()
        };
        assert_eq!(unheard(flags), Ok(expected));
    }
}

/// D1
#[test]
fn of_several_faults_the_first_in_the_order_of_the_rfc_is_told() {
    let faults: [((usize, u8), DecodeError); 5] = [
        ((0, 0), DecodeError::Version(0)),
        ((3, 0), DecodeError::TooShort(0)),
        ((2, 0), DecodeError::DetectMultiplier),
        ((1, 0x41), DecodeError::Multipoint),
        ((7, 0), DecodeError::MyDiscriminator),
    ];
    let mut changes = vec![(4, 0), (5, 0), (6, 0)];
    for (change, error) in faults.into_iter().rev() {
        changes.push(change);
        assert_eq!(spoilt(&changes), Err(error));
    }
}

proptest! {
    #[test]
    fn whatever_can_be_decoded_says_the_same_when_it_is_encoded(
        mut octets in proptest::collection::vec(any::<u8>(), 0..40),
        plausible in any::<bool>(),
    ) {
        if plausible && octets.len() >= 24 {
            octets[0] = 0x20 | octets[0] & 0x1f;
            octets[1] &= 0xfa;
            octets[3] = 24;
        }
        if let Ok(packet) = Packet::decode(&octets) {
            prop_assert_eq!(&packet.encode()[..], &octets[..LENGTH]);
        }
    }
}
