//! Sessions of a VRF: its routes are others than those of the node.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bgp::wire::{self, Capability, FamilyCode, Form, Framer, Message, NextHop, Open};
use bgp::{Attributes, Export, ExportGuard, ImportPolicy, LiveSettings, OpenSettings, PeerAsn};
use config::{Dial, Live, PeerSession, Remote};
use ipnet::IpNet;
use model::{Family, NodeName, PeerName};
use speaker::bgp::bfd::{Bfd, Scheduling};
use speaker::bgp::peering::{Peering, Peerings, Peers};
use speaker::kernel::links::Watcher;
use tokio::sync::{oneshot, watch};

use crate::namespace::{Namespace, PATIENCE};

const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PORT: u16 = 1790;
const ROUTE: &str = "198.51.100.1/32";

/// A node with an interface in the VRF `red` and one outside of it, each with a router behind it, both of the same addresses.
struct Site {
    node: Namespace,
    inside: Namespace,
    outside: Namespace,
}

impl Site {
    fn new() -> Self {
        let [node, inside, outside] = ["node", "inside", "outside"].map(Namespace::new);
        node.ip("link add red type vrf table 10");
        node.ip("link set red up");
        node.wire("eth0", &inside, "eth0");
        node.wire("eth1", &outside, "eth0");
        node.ip("link set eth0 master red");
        node.ip("addr add 192.0.2.1/24 dev eth0");
        node.ip("addr add 192.0.2.3/24 dev eth1");
        for router in [&inside, &outside] {
            router.ip(&format!("addr add {ROUTER}/24 dev eth0"));
        }
        Self {
            node,
            inside,
            outside,
        }
    }

    /// A speaker with one session, to the router in `vrf`; it ends when the value is dropped.
    fn speak(&self, vrf: Option<&str>) -> Speaking {
        let vrf = vrf.map(str::to_owned);
        let (end, ended) = oneshot::channel::<()>();
        let running = self.node.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (watcher, links) = Watcher::open().await.unwrap();
                tokio::spawn(watcher.run());
                let (_desired, peerings) = watch::channel(Arc::new(peerings(vrf)));
                let (_leave, leaving) = watch::channel(None);
                let (_able, able) = watch::channel(true);
                let bfd = Bfd::start(Scheduling::Ordinary).unwrap();
                let peers = Peers::new(NodeName("n1".into()), peerings, leaving, able, bfd, links);
                tokio::select! {
                    () = peers.run() => {}
                    _ = ended => {}
                }
            });
        });
        Speaking {
            _end: end,
            _running: running,
        }
    }
}

struct Speaking {
    _end: oneshot::Sender<()>,
    _running: JoinHandle<()>,
}

fn peerings(vrf: Option<String>) -> Peerings {
    let peer = PeerSession {
        name: PeerName("tor".into()),
        open: OpenSettings {
            local_asn: 64512,
            peer_asn: PeerAsn::Exactly(64513),
            identifier: Ipv4Addr::new(10, 0, 0, 2),
            hold_time: Duration::from_secs(90),
            families: [Family::V4].into(),
            restart_time: None,
        },
        dial: Dial {
            remote: Remote::Address(ROUTER.into()),
            port: PORT,
            source: None,
            vrf,
            multihop: false,
            ttl_security: false,
        },
        live: Live {
            settings: LiveSettings {
                keepalive_time: None,
                connect_time: Some(Duration::from_secs(1)),
                graceful_shutdown: Duration::ZERO,
            },
            bfd: None,
            imports: ImportPolicy::default(),
            password: None,
        },
    };
    let route: IpNet = ROUTE.parse().unwrap();
    let peering = Peering {
        peer: Arc::new(peer),
        password: None,
        table: Arc::new([(route, Arc::new(Attributes::default()))].into_iter().collect()),
    };
    Peerings {
        peers: [(PeerName("tor".into()), peering)].into(),
        guard: Arc::new(ExportGuard::new([Export {
            range: ROUTE.parse().unwrap(),
            shortest: 32,
        }])),
        addresses: Vec::new(),
        drain: false,
        complete: true,
    }
}

/// Where a router is, and what it was told.
type Told = (&'static str, IpNet, Option<NextHop>);

/// A router that takes one session, and says which routes it is told of.
fn listen(namespace: &Namespace, place: &'static str, told: Sender<Told>) {
    let (listening, is_listening) = channel();
    // Ends with the session, or with the test.
    drop(namespace.spawn(move || {
        let listener = TcpListener::bind((ROUTER, PORT)).unwrap();
        listening.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&wire::open(&open())).unwrap();
        stream.write_all(&wire::keepalive()).unwrap();
        hear(&mut stream, |route, next_hop| {
            let _ = told.send((place, route, next_hop));
        });
    }));
    is_listening.recv_timeout(PATIENCE).unwrap();
}

fn open() -> Open {
    Open {
        my_as: 64513,
        hold_time: 90,
        identifier: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: vec![
            Capability::MultiProtocol(FamilyCode::from(Family::V4)),
            Capability::FourOctetAs(64513),
        ],
    }
}

/// What comes, until nothing does any more.
fn hear(stream: &mut TcpStream, mut told: impl FnMut(IpNet, Option<NextHop>)) {
    let form = Form {
        four_octet_as: true,
        internal: false,
        extended_message: false,
        families: [Family::V4].into(),
        v4_next_hop_v6: false,
    };
    let (mut framer, mut pending, mut buffer) = (Framer::new(), Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        pending.extend_from_slice(&buffer[..read]);
        let mut octets = pending.as_slice();
        while let Some(frame) = framer.next(&mut octets).unwrap() {
            if let Message::Update(update) = wire::decode(frame, &form).unwrap() {
                update
                    .routes()
                    .for_each(|(route, next_hop)| told(route, next_hop));
            }
        }
        pending = octets.to_vec();
    }
}

/// A session goes to the router in its VRF, and names as the way the node's address there; without one, to the other router.
#[test]
#[ignore = "needs a kernel with VRFs (CONFIG_NET_VRF): run `make test-vm`"]
fn a_session_is_held_within_its_vrf() {
    let site = Site::new();
    let (told, routes) = channel();
    listen(&site.inside, "inside", told.clone());
    listen(&site.outside, "outside", told);
    let route = ROUTE.parse().unwrap();
    for (vrf, place, last) in [(Some("red"), "inside", 1), (None, "outside", 3)] {
        let _speaking = site.speak(vrf);
        let heard = routes.recv_timeout(PATIENCE).expect("a route");
        assert_eq!(heard, (place, route, Some(NextHop::V4([192, 0, 2, last].into()))));
    }
}
