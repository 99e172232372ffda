//! The sockets of the segment protocol.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use speaker::layer2::datagram::{Channel, DatagramSocket, Families};

use crate::namespace::Namespace;
use crate::segment::Segment;

const BOTH: Families = Families { v4: true, v6: true };

const KEY: u32 = 0x0a0b_0c0d;

fn channel() -> Channel {
    Channel {
        port: claim::PORT,
        keys: vec![KEY],
    }
}

/// What begins as a datagram under the key does.
fn datagram(key: u32) -> Vec<u8> {
    let mut octets = vec![1];
    octets.extend(key.to_be_bytes());
    octets.resize(64, 0);
    octets
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Sends by both families, again and again, until it is enough.
fn speak(namespace: &Namespace, enough: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let index = namespace.index("eth0");
    let work = async move {
        let socket = DatagramSocket::open("eth0", index, BOTH, channel()).unwrap();
        while !enough.load(Ordering::Relaxed) {
            socket.send(&datagram(KEY));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    namespace.spawn(|| runtime().block_on(work))
}

async fn heard(socket: &DatagramSocket) -> IpAddr {
    let mut buffer = [0; 64];
    let received = socket.receive(&mut buffer);
    let received = tokio::time::timeout(Duration::from_secs(10), received).await;
    received.expect("something is said all the time").unwrap().1
}

#[test]
fn while_ipv6_is_of_no_use_only_ipv4_is_heard_and_both_are_again_after_it() {
    let segment = Segment::new();
    let enough = Arc::new(AtomicBool::new(false));
    let speaking = speak(&segment.client, enough.clone());
    let index = segment.node.index("eth0");
    let listening = async move {
        let mut socket = DatagramSocket::open("eth0", index, BOTH, channel()).unwrap();
        while !heard(&socket).await.is_ipv6() {}
        socket.hear_ipv6(false).unwrap();
        while socket.receive_waiting(&mut [0; 64]).unwrap().is_some() {}
        for _ in 0..20 {
            assert!(heard(&socket).await.is_ipv4());
        }
        socket.hear_ipv6(true).unwrap();
        while !heard(&socket).await.is_ipv6() {}
    };
    let heard = segment.node.spawn(|| runtime().block_on(listening)).join();
    enough.store(true, Ordering::Relaxed);
    speaking.join().unwrap();
    heard.unwrap();
}

#[test]
fn without_ipv4_ipv6_is_heard_whatever_is_said_of_its_use() {
    let segment = Segment::new();
    let enough = Arc::new(AtomicBool::new(false));
    let speaking = speak(&segment.client, enough.clone());
    let index = segment.node.index("eth0");
    let listening = async move {
        let families = Families { v4: false, v6: true };
        let mut socket = DatagramSocket::open("eth0", index, families, channel()).unwrap();
        socket.hear_ipv6(false).unwrap();
        assert!(heard(&socket).await.is_ipv6());
    };
    let heard = segment.node.spawn(|| runtime().block_on(listening)).join();
    enough.store(true, Ordering::Relaxed);
    speaking.join().unwrap();
    heard.unwrap();
}

/// Of what is under another key a few are handed over, so that somebody notices; of what is no datagram of speakers, none.
#[test]
fn the_kernel_keeps_away_what_is_under_no_known_key() {
    const EACH: usize = 2_000;
    let segment = Segment::new();
    let index = segment.node.index("eth0");
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let listening = async move {
        let families = Families { v4: true, v6: false };
        let mut socket = DatagramSocket::open("eth0", index, families, channel()).unwrap();
        ready.send(()).unwrap();
        let mut heard = [0_usize; 3];
        let mut buffer = [0; 1500];
        let mut is_done = is_done;
        loop {
            tokio::select! {
                biased;
                received = socket.receive(&mut buffer) => {
                    let (length, _) = received.unwrap();
                    let kind = match (length, buffer[1]) {
                        (64, 0x0a) => 0,
                        (64, _) => 1,
                        _ => 2,
                    };
                    heard[kind] += 1;
                }
                _ = &mut is_done => break,
            }
        }
        socket.hear_keys(Vec::new()).unwrap();
        heard
    };
    let listener = segment.node.spawn(|| runtime().block_on(listening));
    is_ready.recv().unwrap();
    let client = segment.client.index("eth0");
    let speaking = async move {
        let families = Families { v4: true, v6: false };
        let socket = DatagramSocket::open("eth0", client, families, channel()).unwrap();
        for _ in 0..EACH {
            socket.send(&datagram(KEY));
            socket.send(&datagram(!KEY));
            socket.send(b"short");
            socket.send(&[1; 1450]);
            // Nobody is to lose any for want of room.
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    };
    segment
        .client
        .spawn(|| runtime().block_on(speaking))
        .join()
        .unwrap();
    done.send(()).unwrap();
    let [known, unknown, other] = listener.join().unwrap();
    assert_eq!((known, other), (EACH, 0));
    assert!((1..EACH / 16).contains(&unknown), "{unknown} of {EACH}");
}
