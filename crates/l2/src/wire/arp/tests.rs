use proptest::prelude::*;

use super::*;

const OURS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const THEIRS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const ASKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

fn ours() -> Mac {
    Mac::new(OURS).unwrap()
}

fn request() -> ArpFrame {
    ArpFrame {
        destination: BROADCAST,
        source: Mac::new(THEIRS).unwrap(),
        operation: Operation::Request,
        sender: Mac::new(THEIRS).unwrap(),
        sender_address: ASKER,
        target: [0; 6],
        target_address: ADDRESS,
    }
}

fn padded(octets: [u8; 42]) -> [u8; 60] {
    let mut frame = [0; 60];
    frame[..42].copy_from_slice(&octets);
    frame
}

/// A3, A10
#[test]
fn an_announcement_is_a_broadcast_request_that_names_the_address_twice() {
    #[rustfmt::skip]
    let golden = padded([
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x06,
        0, 1, 0x08, 0, 6, 4, 0, 1,
        0x02, 0, 0, 0, 0, 0x01, 192, 0, 2, 10,
        0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
    ]);
    assert_eq!(*ArpFrame::announcement(ours(), ADDRESS).encode(), golden);
}

/// A1, A10
#[test]
fn an_answer_goes_to_the_sender_alone() {
    #[rustfmt::skip]
    let golden = padded([
        0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x06,
        0, 1, 0x08, 0, 6, 4, 0, 2,
        0x02, 0, 0, 0, 0, 0x01, 192, 0, 2, 10,
        0x02, 0, 0, 0, 0, 0x02, 192, 0, 2, 1,
    ]);
    assert_eq!(*request().answer(ours()).encode(), golden);
}

#[test]
fn a_request_as_linux_sends_it_is_read() {
    #[rustfmt::skip]
    let golden = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x02, 0x08, 0x06,
        0, 1, 0x08, 0, 6, 4, 0, 1,
        0x02, 0, 0, 0, 0, 0x02, 192, 0, 2, 1,
        0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
    ];
    assert_eq!(ArpFrame::decode(&golden), Ok(request()));
}

/// A9
#[test]
fn every_truncation_is_an_error() {
    let frame = request().encode();
    for length in 0..ARP_END {
        assert_eq!(
            ArpFrame::decode(&frame[..length]),
            Err(DecodeError::Truncated(length))
        );
    }
    assert_eq!(ArpFrame::decode(&frame[..ARP_END]), Ok(request()));
}

/// A10
#[test]
fn padding_is_no_part_of_the_packet() {
    let mut frame = request().encode().to_vec();
    frame[ARP_END..].fill(0xaa);
    frame.extend([0x55; 100]);
    assert_eq!(ArpFrame::decode(&frame), Ok(request()));
}

/// A9: each field that may hold only one value, with another one.
#[test]
fn each_wrong_field_has_its_own_error() {
    let cases: [(usize, &[u8], DecodeError); 10] = [
        (12, &[0x81, 0x00], DecodeError::EtherType(0x8100)),
        (14, &[0, 6], DecodeError::HardwareType(6)),
        (16, &[0x86, 0xdd], DecodeError::ProtocolType(0x86dd)),
        (18, &[8], DecodeError::HardwareLength(8)),
        (19, &[16], DecodeError::ProtocolLength(16)),
        (20, &[0, 0], DecodeError::Operation(0)),
        (20, &[0, 3], DecodeError::Operation(3)),
        (
            6,
            &[1, 0, 0x5e, 0, 0, 1],
            DecodeError::Source(MacError::Group([1, 0, 0x5e, 0, 0, 1])),
        ),
        (
            22,
            &[1, 0, 0x5e, 0, 0, 1],
            DecodeError::Sender(MacError::Group([1, 0, 0x5e, 0, 0, 1])),
        ),
        (22, &[0; 6], DecodeError::Sender(MacError::Zero)),
    ];
    for (offset, octets, error) in cases {
        let mut frame = request().encode().to_vec();
        frame[offset..offset + octets.len()].copy_from_slice(octets);
        assert_eq!(ArpFrame::decode(&frame), Err(error));
    }
}

#[test]
fn an_announcement_asks_nothing_and_a_probe_asks() {
    assert!(!ArpFrame::announcement(ours(), ADDRESS).asks());
    assert!(
        ArpFrame {
            sender_address: Ipv4Addr::UNSPECIFIED,
            ..request()
        }
        .asks()
    );
}

fn station() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_filter_map("a station", |octets| Mac::new(octets).ok())
}

prop_compose! {
    fn arp_frame()(
        destination: [u8; 6], source in station(), reply: bool, sender in station(),
        sender_address: Ipv4Addr, target: [u8; 6], target_address: Ipv4Addr,
    ) -> ArpFrame {
        let operation = if reply { Operation::Reply } else { Operation::Request };
        ArpFrame { destination, source, operation, sender, sender_address, target, target_address }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(frame in arp_frame()) {
        prop_assert_eq!(ArpFrame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn no_octets_make_the_decoder_panic(octets in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = ArpFrame::decode(&octets);
    }

    /// Random octets almost never get past the EtherType, so change a good frame instead.
    #[test]
    fn a_mangled_frame_is_read_as_what_it_says_or_not_at_all(
        frame in arp_frame(), changes in prop::collection::vec((0..60usize, any::<u8>()), 0..4),
    ) {
        let mut octets = frame.encode().to_vec();
        for (at, octet) in changes {
            octets[at] = octet;
        }
        if let Ok(read) = ArpFrame::decode(&octets) {
            prop_assert_eq!(&read.encode()[..42], &octets[..42]);
        }
    }
}
