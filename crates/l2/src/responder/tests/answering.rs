use super::*;
use crate::Rate;

/// A1
#[test]
fn a_broadcast_request_for_a_held_address_is_answered_to_the_sender() {
    let mut bench = Bench::settled();
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent(), [request(HELD).answer(ours())]);
}

/// A1, P-L2-52
#[test]
fn a_request_to_our_hardware_address_is_answered() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame {
        destination: ours().octets(),
        ..request(HELD)
    });
    assert_eq!(bench.take_sent(), [request(HELD).answer(ours())]);
}

/// P-L2-52
#[test]
fn a_request_that_is_neither_broadcast_nor_to_us_is_not_answered() {
    let mut bench = Bench::settled();
    for destination in [mac(3).octets(), [1, 0, 0x5e, 0, 0, 1], [0; 6]] {
        bench.frame(ArpFrame {
            destination,
            ..request(HELD)
        });
    }
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.counters().ignored.elsewhere, 3);
}

/// A1: without an answer the prober would take the address (RFC 5227 §2.1).
#[test]
fn a_probe_without_sender_address_is_answered() {
    let mut bench = Bench::settled();
    let probe = ArpFrame {
        sender_address: Ipv4Addr::UNSPECIFIED,
        ..request(HELD)
    };
    bench.frame(probe);
    let [answer] = bench.take_sent()[..] else {
        panic!("not one answer")
    };
    assert_eq!((answer.sender, answer.sender_address), (ours(), HELD));
    assert_eq!(
        (answer.target, answer.target_address),
        (theirs().octets(), Ipv4Addr::UNSPECIFIED)
    );
}

/// A2, P-L2-53
#[test]
fn a_request_for_an_address_that_is_not_held_is_not_answered() {
    let mut bench = Bench::settled();
    bench.frame(request(OTHER));
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.counters().ignored.not_held, 1);
}

/// A2
#[test]
fn a_released_address_is_not_answered() {
    let mut bench = Bench::settled();
    bench.input(Input::Release(HELD.into()));
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent(), []);
}

/// A9
#[test]
fn our_own_frames_are_ignored() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame {
        sender: ours(),
        ..request(HELD)
    });
    bench.frame(ArpFrame::announcement(ours(), HELD));
    assert_eq!((bench.take_sent(), bench.events), (vec![], vec![]));
    assert_eq!(bench.responder.counters().ignored.own, 2);
}

/// A9
#[test]
fn malformed_frames_are_counted_and_nothing_else() {
    let mut bench = Bench::settled();
    let frame = request(HELD).encode();
    bench.input(Input::Frame(&[]));
    bench.input(Input::Frame(&frame[..41]));
    let mut wrong = frame.to_vec();
    wrong[21] = 9;
    bench.input(Input::Frame(&wrong));
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.counters().ignored.malformed, 3);
}

#[test]
fn a_reply_between_others_asks_nothing() {
    let mut bench = Bench::settled();
    bench.frame(ArpFrame {
        operation: Operation::Reply,
        ..request(HELD)
    });
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.responder.counters().ignored.unasked, 1);
}

/// A8
#[test]
fn a_station_that_asks_too_often_is_answered_at_its_rate() {
    let per_source = Rate {
        every: Duration::from_millis(10),
        burst: 5,
    };
    let mut bench = Bench::new(Settings {
        per_source,
        ..Settings::default()
    });
    bench.input(Input::Hold(HELD.into()));
    bench.sent.clear();
    for _ in 0..100 {
        bench.frame(request(HELD));
    }
    assert_eq!(bench.take_sent().len(), 5);
    assert_eq!(bench.responder.counters().ignored.limited, 95);
    bench.now += Duration::from_millis(10);
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent().len(), 1);
}

/// A8
#[test]
fn a_router_may_ask_for_a_thousand_addresses_at_once() {
    let mut bench = Bench::new(Settings::default());
    let addresses: Vec<_> = (0..1000u32).map(|n| Ipv4Addr::from(0x0a00_0000 + n)).collect();
    for address in &addresses {
        bench.input(Input::Hold((*address).into()));
    }
    bench.sent.clear();
    for address in &addresses {
        bench.frame(request(*address));
    }
    assert_eq!(bench.take_sent().len(), 1000);
}

/// P-L2-43
#[test]
fn the_hardware_address_in_an_answer_is_that_of_the_interface_now() {
    let mut bench = Bench::settled();
    bench.input(interface(mac(7)));
    bench.sent.clear();
    bench.frame(request(HELD));
    assert_eq!(bench.take_sent(), [request(HELD).answer(mac(7))]);
    bench.frame(ArpFrame {
        destination: ours().octets(),
        ..request(HELD)
    });
    assert_eq!(
        bench.take_sent(),
        [],
        "a request to the old hardware address is not for us"
    );
}

#[test]
fn the_counters_tell_requests_and_replies_apart() {
    let total = Rate {
        every: Duration::from_secs(1),
        burst: 1,
    };
    let mut bench = Bench::new(Settings {
        total,
        ..Settings::default()
    });
    bench.input(Input::Hold(HELD.into()));
    bench.frame(request(HELD));
    bench.frame(request(HELD));
    let counters = bench.responder.counters();
    assert_eq!(
        (counters.requests, counters.replies, counters.announcements),
        (2, 1, 1)
    );
}
