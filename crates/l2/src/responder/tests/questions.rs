//! Asking on behalf of the driver.

use super::*;

const PEER: IpAddr = IpAddr::V4(OTHER);
const PEER6: IpAddr = IpAddr::V6(OTHER6);
const SECOND: Duration = Duration::from_secs(1);

fn probe(address: IpAddr, mac: Option<Mac>) -> Input<'static> {
    Input::Probe { address, mac }
}

/// `theirs` has answered.
fn answered(address: IpAddr) -> Event {
    Event::Answered {
        address,
        mac: theirs(),
    }
}

/// What `theirs` answers to a question of ours.
fn answer_to_us(address: IpAddr) -> Sent {
    match address {
        IpAddr::V4(address) => Sent::Arp(ArpFrame {
            destination: ours().octets(),
            operation: Operation::Reply,
            ..ArpFrame::announcement(theirs(), address)
        }),
        IpAddr::V6(address) => Sent::Answer(Advertisement {
            destination: ours().octets(),
            solicited: true,
            to: ASKER6,
            ..Advertisement::announcement(theirs(), address)
        }),
    }
}

#[test]
fn an_answer_is_told_once_for_each_question() {
    for address in [PEER, PEER6] {
        let mut bench = Bench::new(Settings::default());
        for _ in 0..2 {
            bench.input(probe(address, None));
            bench.hear(answer_to_us(address));
            bench.hear(answer_to_us(address));
            assert_eq!(bench.take_events(), [answered(address)]);
        }
        assert_eq!(bench.responder.counters().answers, 2);
        assert_eq!(bench.responder.counters().questions, 2);
    }
}

#[test]
fn what_nobody_asked_or_what_comes_late_is_no_answer() {
    for address in [PEER, PEER6] {
        let mut bench = Bench::new(Settings::default());
        bench.hear(answer_to_us(address));
        bench.input(probe(address, None));
        bench.run_for(SECOND + Duration::from_millis(1));
        bench.hear(answer_to_us(address));
        assert_eq!(bench.take_events(), []);
        assert_eq!(bench.responder.counters().ignored.unasked, 2);
    }
}

#[test]
fn when_one_station_is_asked_only_its_own_answer_counts() {
    for address in [PEER, PEER6] {
        let mut bench = Bench::new(Settings::default());
        bench.input(probe(address, Some(mac(9))));
        bench.hear(answer_to_us(address));
        assert_eq!(bench.take_events(), []);
        bench.input(probe(address, Some(theirs())));
        bench.hear(answer_to_us(address));
        assert_eq!(bench.take_events(), [answered(address)]);
    }
}

#[test]
fn of_several_stations_that_are_asked_at_once_the_answer_of_each_counts() {
    for address in [PEER, PEER6] {
        let mut bench = Bench::new(Settings::default());
        bench.input(probe(address, Some(theirs())));
        bench.input(probe(address, Some(mac(9))));
        bench.hear(answer_to_us(address));
        bench.hear(answer_to_us(address));
        assert_eq!(bench.take_events(), [answered(address)]);
    }
}

/// Of IPv6 it is one where nobody asked: such a question is answered to everybody.
#[test]
fn what_a_station_announces_by_itself_is_no_answer() {
    let mut bench = Bench::new(Settings::default());
    for address in [PEER, PEER6] {
        bench.input(Input::Interface {
            mac: ours(),
            addresses: [ASKER6.into(), ASKER.into()].into(),
        });
        bench.input(probe(address, None));
        bench.hear(claim_of(theirs(), address));
        assert_eq!(bench.take_events(), []);
    }
    bench.input(interface(ours()));
    bench.input(probe(PEER6, None));
    bench.hear(claim_of(theirs(), PEER6));
    assert_eq!(bench.take_events(), [answered(PEER6)]);
}

/// N9
#[test]
fn who_has_no_address_asks_from_none() {
    let mut bench = Bench::new(Settings::default());
    bench.input(probe(PEER, None));
    bench.input(probe(PEER6, Some(theirs())));
    let arp = ArpFrame::question(ours(), Ipv4Addr::UNSPECIFIED, OTHER, None);
    let ndp = Solicitation::question(ours(), Ipv6Addr::UNSPECIFIED, OTHER6, Some(theirs()));
    assert_eq!(bench.take(), [Sent::Arp(arp), Sent::Question(ndp)]);
}

/// N9: with several addresses, the one of the same subnet.
#[test]
fn a_question_is_asked_from_the_address_most_like_the_one_asked_for() {
    let mut bench = Bench::new(Settings::default());
    let own = ["192.0.2.1", "198.51.100.1", "fe80::1", "2001:db8::1"];
    bench.input(Input::Interface {
        mac: ours(),
        addresses: own.iter().map(|address| address.parse().unwrap()).collect(),
    });
    bench.input(probe(PEER, Some(theirs())));
    bench.input(probe(PEER6, None));
    bench.input(probe("fe80::2".parse().unwrap(), None));
    let question = |from: &str, target: Ipv6Addr| {
        Sent::Question(Solicitation::question(
            ours(),
            from.parse().unwrap(),
            target,
            None,
        ))
    };
    assert_eq!(
        bench.take(),
        [
            Sent::Arp(ArpFrame::question(
                ours(),
                Ipv4Addr::new(192, 0, 2, 1),
                OTHER,
                Some(theirs())
            )),
            question("2001:db8::1", OTHER6),
            question("fe80::1", "fe80::2".parse().unwrap()),
        ]
    );
}

/// A13
#[test]
fn answers_are_let_through_for_as_long_as_questions_come_and_a_while_longer() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(bench.responder.poll_interest(), None);
    bench.input(probe(PEER, None));
    let interest = bench.responder.poll_interest().unwrap();
    assert_eq!((interest.asked, interest.held), ([PEER].into(), [].into()));
    for _ in 0..100 {
        bench.run_for(SECOND / 2);
        bench.input(probe(PEER, None));
        assert_eq!(bench.responder.poll_interest(), None, "nothing has changed");
    }
    bench.run_for(SECOND * 10);
    assert_eq!(bench.responder.poll_interest().unwrap().asked, [].into());
    assert_eq!(bench.responder.poll_timeout(), None);
}

/// A13
#[test]
fn the_interest_is_told_once_after_each_change_of_what_is_held() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(HELD.into()));
    bench.input(Input::Hold(HELD6.into()));
    assert_eq!(bench.responder.poll_interest().unwrap().held, BOTH.into());
    bench.input(Input::Hold(HELD6.into()));
    assert_eq!(bench.responder.poll_interest(), None);
    bench.input(Input::Release(HELD.into()));
    assert_eq!(bench.responder.poll_interest().unwrap().held, [BOTH[1]].into());
}

#[test]
fn the_question_for_a_held_address_finds_claimants_too() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.input(probe(address, None));
        bench.hear(answer_to_us(address));
        let rival = Event::Rival {
            address,
            mac: theirs(),
        };
        assert_eq!(bench.take_events(), [rival, answered(address)]);
    }
}

/// A3: such a question would be an announcement.
#[test]
fn nobody_asks_for_an_address_or_from_a_held_one_in_its_own_name() {
    for address in BOTH {
        let mut bench = Bench::holding_both();
        bench.input(Input::Interface {
            mac: ours(),
            addresses: BOTH.into_iter().chain([PEER, PEER6]).collect(),
        });
        bench.input(probe(address, None));
        bench.input(probe(PEER, None));
        for sent in bench.take() {
            let Sent::Arp(frame) = sent else { continue };
            assert!(frame.asks(), "{frame:?}");
            assert_ne!(frame.sender_address, HELD);
        }
    }
}
