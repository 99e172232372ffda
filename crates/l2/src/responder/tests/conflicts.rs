use super::*;

fn claim(mac: Mac) -> Event {
    Event::Rival {
        address: HELD.into(),
        mac,
    }
}

/// A6
#[test]
fn another_station_that_announces_a_held_address_is_reported_and_not_answered() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    assert_eq!(bench.events, [claim(theirs())]);
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.counters().rivals, 1);
}

/// A6: RFC 5227 §2.4 counts any ARP packet with the address as its sender.
#[test]
fn replies_and_requests_from_a_held_address_are_claims_wherever_they_go() {
    for operation in [Operation::Request, Operation::Reply] {
        for destination in [BROADCAST, ours().octets(), mac(9).octets()] {
            let mut bench = Bench::settled();
            bench.frame(ArpFrame {
                operation,
                destination,
                sender_address: HELD,
                ..request(ASKER)
            });
            assert_eq!(bench.events, [claim(theirs())]);
        }
    }
}

/// A6, A7
#[test]
fn a_claim_changes_nothing_by_itself() {
    let mut bench = Bench::settled();
    let timeout = bench.responder.poll_timeout();
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    assert_eq!(bench.responder.poll_timeout(), timeout);
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent(), [request(HELD).answer(ours())]);
}

/// A6
#[test]
fn a_station_that_goes_on_claiming_is_reported_once_per_second() {
    let mut bench = Bench::settled();
    for _ in 0..30 {
        bench.frame(ArpFrame::announcement(theirs(), HELD));
        bench.run_for(Duration::from_millis(100));
    }
    assert_eq!(bench.events, [claim(theirs()); 3]);
    assert_eq!(bench.responder.counters().rivals, 30);
}

/// A6, A7
#[test]
fn a_second_claimant_is_reported_at_once() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    bench.frame(ArpFrame::announcement(mac(3), HELD));
    assert_eq!(bench.events, [claim(theirs()), claim(mac(3))]);
}

/// A8
#[test]
fn a_flood_of_claimants_makes_few_events() {
    let mut bench = Bench::settled();
    for n in 2..=255 {
        bench.frame(ArpFrame::announcement(mac(n), HELD));
    }
    assert_eq!(bench.events.len(), 8);
}

/// A7, A8
#[test]
fn a_flood_of_strangers_does_not_hide_a_rival() {
    let mut bench = Bench::settled();
    for n in 0..=255 {
        let strange = Mac::new([6, 0, 0, 0, 1, n]).unwrap();
        bench.frame(ArpFrame::announcement(strange, HELD));
    }
    assert_eq!(bench.take_events().len(), 8);
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    assert_eq!(bench.events, [claim(theirs())]);
}

/// A9
#[test]
fn a_probe_is_no_claim() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame {
        sender_address: Ipv4Addr::UNSPECIFIED,
        ..request(HELD)
    });
    assert_eq!(bench.events, []);
}

#[test]
fn a_claim_of_an_address_that_is_not_held_is_none_of_our_business() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame::announcement(theirs(), OTHER));
    bench.input(Input::Release(HELD.into()));
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    assert_eq!(bench.events, []);
    assert_eq!(bench.responder.counters().ignored.unasked, 2);
}

#[test]
fn a_station_that_claims_one_address_and_asks_for_another_is_reported_and_answered() {
    let mut bench = Bench::settled();
    bench.input(Input::Hold(OTHER.into()));
    bench.sent.clear();
    let frame = ArpFrame {
        sender_address: HELD,
        ..request(OTHER)
    };
    bench.frame(frame);
    assert_eq!(bench.events, [claim(theirs())]);
    assert_eq!(bench.take_sent(), [frame.answer(ours())]);
}

/// A11
#[test]
fn a_new_hardware_address_does_not_forget_who_claimed() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    bench.input(interface(mac(7)));
    bench.frame(ArpFrame::announcement(theirs(), HELD));
    assert_eq!(bench.events, [claim(theirs())]);
    bench.frame(ArpFrame::announcement(ours(), HELD));
    let [_, Event::Stranger { mac, .. }] = bench.events[..] else {
        panic!(
            "our old hardware address is now somebody else's: {:?}",
            bench.events
        )
    };
    assert_eq!(mac, ours());
}
