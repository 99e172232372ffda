//! Frames and commands, in any order, against the machine that answers: no panic, no more than a few frames for one that
//! comes in, and not a word about what is not held.
#![no_main]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use l2::wire::arp::ArpFrame;
use l2::wire::ndp::NdpFrame;
use l2::{Input, Mac, Responder, Settings};

/// The most frames that one input may cause.
const MOST: usize = 64;

fn addresses() -> [IpAddr; 4] {
    ["192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1"].map(|address| address.parse().expect("an address"))
}

fn mac(last: u8) -> Mac {
    Mac::new([2, 0, 0, 0, 0, last]).expect("a station")
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let mut now = Instant::now();
    let mut responder = Responder::new(mac(1), Settings::default());
    let mut spoken_for: BTreeSet<IpAddr> = BTreeSet::new();
    for (kind, content) in fuzz::steps(octets) {
        let address = addresses()[usize::from(kind >> 4) % 4];
        let checked;
        let input = match kind & 0xf {
            0..=5 => {
                checked = fuzz::with_checksum(content);
                Input::Frame(&checked)
            }
            6 => {
                spoken_for.insert(address);
                Input::Hold(address)
            }
            7 => {
                spoken_for.insert(address);
                Input::Surrogate { address, mac: mac(9) }
            }
            8 => {
                spoken_for.remove(&address);
                Input::Release(address)
            }
            9 => Input::CarrierUp,
            10 => Input::Cluster([mac(kind >> 4)].into()),
            11 => Input::Yielding([address].into()),
            12 => Input::Probe { address, mac: None },
            13 => {
                spoken_for.insert(address);
                Input::FirstUse(address)
            }
            14 => Input::Interface {
                mac: mac(kind >> 4 | 1),
                addresses: [address].into(),
            },
            _ => {
                now += Duration::from_millis(u64::from(kind) * 40);
                responder.handle_timeout(now);
                continue;
            }
        };
        responder.handle_input(now, input);
        let _ = responder.poll_interest();
        let mut sent = 0;
        while let Some(transmit) = responder.poll_transmit() {
            sent += 1;
            assert!(sent < MOST, "one input causes a flood");
            let about: IpAddr = match (
                ArpFrame::decode(transmit.frame()),
                NdpFrame::decode(transmit.frame()),
            ) {
                (Ok(frame), _) if frame.sender_address.is_unspecified() || frame.asks() => continue,
                (Ok(frame), _) => frame.sender_address.into(),
                (_, Ok(NdpFrame::Advertisement(frame))) => frame.target.into(),
                (_, Ok(NdpFrame::Solicitation(_))) => continue,
                (Err(_), Err(_)) => panic!("what is sent cannot be read"),
            };
            assert!(
                spoken_for.contains(&about),
                "a word about {about}, which is not held"
            );
        }
        while responder.poll_event().is_some() {}
        while let Some(due) = responder.poll_timeout().filter(|due| *due <= now) {
            responder.handle_timeout(now);
            assert_ne!(
                responder.poll_timeout(),
                Some(due),
                "a timeout that makes no progress"
            );
        }
    }
});
