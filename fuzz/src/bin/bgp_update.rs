//! An UPDATE in any form that two speakers may have agreed on: no panic, no large allocation, and an outcome that agrees with the
//! faults. What is announced can be announced, and reads the same.
#![no_main]

use bgp::Attributes;
use bgp::wire::{self, Form, Frame, Message, NextHop, Outcome, Path};
use ipnet::IpNet;
use model::Family;

#[global_allocator]
static ALLOCATOR: fuzz::Watched = fuzz::Watched;

const UPDATE: u8 = 2;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((first, body)) = octets.split_first() else {
        return;
    };
    let form = form(*first);
    let mut announced = Vec::new();
    let largest = fuzz::largest_of(|| {
        let Ok(Message::Update(update)) = wire::decode(Frame { kind: UPDATE, body }, &form) else {
            return;
        };
        assert_eq!(update.faults().is_empty(), update.outcome() == Outcome::Accepted);
        let routes = update.announced().chain(update.withdrawn()).count();
        assert!(routes <= body.len(), "more routes than octets");
        assert!(update.end_of_rib().is_none() || routes == 0);
        announced = update.announced().take(32).collect();
    });
    assert!(largest <= 64 * 1024, "{largest} octets at once");
    again(&form, &announced);
});

/// The bits say what was agreed on.
fn form(bits: u8) -> Form {
    let families = [(4, Family::V4), (8, Family::V6)];
    let agreed = families.into_iter().filter(|(bit, _)| bits & bit != 0);
    Form {
        four_octet_as: bits & 1 != 0,
        internal: bits & 2 != 0,
        extended_message: false,
        families: agreed.map(|(_, family)| family).collect(),
        v4_next_hop_v6: bits & 16 != 0,
    }
}

fn again(form: &Form, prefixes: &[IpNet]) {
    let path = Path {
        local_asn: 65536,
        attributes: &Attributes::default(),
        next_hop: match prefixes.first() {
            Some(IpNet::V4(_)) => NextHop::V4([192, 0, 2, 1].into()),
            Some(IpNet::V6(_)) | None => NextHop::LinkLocal([0xFE80, 0, 0, 0, 0, 0, 0, 1].into()),
        },
    };
    let Some((octets, count)) = wire::announce(form, &path, prefixes) else {
        assert!(prefixes.is_empty(), "there is room for these");
        return;
    };
    let frame = Frame {
        kind: UPDATE,
        body: &octets[wire::HEADER..],
    };
    let Ok(Message::Update(update)) = wire::decode(frame, form) else {
        panic!("what is sent cannot be read")
    };
    assert_eq!(update.outcome(), Outcome::Accepted);
    assert!(update.announced().eq(prefixes[..count].iter().copied()));
}
