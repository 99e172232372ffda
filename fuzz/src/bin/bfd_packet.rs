//! A neighbour that says anything at all, and an operator who does, too, against a session: no panic, no flood, nothing sent that
//! is no packet, and no timeout without progress. What a packet says it says again when it is encoded.
#![no_main]

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bfd::{Input, Packet, Session, Settings, Timers};

const OURS: u32 = 7;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    if let Ok(packet) = Packet::decode(octets) {
        assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
    }
    let mut now = Instant::now();
    let settings = Settings {
        local_discriminator: NonZeroU32::new(OURS).expect("not zero"),
        timers: Timers::default(),
        passive: octets.first().is_some_and(|first| first % 2 == 1),
        seed: 1,
    };
    let mut session = Session::new(now, settings);
    for (kind, content) in fuzz::steps(octets) {
        let argument = u32::from(kind >> 4);
        let packet;
        let input = match kind & 0xf {
            0..=9 => {
                packet = plausible(content, kind & 1 == 0);
                Input::Packet(&packet)
            }
            10 => Input::Packet(content),
            11 => Input::Timers(Timers {
                transmit_interval: Duration::from_millis(10) * argument,
                receive_interval: Duration::from_millis(10) * (15 - argument),
                detect_multiplier: argument as u8,
            }),
            12 => Input::Disable,
            13 => Input::Enable,
            _ => {
                now += Duration::from_millis(u64::from(argument * argument * 30));
                session.handle_timeout(now);
                drain(&mut session);
                continue;
            }
        };
        session.handle_input(now, input);
        drain(&mut session);
        let mut rounds = 0;
        while session.poll_timeout().is_some_and(|due| due <= now) {
            session.handle_timeout(now);
            drain(&mut session);
            rounds += 1;
            assert!(rounds < 5, "a timeout that makes no progress");
        }
        let _ = session.status();
    }
});

/// What gets past the first checks, whatever the fuzzer made up.
fn plausible(content: &[u8], to_us: bool) -> Vec<u8> {
    let mut packet = vec![0; bfd::LENGTH];
    for (octet, made_up) in packet.iter_mut().zip(content) {
        *octet = *made_up;
    }
    packet[0] = 0x20 | packet[0] & 0x1f;
    packet[1] &= 0xfa;
    packet[2] |= 1;
    packet[3] = bfd::LENGTH as u8;
    packet[7] |= 1;
    if to_us {
        packet[8..12].copy_from_slice(&OURS.to_be_bytes());
    }
    packet
}

fn drain(session: &mut Session) {
    let mut sent = 0;
    while let Some(octets) = session.poll_transmit() {
        let packet = Packet::decode(&octets).expect("a packet");
        assert!(!(packet.poll && packet.is_final), "asks and answers in one");
        sent += 1;
        assert!(sent <= 1, "one input causes a flood");
    }
    while session.poll_event().is_some() {}
}
