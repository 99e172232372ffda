//! What comes from the network and must not count.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use bfd::{Diagnostic, Packet};
use socket2::{Domain, Protocol, Socket, Type};
use speaker::bgp::bfd::{State, Trouble};

use crate::namespace::Namespace;
use crate::node::{MS, Node, every, far, to};
use crate::segment::Segment;

/// The first packet of a neighbour.
fn greeting() -> Packet {
    Packet {
        diagnostic: Diagnostic::NONE,
        state: bfd::State::Down,
        poll: false,
        is_final: false,
        control_plane_independent: false,
        demand: false,
        detect_multiplier: NonZeroU8::new(3).unwrap(),
        my_discriminator: NonZeroU32::new(99).unwrap(),
        your_discriminator: None,
        desired_min_tx: Duration::from_secs(1),
        required_min_rx: 50 * MS,
        required_min_echo_rx: Duration::ZERO,
    }
}

/// A neighbour at 192.0.2.2 that says it with such a TTL, from such an address, to that port.
fn say(namespace: &Namespace, ttl: u32, from: &str, port: u16, octets: Vec<u8>) {
    let from: SocketAddr = (from.parse::<IpAddr>().unwrap(), 0).into();
    let say = move || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.bind(&from.into()).unwrap();
        socket.set_ttl_v4(ttl).unwrap();
        let to = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), port));
        socket.send_to(&octets, &to.into()).unwrap();
    };
    namespace.spawn(say).join().unwrap();
}

/// D10
#[test]
fn nothing_that_a_router_may_have_forwarded_counts_on_a_link() {
    let segment = Segment::new();
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("192.0.2.2"), every(50));
    watch.eventually("it listens", |status| status.packets_sent > 0);
    for ttl in [254, 64, 1] {
        say(
            &segment.nodes[1],
            ttl,
            "192.0.2.2",
            3784,
            greeting().encode().into(),
        );
    }
    say(
        &segment.nodes[1],
        255,
        "192.0.2.2",
        3784,
        greeting().encode().into(),
    );
    watch.eventually("the last of them arrives", |status| status.packets_received > 0);
    assert_eq!(
        (watch.status().packets_received, watch.status().session),
        (1, bfd::State::Init)
    );
}

/// What a pod can send on a node that lets it (`rp_filter` 0, as Cilium and Calico set it): the router's address, and a TTL that no
/// router has lowered.
#[test]
fn a_pod_that_speaks_for_the_router_does_not_end_the_session() {
    let segment = Segment::new();
    let (router, pod) = (&segment.nodes[1], Namespace::new("pod"));
    let here = &segment.nodes[0];
    here.wire("veth0", &pod, "eth0");
    for name in ["all", "default", "eth0", "veth0"] {
        let done = here.output("sysctl", &format!("-qw net.ipv4.conf.{name}.rp_filter=0"));
        assert!(done.status.success(), "{done:?}");
    }
    pod.ip("addr add 192.0.2.2/32 dev eth0");
    pod.ip("route add 192.0.2.1/32 dev eth0");
    let neighbour = format!(
        "neigh add 192.0.2.1 lladdr {} dev eth0",
        here.hardware_address("veth0")
    );
    pod.ip(&neighbour);
    let node = Node::start(here);
    let watch = node.watch(to("192.0.2.2"), every(50));
    let there = Node::start(router);
    let _router = there.watch(to("192.0.2.1"), every(50));
    watch.becomes(State::Up);
    let heard = UdpHeard::on(here);
    for _ in 0..10 {
        say(&pod, 255, "192.0.2.2", 3784, greeting().encode().into());
        say(&pod, 255, "192.0.2.2", HEARD, vec![0]);
    }
    heard.waits_for(10);
    let sent = watch.status().packets_sent;
    watch.eventually("it goes on", |status| status.packets_sent > sent + 20);
    assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
    watch.set_link(here.index("veth0"));
    watch.becomes(State::Down);
}

/// A port that says whether what the pod sends gets to processes of the node at all.
const HEARD: u16 = 3999;

struct UdpHeard(std::net::UdpSocket);

impl UdpHeard {
    fn on(namespace: &Namespace) -> Self {
        let bind = || std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, HEARD)).unwrap();
        let socket = namespace.spawn(bind).join().unwrap();
        socket.set_read_timeout(Some(crate::namespace::PATIENCE)).unwrap();
        Self(socket)
    }

    fn waits_for(&self, count: usize) {
        for _ in 0..count {
            self.0.recv(&mut [0]).unwrap();
        }
    }
}

/// D12, P-BGP-46
#[test]
fn over_several_hops_the_least_ttl_decides() {
    let segment = Segment::new();
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(far("192.0.2.1", "192.0.2.2", 200), every(50));
    watch.eventually("it listens", |status| status.packets_sent > 0);
    for ttl in [199, 1, 255] {
        say(
            &segment.nodes[1],
            ttl,
            "192.0.2.2",
            3784,
            greeting().encode().into(),
        );
    }
    for ttl in [199, 1, 200] {
        say(
            &segment.nodes[1],
            ttl,
            "192.0.2.2",
            4784,
            greeting().encode().into(),
        );
    }
    watch.eventually("the last of them arrives", |status| status.packets_received > 0);
    assert_eq!(watch.status().packets_received, 1);
}

/// D1, D11
#[test]
fn strangers_and_nonsense_do_not_disturb_a_session() {
    let segment = Segment::new();
    segment.nodes[1].ip("addr add 192.0.2.3/24 dev eth0");
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(to("192.0.2.2"), every(50));
    let _other = nodes[1].watch(to("192.0.2.1"), every(50));
    watch.becomes(State::Up);
    let whole = greeting().encode();
    say(&segment.nodes[1], 255, "192.0.2.3", 3784, whole.into());
    for length in 0..whole.len() {
        say(&segment.nodes[1], 255, "192.0.2.2", 3784, whole[..length].into());
    }
    say(&segment.nodes[1], 255, "192.0.2.2", 3784, vec![0xff; 1400]);
    let sent = watch.status().packets_sent;
    watch.eventually("it goes on", |status| status.packets_sent > sent + 20);
    assert_eq!((watch.status().ups, watch.status().downs), (1, 0));
}

/// Another process that speaks BFD on the node gets its packets, and we say why there are none for us.
#[test]
fn a_port_that_another_process_has_is_told_and_taken_when_it_is_free() {
    let segment = Segment::new();
    let other = segment.nodes[0].spawn(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_reuse_address(true).unwrap();
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 3784));
        socket.bind(&any.into()).unwrap();
        socket
    });
    let other = other.join().unwrap();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(to("192.0.2.2"), every(50));
    let _far = nodes[1].watch(to("192.0.2.1"), every(50));
    watch.eventually("told", |status| {
        matches!(&status.trouble, Some(Trouble::Listen { port: 3784, .. }))
    });
    assert_eq!(watch.status().state, State::Never);
    drop(other);
    watch.becomes(State::Up);
    assert_eq!(watch.status().trouble, None);
}
