use proptest::prelude::*;

use super::*;
use crate::identity::Node;

fn unit(last: u8) -> UnitId {
    UnitId([192, 0, 2, last].into())
}

fn six() -> UnitId {
    UnitId(
        [0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
            .map(u8::from)
            .into(),
    )
}

fn header() -> Header {
    Header {
        key: 0x0102_0304,
        boot: BootId(5),
        sequence: 6,
        name: NodeName("a".to_owned()),
    }
}

fn beacon() -> Message {
    Message::Beacon(Beacon {
        state: State::Ready,
        fresh: false,
        interval: Duration::from_millis(100),
        mac: [2, 0, 0, 0, 0, 1],
        held: 3,
        version: 4,
        digest: 5,
        addresses: vec![[10, 0, 0, 1].into(), six().0],
        echoes: vec![Echo {
            boot: BootId(7),
            sequence: 8,
        }],
    })
}

fn messages() -> Vec<Message> {
    let kinds = [
        Kind::Leaving,
        Kind::Weak,
        Kind::Strong,
        Kind::Offered {
            to: Node(9),
            fresh: 120,
        },
        Kind::ForBetter { takes: 1 },
        Kind::Takes(0),
    ];
    let claims: Vec<(UnitId, Claim)> = kinds
        .iter()
        .map(|kind| (six(), Claim { kind: *kind, term: 1 }))
        .collect();
    let entries = claims.iter().map(|(unit, claim)| Entry::new(*unit, Some(*claim)));
    let entries = entries.chain([Entry::new(unit(1), None)]).collect();
    vec![
        beacon(),
        Message::Changes {
            from: 1,
            to: 2,
            entries,
        },
        Message::Set {
            version: 2,
            part: 0,
            parts: 1,
            claims,
        },
        Message::Request {
            of: BootId(1),
            have: 2,
        },
    ]
}

#[test]
fn a_header_has_its_fields_where_the_format_says() {
    let golden = [
        2, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 1, b'a',
    ];
    assert_eq!(header().encode(), golden);
    let mut datagram = golden.to_vec();
    datagram.extend([9, 9]);
    assert_eq!(
        Header::decode(&datagram),
        Ok((header(), &golden[..], &[9, 9][..]))
    );
}

#[test]
fn a_beacon_has_its_fields_where_the_format_says() {
    let mut golden = vec![
        1, 2, 1, 0, 100, 2, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5,
    ];
    golden.extend([
        2, 4, 10, 0, 0, 1, 6, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ]);
    golden.extend([1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8]);
    assert_eq!(beacon().encode(), golden);
    assert_eq!(Message::decode(&golden), Ok(beacon()));
}

#[test]
fn changes_have_their_fields_where_the_format_says() {
    let claim = |kind| Some(Claim { kind, term: 2 });
    let offered = Kind::Offered {
        to: Node(3),
        fresh: 4,
    };
    let entries = vec![
        Entry::new(unit(1), claim(Kind::Strong)),
        Entry::new(unit(2), claim(offered)),
        Entry::new(unit(3), None),
        Entry::new(unit(4), claim(Kind::ForBetter { takes: 7 })),
        Entry::new(unit(5), claim(Kind::Takes(1))),
    ];
    let message = Message::Changes {
        from: 5,
        to: 6,
        entries,
    };
    let mut golden = vec![2, 0, 0, 0, 5, 0, 0, 0, 6];
    golden.extend([4, 192, 0, 2, 1, 3, 0, 0, 0, 2]);
    golden.extend([4, 192, 0, 2, 2, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 4]);
    golden.extend([4, 192, 0, 2, 3, 0, 0, 0, 0, 0]);
    golden.extend([4, 192, 0, 2, 4, 5, 0, 0, 0, 2, 7]);
    golden.extend([4, 192, 0, 2, 5, 6, 0, 0, 0, 2, 1]);
    assert_eq!(message.encode(), golden);
    assert_eq!(Message::decode(&golden), Ok(message));
}

#[test]
fn sets_and_requests_have_their_fields_where_the_format_says() {
    let set = Message::Set {
        version: 1,
        part: 2,
        parts: 3,
        claims: vec![(
            unit(1),
            Claim {
                kind: Kind::Weak,
                term: 9,
            },
        )],
    };
    assert_eq!(
        set.encode(),
        [3, 0, 0, 0, 1, 0, 2, 0, 3, 4, 192, 0, 2, 1, 2, 0, 0, 0, 9]
    );
    let request = Message::Request {
        of: BootId(1),
        have: 2,
    };
    assert_eq!(request.encode(), [4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
}

#[test]
fn every_message_is_read_as_it_was_written() {
    for message in messages() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn no_message_that_is_cut_short_is_taken_for_itself() {
    for message in messages() {
        let octets = message.encode();
        for end in 0..octets.len() {
            assert_ne!(
                Message::decode(&octets[..end]),
                Ok(message.clone()),
                "{end} of {message:?}"
            );
        }
    }
    let beacon = beacon().encode();
    for end in 0..beacon.len() {
        assert_eq!(Message::decode(&beacon[..end]), Err(DecodeError::Truncated));
    }
    let header = header().encode();
    for end in 0..header.len() {
        assert_eq!(Header::decode(&header[..end]), Err(DecodeError::Truncated));
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let beacon = beacon().encode();
    let with = |at: usize, octet: u8| {
        let mut octets = beacon.clone();
        octets[at] = octet;
        Message::decode(&octets)
    };
    assert_eq!(with(0, 9), Err(DecodeError::Message(9)));
    assert_eq!(with(1, 9), Err(DecodeError::State(9)));
    assert_eq!(with(4, 0), Err(DecodeError::Interval));
    assert_eq!(with(27, 5), Err(DecodeError::Addresses(5)));
    assert_eq!(with(28, 5), Err(DecodeError::Family(5)));
    let longer = [&beacon[..], &[0]].concat();
    assert_eq!(Message::decode(&longer), Err(DecodeError::Trailing(1)));
    let claim = [2, 0, 0, 0, 5, 0, 0, 0, 6, 4, 192, 0, 2, 1, 9, 0, 0, 0, 2];
    assert_eq!(Message::decode(&claim), Err(DecodeError::Claim(9)));
    let versions = [2, 0, 0, 0, 5, 0, 0, 0, 7];
    assert_eq!(
        Message::decode(&versions),
        Err(DecodeError::Versions { from: 5, to: 7 })
    );
    let part = [3, 0, 0, 0, 1, 0, 3, 0, 3];
    assert_eq!(
        Message::decode(&part),
        Err(DecodeError::Part { part: 3, parts: 3 })
    );
    let gone = [3, 0, 0, 0, 1, 0, 0, 0, 1, 4, 192, 0, 2, 1, 0, 0, 0, 0, 0];
    assert_eq!(Message::decode(&gone), Err(DecodeError::Claim(0)));
}

#[test]
fn a_header_of_another_version_or_without_a_name_is_refused() {
    let mut octets = header().encode();
    octets[0] = 1;
    assert_eq!(Header::decode(&octets), Err(DecodeError::Version(1)));
    let mut octets = header().encode();
    octets[22] = 0xff;
    assert_eq!(Header::decode(&octets), Err(DecodeError::Name));
    octets[21] = 0;
    assert_eq!(Header::decode(&octets), Err(DecodeError::Name));
}

#[test]
fn a_beacon_of_a_hundred_nodes_fits_one_datagram() {
    let echoes = Beacon::room(22 + 63, crate::MAX_ADDRESSES);
    assert!(echoes >= 99, "{echoes}");
}

proptest! {
    /// Whatever comes, reading ends; and what was read is written as it came.
    #[test]
    fn nothing_that_is_read_breaks_anything(octets in prop::collection::vec(any::<u8>(), 0..200), kind in 1_u8..5) {
        let _ = Header::decode(&octets);
        let mut message = octets;
        if let Some(first) = message.first_mut() {
            *first = kind;
        }
        if let Ok(read) = Message::decode(&message) {
            prop_assert_eq!(Message::decode(&read.encode()), Ok(read));
        }
    }
}
