//! Answering in place of a holder who cannot.

use super::*;
use crate::ANNOUNCEMENTS;

fn holder() -> Mac {
    mac(5)
}

fn surrogate(address: IpAddr) -> Input<'static> {
    Input::Surrogate {
        address,
        mac: holder(),
    }
}

/// What is said of the holder, by us.
fn announced_for_holder(address: IpAddr) -> Sent {
    match claim_of(holder(), address) {
        Sent::Arp(frame) => Sent::Arp(ArpFrame {
            source: ours(),
            ..frame
        }),
        Sent::Answer(frame) => Sent::Answer(Advertisement {
            source: ours(),
            ..frame
        }),
        Sent::Question(_) => unreachable!("a claim is no question"),
    }
}

/// A1, N3: the switch learns where we are from the frame, the asker where the holder is from the packet.
#[test]
fn a_surrogate_names_the_holder_and_sends_from_its_own_station() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(surrogate(address));
        assert_eq!(bench.take(), [announced_for_holder(address)]);
        bench.hear(question_for(address));
        assert_eq!(bench.take(), [answer_of(holder(), address)]);
    }
}

#[test]
fn a_surrogate_announces_once_and_never_again() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(surrogate(address));
        bench.input(surrogate(address));
        assert_eq!(bench.responder.poll_timeout(), None);
        bench.run_for(Duration::from_secs(3600));
        assert_eq!(bench.take().len(), 1);
        assert_eq!(bench.responder.held().collect::<Vec<_>>(), [address]);
    }
}

#[test]
fn a_surrogate_that_becomes_the_holder_announces_itself_from_the_start() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(surrogate(address));
        bench.sent.clear();
        bench.input(Input::Hold(address));
        bench.run_for(Duration::from_secs(6));
        assert_eq!(bench.take(), vec![claim_of(ours(), address); ANNOUNCEMENTS.len()]);
        bench.hear(question_for(address));
        assert_eq!(bench.take(), [answer_of(ours(), address)]);
    }
}

#[test]
fn a_holder_that_becomes_a_surrogate_says_so_once_and_answers_without_a_gap() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(Input::Hold(address));
        bench.sent.clear();
        bench.input(surrogate(address));
        bench.hear(question_for(address));
        bench.run_for(Duration::from_secs(3600));
        assert_eq!(
            bench.take(),
            [announced_for_holder(address), answer_of(holder(), address)]
        );
        assert_eq!(bench.responder.poll_interest().unwrap().held, [address].into());
    }
}

#[test]
fn a_surrogate_of_another_holder_names_that_one() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Surrogate {
        address: BOTH[0],
        mac: mac(8),
    });
    bench.input(surrogate(BOTH[0]));
    bench.sent.clear();
    bench.hear(question_for(BOTH[0]));
    assert_eq!(bench.take(), [answer_of(holder(), BOTH[0])]);
}

/// A7: the holder is back, or another one stands in for it, too.
#[test]
fn what_says_the_same_as_the_surrogate_is_no_claim_and_what_says_otherwise_is_one() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(surrogate(address));
        bench.hear(claim_of(holder(), address));
        assert_eq!(bench.take_events(), []);
        bench.hear(claim_of(mac(9), address));
        assert_eq!(bench.take_events(), [Event::Rival { address, mac: mac(9) }]);
    }
}

/// A7: a holder that is back hears what its surrogate still says.
#[test]
fn a_holder_takes_no_offence_at_its_surrogate() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(Input::Hold(address));
        let by_another = match claim_of(ours(), address) {
            Sent::Arp(frame) => Sent::Arp(ArpFrame {
                source: mac(9),
                ..frame
            }),
            Sent::Answer(frame) => Sent::Answer(Advertisement {
                source: mac(9),
                ..frame
            }),
            Sent::Question(_) => unreachable!("a claim is no question"),
        };
        bench.hear(by_another);
        assert_eq!(bench.take_events(), []);
    }
}

#[test]
fn after_a_flap_a_surrogate_says_once_more_whose_address_it_is() {
    let mut bench = Bench::new(Settings::default());
    bench.input(surrogate(BOTH[1]));
    bench.sent.clear();
    bench.input(Input::CarrierUp);
    assert_eq!(bench.take(), [announced_for_holder(BOTH[1])]);
}

/// P-L2-43: two interfaces of one node may be on one segment.
#[test]
fn what_another_interface_of_the_node_says_is_no_claim() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(Input::Hold(address));
        bench.input(Input::Siblings([mac(6)].into()));
        bench.hear(claim_of(mac(6), address));
        assert_eq!(bench.take_events(), []);
    }
}

/// A2: several inputs before the driver sends anything.
#[test]
fn what_was_to_be_said_of_a_released_address_is_not_said() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        let now = bench.now;
        bench.responder.handle_input(now, Input::Hold(address));
        bench.responder.handle_input(now, surrogate(OTHER.into()));
        bench
            .responder
            .handle_input(now, Input::Frame(&question_for(address).octets()));
        bench.responder.handle_input(now, Input::Release(address));
        bench.drain();
        assert_eq!(bench.take(), [announced_for_holder(OTHER.into())]);
        bench.run_for(Duration::from_secs(100));
        assert_eq!(bench.take(), []);
    }
}
