//! Who is at the other end of an interface.

use std::net::{Ipv6Addr, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};
use speaker::bgp::unnumbered::Neighbours;
use tokio::sync::watch;

use crate::frr::Frr;
use crate::namespace::{Namespace, PATIENCE, eventually};
use crate::segment::Segment;

/// A node that follows who is on its `eth0`.
struct Follower {
    router: watch::Receiver<Option<Ipv6Addr>>,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Follower {
    fn on(namespace: &Namespace) -> Self {
        let (told, is_told) = std::sync::mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel();
        drop(namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let neighbours = Neighbours::follow("eth0");
                told.send(neighbours.router()).unwrap();
                let _ = ended.await;
            });
        }));
        Self {
            router: is_told.recv_timeout(PATIENCE).unwrap(),
            _end: end,
        }
    }

    #[track_caller]
    fn sees(&self, router: Option<&str>) {
        let expected: Option<Ipv6Addr> = router.map(|address| address.parse().unwrap());
        let mut router = self.router.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let seen = runtime.block_on(async {
            let seen = router.wait_for(|router| *router == expected);
            tokio::time::timeout(PATIENCE, seen).await.is_ok()
        });
        assert!(seen, "{:?} instead of {expected:?}", self.router.borrow());
    }
}

/// P-BGP-36
#[test]
fn two_that_look_for_each_other_find_each_other() {
    let segment = Segment::new();
    let [one, two] = segment.nodes.each_ref().map(Follower::on);
    one.sees(Some("fe80::2"));
    two.sees(Some("fe80::1"));
}

/// P-BGP-36
#[test]
fn nobody_is_seen_until_somebody_comes_and_on_an_interface_that_comes_anew() {
    let segment = Segment::new();
    segment.nodes[1].ip("link del eth0");
    let two = Follower::on(&segment.nodes[1]);
    two.sees(None);
    let one = Follower::on(&segment.nodes[0]);
    segment.wire(1);
    two.sees(Some("fe80::1"));
    one.sees(Some("fe80::2"));
    segment.nodes[1].ip("link del eth0");
    two.sees(None);
    segment.wire(1);
    two.sees(Some("fe80::1"));
}

/// The kernel of the other end does not take us for a way out of the link.
#[test]
fn a_host_on_the_link_gets_no_default_route() {
    let segment = Segment::new();
    let [one, two] = &segment.nodes;
    two.output("sysctl", "-qw net.ipv6.conf.eth0.accept_ra=2");
    let [first, second] = [one, two].map(Follower::on);
    first.sees(Some("fe80::2"));
    second.sees(Some("fe80::1"));
    assert_eq!(two.ip("-6 route show default"), "");
}

/// P-BGP-36: as FRR does it for `neighbor eth0 interface`.
#[test]
fn frr_and_we_find_each_other() {
    let segment = Segment::new();
    let advertise = "interface eth0\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 10\nexit\n";
    let frr = Frr::start(&segment.nodes[1], advertise);
    let follower = Follower::on(&segment.nodes[0]);
    follower.sees(Some("fe80::2"));
    eventually("FRR sees us", || {
        frr.vtysh(&["-c", "show interface eth0"])
            .contains("inet6 fe80::1/128")
    });
}

/// A router with this address says that it is there, with such a hop limit.
fn advertise(segment: &Segment, from: &str, hop_limit: u32) {
    let namespace = &segment.nodes[1];
    namespace.ip(&format!("addr add {from}/64 dev eth0 nodad"));
    let index = namespace.index("eth0");
    let from = SocketAddrV6::new(from.parse().unwrap(), 0, 0, index);
    let say = move || {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6)).unwrap();
        socket.set_multicast_hops_v6(hop_limit).unwrap();
        socket.bind(&from.into()).unwrap();
        let all_nodes = SocketAddrV6::new("ff02::1".parse().unwrap(), 0, 0, index);
        let mut octets = [0; 16];
        octets[0] = 134;
        socket.send_to(&octets, &all_nodes.into()).unwrap();
    };
    namespace.spawn(say).join().unwrap();
}

#[test]
fn what_a_router_may_have_forwarded_makes_nobody_a_neighbour() {
    let segment = Segment::new();
    let follower = Follower::on(&segment.nodes[0]);
    // Both kinds until the good one is heard: the follower may not listen yet.
    eventually("the one that is on the link is seen", || {
        advertise_both(&segment);
        follower.router.borrow().is_some()
    });
    follower.sees(Some("fe80::9"));
}

fn advertise_both(segment: &Segment) {
    segment.nodes[1].ip("addr flush dev eth0 scope link");
    advertise(segment, "fe80::8", 254);
    advertise(segment, "fe80::9", 255);
}
