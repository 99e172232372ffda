//! What does not count (N2): each rule of RFC 4861 §7.1.1 and §7.1.2 with a frame that breaks it and is right otherwise.

use super::*;
use crate::MacError;

fn error(frame: Vec<u8>) -> DecodeError {
    NdpFrame::decode(&sealed(frame)).unwrap_err()
}

fn changed(frame: &[u8], at: usize, octets: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at..at + octets.len()].copy_from_slice(octets);
    frame
}

fn asked(at: usize, octets: &[u8]) -> DecodeError {
    error(changed(&QUESTION_OF_LINUX, at, octets))
}

/// A question with these options instead of its own.
fn with_options(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let mut frame = frame[..78].to_vec();
    frame.extend(options);
    let length = u16::try_from(24 + options.len()).unwrap();
    changed(&frame, 18, &length.to_be_bytes())
}

/// N2
#[test]
fn each_wrong_field_has_its_own_error() {
    let group = [0x33, 0x33, 0, 0, 0, 1];
    let multicast = ALL_NODES.octets();
    assert_eq!(asked(6, &group), DecodeError::Source(MacError::Group(group)));
    assert_eq!(asked(12, &[0x81, 0x00]), DecodeError::EtherType(0x8100));
    assert_eq!(asked(14, &[0x40]), DecodeError::Version(4));
    let [fragment, hop_by_hop] = [44, 0];
    assert_eq!(asked(20, &[fragment]), DecodeError::NextHeader(44));
    assert_eq!(asked(20, &[hop_by_hop]), DecodeError::NextHeader(0));
    assert_eq!(asked(21, &[254]), DecodeError::HopLimit(254));
    assert_eq!(asked(22, &multicast), DecodeError::From(ALL_NODES));
    assert_eq!(asked(54, &[133]), DecodeError::Type(133));
    assert_eq!(asked(55, &[1]), DecodeError::Code(1));
    assert_eq!(asked(62, &multicast), DecodeError::Target(ALL_NODES));
}

/// N2
#[test]
fn a_message_without_its_fixed_part_is_short() {
    let mut frame = QUESTION_OF_LINUX.to_vec();
    for length in 0..24 {
        frame[19] = length;
        assert_eq!(
            NdpFrame::decode(&frame),
            Err(DecodeError::Short(length.into())),
            "whatever its checksum"
        );
    }
}

/// N2
#[test]
fn a_changed_bit_anywhere_in_the_message_breaks_the_checksum() {
    for (at, octet) in QUESTION_OF_LINUX.iter().enumerate().skip(54) {
        let frame = changed(&QUESTION_OF_LINUX, at, &[octet ^ 1]);
        assert!(
            matches!(NdpFrame::decode(&frame), Err(DecodeError::Checksum(_))),
            "octet {at}"
        );
    }
}

/// N2
#[test]
fn an_option_that_is_empty_or_too_long_spoils_the_message() {
    let case = |options: &[u8]| error(with_options(&QUESTION_OF_LINUX, options));
    let empty = DecodeError::Option { length: 0, left: 8 };
    assert_eq!(case(&[14, 0, 0, 0, 0, 0, 0, 0]), empty);
    let too_long = DecodeError::Option {
        length: 2040,
        left: 8,
    };
    assert_eq!(case(&[14, 255, 0, 0, 0, 0, 0, 0]), too_long);
    assert_eq!(case(&[14]), DecodeError::Option { length: 0, left: 1 });
    let after_a_good_one = [1, 1, 2, 0, 0, 0, 0, 2, 14, 0];
    assert_eq!(
        case(&after_a_good_one),
        DecodeError::Option { length: 0, left: 2 }
    );
}

#[test]
fn a_link_layer_address_must_be_one_of_ethernet_and_of_a_station() {
    let case = |options: &[u8]| error(with_options(&QUESTION_OF_LINUX, options));
    let mut long = [0; 16];
    long[..2].copy_from_slice(&[1, 2]);
    assert_eq!(case(&long), DecodeError::LinkLayerLength(16));
    assert_eq!(
        case(&[1, 1, 0, 0, 0, 0, 0, 0]),
        DecodeError::LinkLayer(MacError::Zero)
    );
}

#[test]
fn of_two_link_layer_addresses_the_first_counts_and_that_of_a_target_is_none_of_a_source() {
    let read = |options: &[u8]| {
        let frame = sealed(with_options(&QUESTION_OF_LINUX, options));
        match NdpFrame::decode(&frame) {
            Ok(NdpFrame::Solicitation(frame)) => frame.link_layer,
            other => panic!("{other:?}"),
        }
    };
    let two = [1, 1, 2, 0, 0, 0, 0, 7, 1, 1, 2, 0, 0, 0, 0, 8];
    assert_eq!(read(&two), Mac::new([2, 0, 0, 0, 0, 7]).ok());
    assert_eq!(read(&[2, 1, 2, 0, 0, 0, 0, 7]), None);
    assert_eq!(read(&[]), None);
}

/// N2, N5
#[test]
fn a_question_from_nobody_goes_to_the_group_of_its_target_and_says_no_place() {
    let to_all = changed(&DETECTION_OF_LINUX, 38, &ALL_NODES.octets());
    assert_eq!(error(to_all), DecodeError::FromNobodyTo(ALL_NODES));
    let with_place = with_options(&DETECTION_OF_LINUX, &[1, 1, 2, 0, 0, 0, 0, 2]);
    assert_eq!(error(with_place), DecodeError::FromNobodyAt(theirs()));
}

/// N6
#[test]
fn an_answer_to_a_group_does_not_count() {
    let answer = Advertisement {
        solicited: true,
        ..Advertisement::announcement(ours(), ADDRESS)
    };
    assert_eq!(
        NdpFrame::decode(&answer.encode()),
        Err(DecodeError::AnswerToGroup(ALL_NODES))
    );
}
