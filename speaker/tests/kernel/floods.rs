//! A host on the segment that sends as much as it can.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;

use crate::agreeing::{Fabric, VIPS, keys};
use crate::client::{Client, now};

const QUESTIONS: usize = 100;

/// What looks like a datagram of a speaker that nobody has heard of, under the right key as far as can be seen without trying.
fn datagram(boot: u64) -> Vec<u8> {
    let name = b"stranger";
    let mut octets = vec![1];
    octets.extend(keys().seal.id().to_be_bytes());
    octets.extend(boot.to_be_bytes());
    octets.extend(1_u64.to_be_bytes());
    octets.push(u8::try_from(name.len()).unwrap());
    octets.extend(name);
    octets.extend([7; 64]);
    octets
}

/// Sends to all speakers until it is enough; how many a second.
fn flood(enough: &AtomicBool) -> f64 {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_multicast_ttl_v4(255).unwrap();
    SockRef::from(&socket).bind_device(Some(b"eth0")).unwrap();
    let (began, mut sent) = (now(), 0_u64);
    while !enough.load(Ordering::Relaxed) {
        for _ in 0..64 {
            // What the interface does not take at once is lost.
            let _ = socket.send_to(&datagram(sent), (claim::GROUP_V4, claim::PORT));
            sent += 1;
        }
    }
    sent as f64 / began.elapsed().as_secs_f64()
}

/// S10: nothing moves, and questions are answered.
#[test]
fn a_flood_of_datagrams_moves_nothing_and_answers_come() {
    let fabric = Fabric::new(2);
    let holder = fabric.holder(VIPS[0]);
    let hardware = fabric.hosts[holder].namespace.hardware_address("eth0");
    let client = Client::on(&fabric.client, "eth0");
    let enough = Arc::new(AtomicBool::new(false));
    let until = enough.clone();
    let flooding = fabric.client.spawn(move || flood(&until));
    let mut took = Vec::new();
    for _ in 0..QUESTIONS {
        let asked = now();
        client.say(&client.question(VIPS[0]).encode());
        if let Some(reply) = client.reply_within(Duration::from_secs(1), VIPS[0]) {
            took.push(asked.elapsed());
            assert_eq!(reply.sender.to_string(), hardware, "it moved");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    enough.store(true, Ordering::Relaxed);
    let rate = flooding.join().unwrap();
    took.sort_unstable();
    #[allow(clippy::print_stdout, reason = "a measurement for who reads the log")]
    {
        println!(
            "{rate:.0} datagrams a second: {} of {QUESTIONS} questions answered, p50 {:?}, longest {:?}",
            took.len(),
            took[took.len() / 2],
            took[took.len() - 1]
        );
    }
    assert!(took.len() * 10 >= QUESTIONS * 9, "{} answers", took.len());
    assert_eq!(fabric.holder(VIPS[0]), holder);
}
