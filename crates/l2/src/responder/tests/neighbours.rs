//! IPv6: what is different from ARP.

use super::*;
use crate::ANNOUNCEMENTS;

fn solicitation() -> Solicitation {
    Solicitation::question(theirs(), ASKER6, HELD6, None)
}

fn bench() -> Bench {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(HELD6.into()));
    bench.run_for(Duration::from_secs(6));
    bench.sent.clear();
    bench
}

/// N7, P-L2-55: at the times of ARP.
#[test]
fn a_new_address_is_announced_to_all_nodes_on_schedule() {
    let mut bench = Bench::new(Settings::default());
    bench.input(Input::Hold(HELD6.into()));
    bench.run_for(Duration::from_secs(30));
    let at: Vec<_> = bench.sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, ANNOUNCEMENTS);
    let announcement = Advertisement::announcement(ours(), HELD6);
    assert!(announcement.overrides && !announcement.solicited);
    assert_eq!(
        bench.take(),
        vec![Sent::Answer(announcement); ANNOUNCEMENTS.len()]
    );
}

/// A12, P-L2-58
#[test]
fn a_held_address_is_refreshed_every_30_to_60_seconds() {
    let mut bench = bench();
    bench.run_for(Duration::from_secs(3600));
    assert!(
        (60..=120).contains(&bench.sent.len()),
        "{} in an hour",
        bench.sent.len()
    );
}

/// N3, P-L2-43, P-L2-52
#[test]
fn a_solicitation_is_answered_to_the_asker_whether_it_went_to_the_group_or_to_us() {
    let mut bench = bench();
    bench.hear(Sent::Question(solicitation()));
    let answer = solicitation().answer(ours());
    assert!(answer.solicited && answer.overrides && !answer.router);
    assert_eq!(answer.link_layer, Some(ours()));
    assert_eq!(bench.take(), [Sent::Answer(answer)]);
    let direct = Solicitation::question(theirs(), ASKER6, HELD6, Some(ours()));
    bench.hear(Sent::Question(direct));
    assert_eq!(bench.take(), [Sent::Answer(answer)]);
}

/// N4
#[test]
fn a_solicitation_that_does_not_say_where_its_sender_is_is_answered_to_the_frames_source() {
    let mut bench = bench();
    let probe = Solicitation {
        link_layer: None,
        ..Solicitation::question(theirs(), ASKER6, HELD6, Some(ours()))
    };
    bench.hear(Sent::Question(probe));
    assert_eq!(bench.take(), [Sent::Answer(solicitation().answer(ours()))]);
}

/// N5: without an answer the other station would take the address.
#[test]
fn who_looks_whether_the_address_is_free_hears_that_it_is_not() {
    let mut bench = bench();
    bench.hear(Sent::Question(Solicitation::question(
        theirs(),
        Ipv6Addr::UNSPECIFIED,
        HELD6,
        None,
    )));
    assert_eq!(
        bench.take(),
        [Sent::Answer(Advertisement::announcement(ours(), HELD6))]
    );
    assert_eq!(bench.events, [], "to ask is no claim");
}

/// N2, P-L2-52, P-L2-53
#[test]
fn what_does_not_concern_us_is_not_answered() {
    let mut bench = bench();
    bench.hear(Sent::Question(Solicitation::question(
        theirs(),
        ASKER6,
        OTHER6,
        None,
    )));
    bench.hear(Sent::Question(Solicitation {
        destination: mac(9).octets(),
        ..solicitation()
    }));
    bench.hear(Sent::Question(Solicitation {
        source: ours(),
        ..solicitation()
    }));
    bench.hear(Sent::Question(Solicitation {
        link_layer: Some(ours()),
        ..solicitation()
    }));
    let mut routed = Sent::Question(solicitation()).octets();
    routed[21] = 64;
    bench.input(Input::Frame(&routed));
    assert_eq!(bench.take(), []);
    let ignored = bench.responder.counters().ignored;
    assert_eq!(
        (
            ignored.not_held,
            ignored.elsewhere,
            ignored.own,
            ignored.malformed
        ),
        (1, 1, 2, 1)
    );
}

/// N9
#[test]
fn an_interface_without_any_address_of_its_own_answers_and_announces() {
    let mut bench = bench();
    bench.input(interface(ours()));
    bench.hear(Sent::Question(solicitation()));
    let [Sent::Answer(answer)] = bench.take()[..] else {
        panic!("not one answer")
    };
    assert_eq!(answer.from, HELD6);
}

/// N10
#[test]
fn a_flood_of_solicitations_is_answered_at_the_rate_of_its_source() {
    let mut bench = Bench::new(Settings {
        per_source: crate::Rate {
            every: Duration::from_millis(10),
            burst: 5,
        },
        ..Settings::default()
    });
    bench.input(Input::Hold(HELD6.into()));
    bench.sent.clear();
    for _ in 0..100 {
        bench.hear(Sent::Question(solicitation()));
    }
    assert_eq!(bench.take().len(), 5);
}

/// N6, A7: with a target link-layer address or without one.
#[test]
fn an_advertisement_of_a_held_address_is_a_claim() {
    for link_layer in [Some(theirs()), None] {
        let mut bench = bench();
        bench.hear(Sent::Answer(Advertisement {
            link_layer,
            ..Advertisement::announcement(theirs(), HELD6)
        }));
        assert_eq!(
            bench.events,
            [Event::Rival {
                address: HELD6.into(),
                mac: theirs()
            }]
        );
        assert_eq!(bench.take(), []);
    }
}

/// A11
#[test]
fn a_new_hardware_address_is_announced_for_both_families() {
    let mut bench = Bench::holding_both();
    bench.input(interface(mac(7)));
    assert_eq!(bench.take(), BOTH.map(|address| claim_of(mac(7), address)));
}

#[test]
fn a_carrier_that_comes_back_has_both_families_announced() {
    let mut bench = Bench::holding_both();
    bench.input(Input::CarrierUp);
    assert_eq!(bench.take(), BOTH.map(|address| claim_of(ours(), address)));
}
