mod machine;
mod ndp;

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::Mac;
use crate::wire::arp::{ArpFrame, Operation};
use machine::{Received, check, run};

const HELD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);

fn mac(last: u8) -> Mac {
    Mac::new([2, 0, 0, 0, 0, last]).unwrap()
}

fn packet(operation: Operation, from: Ipv4Addr, to: Ipv4Addr) -> ArpFrame {
    ArpFrame {
        operation,
        sender_address: from,
        target_address: to,
        ..ArpFrame::announcement(mac(2), from)
    }
}

fn passes(program: &[Instruction], frame: &[u8]) -> bool {
    run(
        program,
        &Received {
            frame,
            packet_type: 0,
        },
    ) > 0
}

/// A13
#[test]
fn a_request_for_a_held_address_passes_and_one_for_another_does_not() {
    let program = arp(&[(HELD, HELD)], &[], &[], LONGEST);
    assert!(passes(
        &program,
        &packet(Operation::Request, OTHER, HELD).encode()
    ));
    assert!(passes(
        &program,
        &packet(Operation::Request, Ipv4Addr::UNSPECIFIED, HELD).encode()
    ));
    assert!(!passes(
        &program,
        &packet(Operation::Request, OTHER, OTHER).encode()
    ));
}

/// A6, A13
#[test]
fn whatever_comes_from_a_held_address_passes_so_that_a_conflict_is_seen() {
    let program = arp(&[(HELD, HELD)], &[], &[], LONGEST);
    assert!(passes(&program, &packet(Operation::Reply, HELD, OTHER).encode()));
    assert!(passes(
        &program,
        &packet(Operation::Request, HELD, OTHER).encode()
    ));
    assert!(!passes(&program, &packet(Operation::Reply, OTHER, HELD).encode()));
}

/// A13: who was asked may answer, and need not be heard otherwise.
#[test]
fn a_reply_from_who_was_asked_passes_and_a_request_for_or_from_it_does_not() {
    let program = arp(&[(HELD, HELD)], &[(OTHER, OTHER)], &[], LONGEST);
    let third = Ipv4Addr::new(192, 0, 2, 12);
    assert!(passes(&program, &packet(Operation::Reply, OTHER, third).encode()));
    assert!(!passes(
        &program,
        &packet(Operation::Request, third, OTHER).encode()
    ));
    assert!(!passes(
        &program,
        &packet(Operation::Request, OTHER, third).encode()
    ));
}

#[test]
fn whoever_says_that_it_has_a_shared_address_is_heard_and_whoever_asks_for_it_is_not() {
    let program = arp(&[], &[], &[(HELD, HELD)], LONGEST);
    assert!(passes(&program, &ArpFrame::announcement(mac(2), HELD).encode()));
    assert!(passes(&program, &packet(Operation::Reply, HELD, OTHER).encode()));
    assert!(!passes(
        &program,
        &packet(Operation::Request, OTHER, HELD).encode()
    ));
}

/// A13
#[test]
fn nothing_passes_when_nothing_is_held() {
    let program = arp(&[], &[], &[], LONGEST);
    check(&program);
    assert!(!passes(&program, &ArpFrame::announcement(mac(2), HELD).encode()));
}

/// A10, P-L2-52: what the kernel says of a frame of a foreign VLAN, and of one to another station.
#[test]
fn a_frame_for_another_host_does_not_pass() {
    let program = arp(&[(HELD, HELD)], &[], &[], LONGEST);
    let frame = packet(Operation::Request, OTHER, HELD).encode();
    let of_kind = |packet_type| {
        run(
            &program,
            &Received {
                frame: &frame,
                packet_type,
            },
        ) > 0
    };
    let [host, broadcast, multicast, other_host] = [0, 1, 2, 3];
    assert!(of_kind(host) && of_kind(broadcast) && of_kind(multicast));
    assert!(!of_kind(other_host));
}

#[test]
fn an_accepted_frame_arrives_whole() {
    let program = arp(&[(HELD, HELD)], &[], &[], LONGEST);
    let frame = packet(Operation::Request, OTHER, HELD).encode();
    assert!(
        run(
            &program,
            &Received {
                frame: &frame,
                packet_type: 0
            }
        ) as usize
            >= frame.len()
    );
}

#[test]
fn a_program_of_one_range_is_within_the_shortest_limit() {
    let program = arp(&[(HELD, OTHER)], &[(OTHER, OTHER)], &[(HELD, HELD)], 0);
    check(&program);
    assert!(program.len() <= SHORTEST, "{} instructions", program.len());
    assert!(passes(
        &program,
        &packet(Operation::Request, HELD, OTHER).encode()
    ));
}

#[test]
fn a_thousand_scattered_addresses_fit_exactly() {
    let held: Vec<_> = (0..1000u32)
        .map(|n| Ipv4Addr::from(0xc000_0000 + 7 * n))
        .collect();
    let ranges: Vec<_> = held.iter().map(|address| (*address, *address)).collect();
    let program = arp(&ranges, &[], &[], LONGEST);
    check(&program);
    for address in held {
        assert!(passes(
            &program,
            &packet(Operation::Request, OTHER, address).encode()
        ));
        let next = Ipv4Addr::from(u32::from(address) + 1);
        assert!(!passes(
            &program,
            &packet(Operation::Request, OTHER, next).encode()
        ));
    }
}

#[test]
fn more_addresses_than_fit_are_covered_with_the_narrowest_gaps_between_them() {
    let near = (0..3000u32).map(|n| Ipv4Addr::from(0x0a00_0000 + 2 * n));
    let far = (0..10u32).map(|n| Ipv4Addr::from(0xc000_0000 + 1000 * n));
    let held: Vec<_> = near.chain(far).collect();
    let ranges: Vec<_> = held.iter().map(|address| (*address, *address)).collect();
    let program = arp(&ranges, &[], &[], LONGEST);
    check(&program);
    let asks = |address| {
        passes(
            &program,
            &packet(Operation::Request, Ipv4Addr::UNSPECIFIED, address).encode(),
        )
    };
    assert!(held.into_iter().all(asks));
    assert!(!asks(Ipv4Addr::from(0xc000_0000 + 500)), "a wide gap was covered");
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    // A small world, so that addresses and ranges meet, at both ends of the address space and in the middle of it.
    (
        prop::sample::select(vec![0u32, 0x7fff_ff80, 0xffff_ff00]),
        0..256u32,
    )
        .prop_map(|(base, offset)| Ipv4Addr::from(base + offset))
}

fn ranges() -> impl Strategy<Value = Vec<(Ipv4Addr, Ipv4Addr)>> {
    prop::collection::vec((address(), prop_oneof![Just(0u32), 0..20u32]), 0..80).prop_map(|firsts| {
        firsts
            .into_iter()
            .map(|(first, more)| (first, Ipv4Addr::from(u32::from(first).saturating_add(more))))
            .collect()
    })
}

type Range = (Ipv4Addr, Ipv4Addr);

/// What the program is to compute, said in the plainest way.
fn wanted(held: &[Range], asked: &[Range], shared: &[Range], frame: &[u8]) -> bool {
    let among = |ranges: &[Range], address| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&address))
    };
    ArpFrame::decode(frame).is_ok_and(|arp| {
        among(held, arp.sender_address)
            || among(shared, arp.sender_address)
            || match arp.operation {
                Operation::Request => among(held, arp.target_address),
                Operation::Reply => among(asked, arp.sender_address),
            }
    })
}

proptest! {
    /// A13
    #[test]
    fn the_program_passes_what_the_plain_predicate_passes(
        held in ranges(), asked in ranges(), shared in ranges(), request: bool, from in address(), to in address(), length in 0..=60usize,
        change in prop::option::of((12..22usize, any::<u8>())),
    ) {
        let operation = if request { Operation::Request } else { Operation::Reply };
        let mut frame = packet(operation, from, to).encode().to_vec();
        if let Some((at, octet)) = change {
            frame[at] = octet;
        }
        let program = arp(&held, &asked, &shared, LONGEST);
        check(&program);
        for frame in [&frame[..], &frame[..length]] {
            prop_assert_eq!(passes(&program, frame), wanted(&held, &asked, &shared, frame));
        }
    }

    #[test]
    fn a_program_that_had_to_be_cut_down_still_passes_every_address(
        held in ranges(), asked in ranges(), shared in ranges(), limit in 0..200usize, request: bool, from in address(), to in address(),
    ) {
        let operation = if request { Operation::Request } else { Operation::Reply };
        let frame = packet(operation, from, to).encode();
        let program = arp(&held, &asked, &shared, limit);
        check(&program);
        prop_assert!(program.len() <= limit.max(SHORTEST));
        prop_assert!(passes(&program, &frame) || !wanted(&held, &asked, &shared, &frame));
    }
}
