//! Stations outside of the cluster that claim an address.

use super::*;
use crate::{ANNOUNCEMENTS, Response};

const SECOND: Duration = Duration::from_secs(1);

fn told(address: IpAddr, response: Response) -> Event {
    Event::Stranger {
        address,
        mac: stranger(),
        response,
    }
}

fn defended(address: IpAddr) -> Event {
    told(address, Response::Defended)
}

fn yielded(address: IpAddr) -> Event {
    told(address, Response::Yielded)
}

fn is_question(sent: &Sent) -> bool {
    match sent {
        Sent::Arp(frame) => frame.asks(),
        Sent::Question(_) => true,
        Sent::Answer(_) => false,
    }
}

/// Time passes, with a stranger that answers every question, which some of them do with a claim to everybody.
fn live_with_a_stranger(bench: &mut Bench, address: IpAddr, seconds: u32) -> Vec<Sent> {
    let mut said = Vec::new();
    for _ in 0..10 * seconds {
        bench.run_for(SECOND / 10);
        let sent = bench.take();
        if sent.iter().any(is_question) {
            bench.hear(claim_of(stranger(), address));
        }
        said.extend(sent);
        said.extend(bench.take());
    }
    said
}

/// A6, N6
#[test]
fn a_stranger_is_told_of_and_defended_against_at_once() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.hear(claim_of(stranger(), address));
        assert_eq!(bench.take_events(), [defended(address)]);
        assert_eq!(bench.take(), [claim_of(ours(), address)]);
        let counters = bench.responder.counters();
        assert_eq!(
            (counters.strangers, counters.defences, counters.rivals),
            (1, 1, 0)
        );
        bench.hear(question_for(address));
        assert_eq!(bench.take(), [answer_of(ours(), address)]);
    }
}

/// A6: no war of announcements.
#[test]
fn an_address_is_defended_once_per_ten_seconds_however_loud_the_stranger() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        for _ in 0..300 {
            bench.hear(claim_of(stranger(), address));
            bench.run_for(SECOND / 10);
        }
        assert_eq!(bench.responder.counters().defences, 3);
        assert_eq!(bench.take_events().len(), 30, "one event per second");
    }
}

/// A6: the switch hides what the stranger answers to others.
#[test]
fn a_stranger_that_speaks_only_when_asked_is_asked_and_defended_against() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.hear(claim_of(stranger(), address));
        let said = live_with_a_stranger(&mut bench, address, 60);
        let questions = said.iter().filter(|sent| is_question(sent)).count();
        assert!((5..=6).contains(&questions), "{questions} questions in a minute");
        assert!(bench.responder.counters().defences >= 5);
        assert!(!bench.take_events().contains(&Event::StrangerGone { address }));
    }
}

/// A6
#[test]
fn a_stranger_that_does_not_answer_three_times_is_gone() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.hear(claim_of(stranger(), address));
        bench.sent.clear();
        bench.events.clear();
        bench.run_for(SECOND * 14);
        let questions = bench.take().iter().filter(|sent| is_question(sent)).count();
        assert_eq!(questions, 3);
        assert_eq!(bench.take_events(), [Event::StrangerGone { address }]);
        bench.run_for(SECOND * 100);
        assert!(!bench.take().iter().any(is_question));
    }
}

/// A6
#[test]
fn a_yielding_address_falls_silent_while_a_stranger_has_it() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.input(Input::Yielding([address].into()));
        bench.hear(claim_of(stranger(), address));
        assert_eq!(bench.take_events(), [yielded(address)]);
        bench.hear(question_for(address));
        let said = live_with_a_stranger(&mut bench, address, 120);
        assert!(
            said.iter()
                .all(|sent| is_question(sent) || *sent != claim_of(ours(), address))
        );
        assert_eq!(bench.responder.counters().ignored.yielded, 1);
        assert_eq!(bench.responder.counters().defences, 0);
    }
}

/// A6
#[test]
fn a_yielded_address_is_answered_and_announced_again_when_the_stranger_is_gone() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.input(Input::Yielding([address].into()));
        bench.hear(claim_of(stranger(), address));
        bench.run_for(SECOND * 14);
        assert_eq!(
            bench.take_events(),
            [yielded(address), Event::StrangerGone { address }]
        );
        bench.run_for(SECOND * 6);
        let ours = claim_of(ours(), address);
        let announcements = bench.take().iter().filter(|sent| **sent == ours).count();
        assert_eq!(announcements, ANNOUNCEMENTS.len());
        bench.hear(question_for(address));
        assert_eq!(bench.take(), [answer_of(self::ours(), address)]);
    }
}

/// A6: no announcement of the burst comes late, and none by a flap or a change of the hardware address.
#[test]
fn a_yielded_address_stays_silent_whatever_happens_to_the_interface() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Yielding(BOTH.into()));
    bench.input(Input::Hold(BOTH[0]));
    bench.sent.clear();
    bench.hear(claim_of(stranger(), BOTH[0]));
    bench.input(Input::CarrierUp);
    bench.input(interface(mac(7)));
    bench.run_for(SECOND * 9);
    assert_eq!(bench.take(), []);
}

/// A6
#[test]
fn a_change_of_mind_counts_at_once() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.hear(claim_of(stranger(), address));
        bench.sent.clear();
        bench.events.clear();
        bench.input(Input::Yielding([address].into()));
        bench.hear(question_for(address));
        assert_eq!(bench.take(), []);
        bench.input(Input::Yielding(BTreeSet::new()));
        bench.hear(question_for(address));
        assert_eq!(
            bench.take(),
            [claim_of(ours(), address), answer_of(ours(), address)]
        );
        assert_eq!(bench.take_events(), [yielded(address), defended(address)]);
    }
}

#[test]
fn a_yielding_address_that_nobody_claims_is_answered_for() {
    let mut bench = Bench::holding_both();
    bench.input(Input::Yielding(BOTH.into()));
    bench.hear(question_for(BOTH[1]));
    assert_eq!(bench.take(), [answer_of(ours(), BOTH[1])]);
}

/// A7
#[test]
fn a_stranger_that_turns_out_to_be_a_speaker_is_gone_and_then_a_rival() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.input(Input::Yielding([address].into()));
        bench.hear(claim_of(stranger(), address));
        bench.events.clear();
        bench.input(Input::Cluster([stranger()].into()));
        assert_eq!(bench.take_events(), [Event::StrangerGone { address }]);
        assert_eq!(bench.take(), [claim_of(ours(), address)]);
        bench.run_for(SECOND);
        bench.hear(claim_of(stranger(), address));
        assert_eq!(
            bench.take_events(),
            [Event::Rival {
                address,
                mac: stranger()
            }]
        );
    }
}

#[test]
fn a_released_address_has_no_stranger() {
    for address in BOTH {
        let mut bench = Bench::new(Settings::default());
        bench.input(Input::Hold(address));
        bench.hear(claim_of(stranger(), address));
        bench.input(Input::Release(address));
        assert_eq!(bench.responder.poll_timeout(), None);
    }
}

/// N6: the question must not move anybody's entry to the stranger.
#[test]
fn an_interface_with_addresses_asks_for_a_stranger_from_one_of_them() {
    let mut bench = Bench::holding_both();
    let own: IpAddr = "2001:db8::1".parse().unwrap();
    bench.input(Input::Interface {
        mac: ours(),
        addresses: [own].into(),
    });
    bench.hear(claim_of(stranger(), BOTH[1]));
    bench.run_for(SECOND * 10);
    let asked = bench.take().into_iter().find(is_question);
    let expected = Solicitation::question(ours(), "2001:db8::1".parse().unwrap(), HELD6, None);
    assert_eq!(asked, Some(Sent::Question(expected)));
}

/// A7: a speaker that begins must not fight the one that hands over to it.
#[test]
fn before_the_cluster_is_known_nobody_is_a_stranger() {
    for address in BOTH {
        let mut responder = Responder::new(ours(), Settings::default());
        let now = Bench::new(Settings::default()).now;
        responder.handle_input(now, Input::Yielding([address].into()));
        responder.handle_input(now, Input::Hold(address));
        while responder.poll_transmit().is_some() {}
        responder.handle_input(now, Input::Frame(&claim_of(stranger(), address).octets()));
        assert_eq!(responder.poll_transmit(), None);
        let mac = stranger();
        assert_eq!(responder.poll_event(), Some(Event::Rival { address, mac }));
    }
}
