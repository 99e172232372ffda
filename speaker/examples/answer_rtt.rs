//! How long an answer takes: the speaker's beside the kernel's own, asked the same way over the same wire.
//!
//! `cargo run --release -p speaker --example arp_rtt`, as root.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use l2::filter::{LONGEST, program};
use l2::wire::{ArpFrame, BROADCAST, ETHERTYPE, Operation};
use l2::{Mac, Rate, Settings};
use speaker::announcer::{Announcer, Holdings, Interfaces, Report};
use speaker::links::{ExcludeList, Watcher};
use speaker::packet::PacketSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/kernel/namespace.rs"]
mod namespace;
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/kernel/segment.rs"]
mod segment;

use segment::Segment;

const KERNEL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const HELD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const ROUNDS: usize = 20_000;

fn main() {
    let segment = Segment::new();
    let (holdings, desired) = watch::channel(Arc::new(Holdings::from([(HELD.into(), Interfaces::All)])));
    let (announced, is_announced) = channel();
    let speaker = segment.node.spawn(move || {
        runtime().block_on(async {
            let (watcher, links) = Watcher::open().await.unwrap();
            let (reports, mut told) = mpsc::unbounded_channel();
            let no_limit = Rate {
                every: Duration::ZERO,
                burst: 1,
            };
            let settings = Settings {
                per_source: no_limit,
                total: no_limit,
                ..Settings::default()
            };
            let announcer = Announcer::new(desired, links, ExcludeList::default(), reports);
            tokio::spawn(watcher.run());
            tokio::spawn(announcer.with_settings(settings).run());
            while let Some(report) = told.recv().await {
                if let Report::Announced { .. } = report {
                    announced.send(()).unwrap();
                }
            }
        });
    });
    is_announced.recv().unwrap();
    let index = segment.client.index("eth0");
    segment.client.ip(&format!("link set eth0 address {}", asker()));
    let ask = segment.client.spawn(move || runtime().block_on(ask_both(index)));
    for (who, times) in ask.join().unwrap() {
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e6;
        let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
        println!("{who:8} p50 {p50:7.1} us   p99 {p99:7.1} us   p99.9 {p999:7.1} us");
    }
    drop(holdings);
    speaker.join().unwrap();
}

fn asker() -> Mac {
    Mac::new([2, 0, 0, 0, 0, 0x77]).unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn ask_both(index: u32) -> [(&'static str, Vec<Duration>); 2] {
    let answers = program(&[(KERNEL, KERNEL), (HELD, HELD)], LONGEST);
    let socket = PacketSocket::open(index, ETHERTYPE, &answers).unwrap();
    [
        ("kernel", ask(&socket, KERNEL).await),
        ("speaker", ask(&socket, HELD).await),
    ]
}

/// The times of all rounds, shortest first.
async fn ask(socket: &PacketSocket, address: Ipv4Addr) -> Vec<Duration> {
    let mac = asker();
    let question = ArpFrame {
        destination: BROADCAST,
        source: mac,
        operation: Operation::Request,
        sender: mac,
        sender_address: CLIENT,
        target: [0; 6],
        target_address: address,
    };
    let question = question.encode();
    let mut buffer = [0; 128];
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let asked = now();
        socket.send(&question).await.unwrap();
        loop {
            let length = socket.receive(&mut buffer).await.unwrap();
            let frame = ArpFrame::decode(&buffer[..length]).unwrap();
            if frame.operation == Operation::Reply && frame.sender_address == address {
                break;
            }
        }
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    times
}

#[allow(clippy::disallowed_methods, reason = "measures real time")]
fn now() -> Instant {
    Instant::now()
}
