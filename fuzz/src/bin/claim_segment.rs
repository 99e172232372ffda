//! A peer that has the key and says anything at all, and anything else that a machine may be told, against the machine: no
//! panic, no flood, no datagram that is too long, and no timeout without progress.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use claim::fuzzing::sealed;
use claim::{
    BootId, Identity, Input, Key, Keys, KnownSpeaker, Segment, Serving, Settings, Shutdown, Snapshot, Takes,
    Transmit, Unit, UnitId,
};
use model::NodeName;

/// The most that one input may cause to be sent.
const MOST: usize = 256;

fn nodes() -> Vec<NodeName> {
    ["a", "b", "c"].map(|name| NodeName(name.to_owned())).into()
}

fn units(count: u8) -> BTreeMap<UnitId, Unit> {
    let unit = |number: u8| {
        let ip: IpAddr = [192, 0, 2, number].into();
        let candidates: BTreeMap<NodeName, u32> = nodes()
            .into_iter()
            .map(|node| (node, u32::from(number % 2)))
            .collect();
        let addresses = [ip].into();
        (
            UnitId(ip),
            Unit {
                addresses,
                candidates: candidates.into(),
                terminating: BTreeSet::from([nodes()[usize::from(number % 3)].clone()]).into(),
                takes: match number % 4 {
                    0 => Takes::None,
                    _ => Takes::All,
                },
                serving: match number % 5 {
                    0 => Serving::NotYet,
                    _ => Serving::Yes,
                },
            },
        )
    };
    (0..count % 8).map(unit).collect()
}

fn speakers(number: u8) -> BTreeMap<NodeName, KnownSpeaker> {
    let known = |last: u8| KnownSpeaker {
        macs: BTreeSet::from([[2, 0, 0, 0, 0, last]]),
        addresses: BTreeSet::from([[192, 0, 2, 100 + last].into()]),
    };
    nodes()
        .into_iter()
        .zip(0..number % 4)
        .map(|(node, last)| (node, known(last)))
        .collect()
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let key = Key::new([7; 32]);
    let mut now = Instant::now();
    let me = Identity {
        node: nodes()[0].clone(),
        boot: BootId(1),
    };
    let keys = Keys {
        seal: key.clone(),
        open: Vec::new(),
    };
    let mut segment = Segment::new(now, me, Settings::default(), keys, Snapshot::default());
    let mut sequence = 1;
    for (kind, content) in fuzz::steps(octets) {
        let datagram;
        let argument = kind >> 4;
        let input = match kind & 0xf {
            0..=6 => {
                sequence += 1;
                let peer = &nodes()[1 + usize::from(argument) % 2];
                datagram = sealed(&key, peer, BootId(u64::from(argument)), sequence, content);
                Input::Datagram {
                    source: [192, 0, 2, 200].into(),
                    octets: &datagram,
                }
            }
            7 => Input::Datagram {
                source: [192, 0, 2, 200].into(),
                octets: content,
            },
            8 => Input::Units(units(argument).into()),
            9 => Input::Possible(
                nodes()
                    .into_iter()
                    .take(1 + usize::from(argument) % 3)
                    .collect::<BTreeSet<_>>(),
            ),
            10 => Input::Rival {
                address: [192, 0, 2, argument].into(),
                mac: [2, 0, 0, 0, 0, argument],
            },
            11 => Input::ProbeAnswered {
                address: [192, 0, 2, argument].into(),
                mac: [2, 0, 0, 0, 0, argument / 2],
            },
            12 => Input::FramesReceived(u64::from(argument)),
            13 if argument > 14 => Input::Shutdown(Shutdown::HandOver),
            13 if argument > 7 => Input::Speakers(speakers(argument)),
            13 => Input::Drain(argument % 2 == 0),
            14 if argument > 11 => Input::Siblings {
                index: 2,
                others: [(BootId(u64::from(argument)), 1)].into(),
            },
            14 if argument > 7 => Input::Fresh(argument % 2 == 0),
            14 => Input::Able(argument % 2 == 0),
            _ => {
                now += Duration::from_millis(u64::from(argument) * 30);
                Input::Carrier(argument != 0)
            }
        };
        segment.handle_input(now, input);
        while let Some(due) = segment.poll_timeout().filter(|due| *due <= now) {
            segment.handle_timeout(now);
            assert_ne!(
                segment.poll_timeout(),
                Some(due),
                "a timeout that makes no progress"
            );
        }
        let mut sent = 0;
        while let Some(transmit) = segment.poll_transmit() {
            sent += 1;
            assert!(sent < MOST, "one input causes a flood");
            if let Transmit::Datagram(octets) = transmit {
                assert!(octets.len() <= claim::MAX_DATAGRAM, "{} octets", octets.len());
            }
        }
        while segment.poll_event().is_some() {}
        assert!(
            segment.answers().count() <= 8 + 8,
            "answers for more than there is"
        );
    }
});
