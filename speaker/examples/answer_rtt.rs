//! How long an answer takes, of ARP and of Neighbor Discovery: the speaker's beside the kernel's own, asked the same way
//! over the same wire.
//!
//! `cargo run --release -p speaker --example answer_rtt`, as root.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use l2::filter::{LONGEST, SNAP};
use l2::wire::Protocol;
use l2::wire::arp::{ArpFrame, Operation};
use l2::wire::ndp::{NdpFrame, Solicitation};
use l2::{Interest, Mac, Rate, Settings};
use speaker::decide::wanted::Wanted;
use speaker::kernel::links::{ExcludeList, Watcher};
use speaker::kernel::packet::PacketSocket;
use speaker::layer2::announcer::{Announcer, Interfaces, Report};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/kernel/namespace.rs"]
mod namespace;
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/kernel/segment.rs"]
mod segment;

use segment::Segment;

const KERNEL: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
const HELD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
];
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const ROUNDS: usize = 20_000;

fn main() {
    let segment = Segment::new();
    let me = model::NodeName("n1".into());
    let (holdings, desired) = watch::channel(Arc::new(Wanted::only(
        &me,
        HELD.map(|held| (held, Interfaces::All)),
    )));
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
            let announcer = Announcer::new(me, desired, links, ExcludeList::default(), reports);
            tokio::spawn(watcher.run());
            tokio::spawn(announcer.with_settings(settings).run());
            while let Some(report) = told.recv().await {
                if let Report::Announced { .. } = report {
                    announced.send(()).unwrap();
                }
            }
        });
    });
    for _ in HELD {
        is_announced.recv().unwrap();
    }
    let index = segment.client.index("eth0");
    segment.client.ip(&format!("link set eth0 address {}", asker()));
    let ask = segment.client.spawn(move || runtime().block_on(ask_all(index)));
    for (who, times) in ask.join().unwrap() {
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e6;
        let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
        println!("{who:12} p50 {p50:7.1} us   p99 {p99:7.1} us   p99.9 {p999:7.1} us");
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

async fn ask_all(index: u32) -> Vec<(&'static str, Vec<Duration>)> {
    let mut all = Vec::new();
    for (who, addresses) in [
        (["kernel ARP", "kernel NDP"], KERNEL),
        (["speaker ARP", "speaker NDP"], HELD),
    ] {
        for (who, address) in who.into_iter().zip(addresses) {
            all.push((who, ask(index, address).await));
        }
    }
    all
}

/// The times of all rounds, shortest first.
async fn ask(index: u32, address: IpAddr) -> Vec<Duration> {
    let answers = Interest {
        held: [address].into(),
        ..Interest::default()
    };
    let protocol = Protocol::of(address);
    let filter = answers.filter(protocol, LONGEST);
    let socket = PacketSocket::open(index, protocol.ethertype(), &filter).unwrap();
    let question = match address {
        IpAddr::V4(address) => ArpFrame::question(asker(), CLIENT, address, None).encode(),
        IpAddr::V6(address) => Solicitation::question(asker(), CLIENT6, address, None).encode(),
    };
    let mut buffer = [0; SNAP];
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let asked = now();
        socket.send(&question).await.unwrap();
        loop {
            let length = socket.receive(&mut buffer).await.unwrap();
            if is_answer(protocol, &buffer[..length]) {
                break;
            }
        }
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    times
}

/// Whether this answers a question; whom it is about, the filter has seen to.
fn is_answer(protocol: Protocol, frame: &[u8]) -> bool {
    match protocol {
        Protocol::Arp => ArpFrame::decode(frame).unwrap().operation == Operation::Reply,
        Protocol::Ndp => match NdpFrame::decode(frame).unwrap() {
            NdpFrame::Advertisement(frame) => frame.solicited,
            NdpFrame::Solicitation(_) => false,
        },
    }
}

#[allow(clippy::disallowed_methods, reason = "measures real time")]
fn now() -> Instant {
    Instant::now()
}
