use std::net::Ipv6Addr;

use super::*;
use crate::wire::ndp::{Advertisement, NdpFrame, Solicitation};

const HELD: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);
const ASKER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

fn question(target: Ipv6Addr) -> Vec<u8> {
    Solicitation::question(mac(2), ASKER, target, None)
        .encode()
        .to_vec()
}

fn claim(target: Ipv6Addr) -> Vec<u8> {
    Advertisement::announcement(mac(2), target).encode().to_vec()
}

/// A13, N10
#[test]
fn a_solicitation_of_a_held_address_passes_and_one_of_another_does_not() {
    let program = ndp(&[HELD], &[], LONGEST);
    check(&program);
    assert!(passes(&program, &question(HELD)));
    assert!(!passes(&program, &question(OTHER)));
    let direct = Solicitation::question(mac(2), ASKER, HELD, Some(mac(1)));
    assert!(passes(&program, &direct.encode()));
    let nobody = Solicitation::question(mac(2), Ipv6Addr::UNSPECIFIED, HELD, None);
    assert!(passes(&program, &nobody.encode()));
}

/// N6, A13
#[test]
fn an_advertisement_of_a_held_address_passes_so_that_a_conflict_is_seen() {
    let program = ndp(&[HELD], &[], LONGEST);
    assert!(passes(&program, &claim(HELD)));
    assert!(!passes(&program, &claim(OTHER)));
}

/// A13: who was asked may answer, and need not be heard otherwise.
#[test]
fn an_advertisement_of_an_address_asked_for_passes_and_a_solicitation_of_it_does_not() {
    let program = ndp(&[HELD], &[OTHER], LONGEST);
    assert!(passes(&program, &claim(OTHER)));
    assert!(!passes(&program, &question(OTHER)));
    let only_asked = ndp(&[], &[OTHER], LONGEST);
    check(&only_asked);
    assert!(passes(&only_asked, &claim(OTHER)));
    assert!(!passes(&only_asked, &claim(HELD)));
}

/// A13, N2: everything else of IPv6 stays in the kernel.
#[test]
fn what_is_no_message_of_the_link_does_not_pass() {
    let program = ndp(&[HELD], &[HELD], LONGEST);
    let change = |at: usize, octet: u8| {
        let mut frame = question(HELD);
        frame[at] = octet;
        frame
    };
    let [fragment, udp] = [44, 17];
    for frame in [
        change(12, 0x08),
        change(20, fragment),
        change(20, udp),
        change(21, 64),
        change(54, 134),
        change(55, 1),
    ] {
        assert!(!passes(&program, &frame), "{frame:02x?}");
    }
    for length in 0..78 {
        assert!(!passes(&program, &question(HELD)[..length]), "{length}");
    }
    assert!(!passes(&ndp(&[], &[], LONGEST), &question(HELD)));
}

#[test]
fn an_accepted_solicitation_arrives_whole() {
    let frame = question(HELD);
    let received = Received {
        frame: &frame,
        packet_type: 0,
    };
    assert!(run(&ndp(&[HELD], &[], LONGEST), &received) as usize >= frame.len());
}

/// A10, P-L2-52
#[test]
fn a_solicitation_for_another_host_or_vlan_does_not_pass() {
    let frame = question(HELD);
    let received = Received {
        frame: &frame,
        packet_type: OTHER_HOST,
    };
    assert_eq!(run(&ndp(&[HELD], &[], LONGEST), &received), 0);
}

fn low(address: Ipv6Addr) -> u32 {
    u128::from(address) as u32
}

/// What the program is to compute, said in the plainest way.
fn wanted(held: &[Ipv6Addr], asked: &[Ipv6Addr], frame: &[u8]) -> bool {
    let among = |addresses: &[Ipv6Addr], target| addresses.iter().any(|address| low(*address) == low(target));
    match NdpFrame::decode(frame) {
        Ok(NdpFrame::Solicitation(frame)) => among(held, frame.target),
        Ok(NdpFrame::Advertisement(frame)) => among(held, frame.target) || among(asked, frame.target),
        Err(_) => false,
    }
}

fn end() -> impl Strategy<Value = Ipv6Addr> {
    (
        prop::sample::select(vec![0u32, 0x7fff_ffe0, 0xffff_ffc0]),
        0..64u32,
        prop::sample::select(vec![0x2001_0db8u32, 0x2001_0db9]),
    )
        .prop_map(|(base, offset, prefix)| {
            Ipv6Addr::from(u128::from(prefix) << 96 | u128::from(base + offset))
        })
}

proptest! {
    /// A13
    #[test]
    fn the_program_passes_what_the_plain_predicate_passes(
        held in prop::collection::vec(end(), 0..40), asked in prop::collection::vec(end(), 0..10), asks: bool,
        target in end(), length in 0..=86usize,
    ) {
        let frame = if asks { question(target) } else { claim(target) };
        let program = ndp(&held, &asked, LONGEST);
        check(&program);
        prop_assert_eq!(passes(&program, &frame), wanted(&held, &asked, &frame));
        // The options may be cut off: the responder sees to that.
        let cut = &frame[..length];
        prop_assert!(passes(&program, cut) || !wanted(&held, &asked, cut));
    }

    #[test]
    fn a_program_that_had_to_be_cut_down_still_passes_every_address(
        held in prop::collection::vec(end(), 0..40), asked in prop::collection::vec(end(), 0..10), asks: bool,
        target in end(), limit in 0..200usize,
    ) {
        let frame = if asks { question(target) } else { claim(target) };
        let program = ndp(&held, &asked, limit);
        check(&program);
        prop_assert!(program.len() <= limit.max(SHORTEST));
        prop_assert!(passes(&program, &frame) || !wanted(&held, &asked, &frame));
    }
}
