use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use bgp::Learned;
use bgp::wire::NextHop;
use model::PeerName;
use speaker::bgp::accepted::{Accepting, Offer, OfferHandle, Offered};
use speaker::bgp::peering::{Peerings, Sessions};
use speaker::watch::departure::Shutdown;
use tokio::sync::watch;

use crate::namespace::{Namespace, eventually};

/// A node with one interface, and the task that writes accepted routes there.
struct Node {
    namespace: Namespace,
    _router: Namespace,
    offered: Offered,
    leave: watch::Sender<Option<Shutdown>>,
    running: JoinHandle<()>,
    peerings: watch::Sender<Arc<Peerings>>,
}

impl Node {
    /// After `prepare` has been carried out.
    fn start(prepare: &[&str]) -> Self {
        let (namespace, router) = (Namespace::new("node"), Namespace::new("router"));
        namespace.wire("eth0", &router, "eth0");
        namespace.ip("addr add 192.0.2.1/24 dev eth0");
        namespace.ip("addr add 2001:db8::1/64 dev eth0 nodad");
        prepare.iter().for_each(|line| drop(namespace.ip(line)));
        let offered = Offered::default();
        let (leave, leaving) = watch::channel(None);
        let (peerings, described) = watch::channel(Arc::new(Peerings::default()));
        let accepting = Accepting::new(&offered, described, leaving, Sessions::default());
        let running = namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(accepting.run());
        });
        Self {
            namespace,
            _router: router,
            offered,
            leave,
            running,
            peerings,
        }
    }

    /// What `ip route` shows of Herald's, without what it repeats.
    fn routes(&self) -> String {
        let shown = ["-4", "-6"].map(|family| self.namespace.ip(&format!("{family} route show proto 72")));
        let lines = shown.iter().flat_map(|shown| shown.lines());
        let lines = lines.map(|line| {
            line.replace("metric 20", "")
                .replace("pref medium", "")
                .replace("weight 1", "")
        });
        let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        words.collect::<Vec<_>>().join("\n")
    }

    fn has(&self, expected: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (mut last, expected) = (String::new(), words(expected));
        let what = format!("routes {expected}");
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&what, || {
                last = words(&self.routes());
                last == expected
            });
        }));
        assert!(found.is_ok(), "{what}: there are {last}");
    }
}

fn v4(address: &str) -> NextHop {
    NextHop::V4(address.parse().unwrap())
}

fn v6(address: &str) -> NextHop {
    NextHop::V6 {
        global: address.parse().unwrap(),
        link_local: None,
    }
}

fn on_link(address: &str) -> NextHop {
    NextHop::LinkLocal(address.parse().unwrap())
}

/// What the router of this name offers.
fn offers(node: &Node, peer: &str, routes: &[(&str, NextHop)]) -> OfferHandle {
    let handle = node.offered.of(PeerName(peer.into()));
    let learned = |next_hop| Learned {
        next_hop,
        local_pref: None,
        path_length: 1,
        origin: 0,
        internal: false,
    };
    let routes: BTreeMap<_, _> = routes
        .iter()
        .map(|(prefix, next_hop)| (prefix.parse().unwrap(), learned(*next_hop)))
        .collect();
    handle.tell(Some(&Offer {
        interface: Some("eth0".to_owned()),
        routes: Arc::new(routes),
        complete: true,
        ..Offer::default()
    }));
    handle
}

/// P-BGP-51
#[test]
fn routes_of_both_families_lead_over_one_hop_or_several() {
    let node = Node::start(&[]);
    let ours = [
        ("0.0.0.0/0", v4("192.0.2.2")),
        ("198.51.100.0/24", v4("192.0.2.2")),
        ("203.0.113.0/24", on_link("fe80::2")),
        ("2001:db8:100::/48", v6("2001:db8::2")),
        ("::/0", on_link("fe80::2")),
    ];
    let first = offers(&node, "a", &ours);
    let alone = "default via 192.0.2.2 dev eth0
        198.51.100.0/24 via 192.0.2.2 dev eth0
        203.0.113.0/24 via inet6 fe80::2 dev eth0
        2001:db8:100::/48 via 2001:db8::2 dev eth0
        default via fe80::2 dev eth0";
    node.has(alone);
    let theirs = [
        ("198.51.100.0/24", v4("192.0.2.3")),
        ("203.0.113.0/24", v4("192.0.2.3")),
        ("2001:db8:100::/48", on_link("fe80::3")),
    ];
    let second = offers(&node, "b", &theirs);
    node.has(
        "default via 192.0.2.2 dev eth0
        198.51.100.0/24
            nexthop via 192.0.2.2 dev eth0
            nexthop via 192.0.2.3 dev eth0
        203.0.113.0/24
            nexthop via 192.0.2.3 dev eth0
            nexthop via inet6 fe80::2 dev eth0
        2001:db8:100::/48
            nexthop via 2001:db8::2 dev eth0
            nexthop via fe80::3 dev eth0
        default via fe80::2 dev eth0",
    );
    drop(second);
    node.has(alone);
    drop(first);
    node.has("");
}

/// The kernel's own route to an IPv6 link has metric 256, and would lose.
#[test]
fn a_subnet_that_the_router_shares_with_the_node_stays_on_the_link() {
    let node = Node::start(&[]);
    let ways = [
        ("2001:db8::/64", v6("2001:db8::2")),
        ("192.0.2.0/24", v4("192.0.2.2")),
        ("2001:db8:100::/48", v6("2001:db8::2")),
    ];
    let _router = offers(&node, "a", &ways);
    node.has("2001:db8:100::/48 via 2001:db8::2 dev eth0");
    for neighbour in ["2001:db8::7", "192.0.2.7"] {
        let way = node.namespace.ip(&format!("route get {neighbour}"));
        assert!(way.contains("dev eth0") && !way.contains("via"), "{way}");
    }
}

#[test]
fn what_goes_with_an_interface_is_there_again_with_it() {
    let node = Node::start(&[]);
    let _router = offers(&node, "a", &[("198.51.100.0/24", v4("192.0.2.2"))]);
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0");
    node.namespace.ip("link set eth0 down");
    node.has("");
    node.namespace.ip("link set eth0 up");
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0");
}

#[test]
fn a_route_of_another_program_is_left_alone_and_ours_waits_for_its_end() {
    let others = "198.51.100.0/24 via 192.0.2.9 dev eth0 proto bgp metric 20";
    let node = Node::start(&[&format!("route add {others}")]);
    let ways = [
        ("198.51.100.0/24", v4("192.0.2.2")),
        ("203.0.113.0/24", v4("192.0.2.2")),
    ];
    let router = offers(&node, "a", &ways);
    node.has("203.0.113.0/24 via 192.0.2.2 dev eth0");
    assert!(node.namespace.ip("route show proto bgp").contains("192.0.2.9"));
    node.namespace.ip(&format!("route del {others}"));
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0 203.0.113.0/24 via 192.0.2.2 dev eth0");
    // One that comes in front of ours is not replaced with it.
    node.namespace.ip(&format!("route prepend {others}"));
    drop(router);
    node.has("");
    assert!(node.namespace.ip("route show proto bgp").contains("192.0.2.9"));
}

#[test]
fn a_speaker_that_is_replaced_leaves_its_routes_and_one_that_goes_takes_them_along() {
    let node = Node::start(&[]);
    let ways = [("198.51.100.0/24", v4("192.0.2.2"))];
    let router = offers(&node, "a", &ways);
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0");
    node.leave.send_replace(Some(Shutdown::Restart));
    drop(router);
    ended(node.running);
    let shown = node.namespace.ip("route show proto 72");
    assert!(shown.contains("198.51.100.0/24"), "{shown}");

    let node = Node::start(&[]);
    let router = offers(&node, "a", &ways);
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0");
    node.leave.send_replace(Some(Shutdown::HandOver));
    node.has("198.51.100.0/24 via 192.0.2.2 dev eth0");
    drop(router);
    ended(node.running);
    assert_eq!(node.namespace.ip("route show proto 72"), "");
}

#[test]
fn what_the_last_speaker_left_goes_once_everything_is_known() {
    let node = Node::start(&["route add 198.51.100.0/24 via 192.0.2.2 proto 72 metric 20"]);
    let known = Peerings {
        complete: true,
        ..Peerings::default()
    };
    assert!(node.routes().contains("198.51.100.0/24"));
    node.peerings.send_replace(Arc::new(known));
    node.has("");
}

/// The task has ended in time.
fn ended(running: JoinHandle<()>) {
    let (sender, end) = channel();
    std::thread::spawn(move || sender.send(running.join().is_ok()));
    assert_eq!(end.recv_timeout(crate::namespace::PATIENCE), Ok(true));
}
