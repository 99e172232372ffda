//! The sockets of the segment protocol.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use speaker::layer2::datagram::{DatagramSocket, Families};

use crate::namespace::Namespace;
use crate::segment::Segment;

const BOTH: Families = Families { v4: true, v6: true };

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
        let socket = DatagramSocket::open("eth0", index, BOTH).unwrap();
        while !enough.load(Ordering::Relaxed) {
            socket.send(b"said");
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
        let mut socket = DatagramSocket::open("eth0", index, BOTH).unwrap();
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
        let mut socket = DatagramSocket::open("eth0", index, families).unwrap();
        socket.hear_ipv6(false).unwrap();
        assert!(heard(&socket).await.is_ipv6());
    };
    let heard = segment.node.spawn(|| runtime().block_on(listening)).join();
    enough.store(true, Ordering::Relaxed);
    speaking.join().unwrap();
    heard.unwrap();
}
