//! What routes point to, as a router on the other end of a wire is told, while addresses come and go.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bgp::wire::{self, Capability, FamilyCode, Form, Framer, Message, NextHop, Open};
use bgp::{Attributes, Export, ExportGuard, ImportPolicy, LiveSettings, OpenSettings, PeerAsn};
use config::{Dial, Live, PeerSession, Remote};
use model::{Family, NodeName, PeerName};
use speaker::bgp::bfd::{Bfd, Scheduling};
use speaker::bgp::peering::{Peering, Peerings, Peers};
use speaker::kernel::links::Watcher;
use tokio::sync::watch;

use crate::namespace::{Namespace, PATIENCE, eventually};

/// A route of IPv6 as the router has it: where it leads, or that it was withdrawn.
type News = (String, Option<NextHop>);

/// A node with a session over IPv4 that carries both families, and the router that it is with.
struct Bench {
    node: Namespace,
    router: Namespace,
    news: Receiver<News>,
    _desired: watch::Sender<Arc<Peerings>>,
}

impl Bench {
    /// After `prepare` has been carried out on the node.
    fn start(prepare: &[&str]) -> Self {
        let (node, router) = (Namespace::new("node"), Namespace::new("router"));
        node.wire("eth0", &router, "eth0");
        router.ip("addr add 192.0.2.1/24 dev eth0");
        node.ip("addr add 192.0.2.11/24 dev eth0");
        prepare.iter().for_each(|line| drop(node.ip(line)));
        let (told, news) = channel();
        let listener = router.spawn(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 179)).unwrap());
        let listener = listener.join().unwrap();
        std::thread::spawn(move || listen(&listener, &told));
        let (desired, wanted) = watch::channel(Arc::new(peerings()));
        node.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (watcher, links) = Watcher::open().await.unwrap();
                tokio::spawn(watcher.run());
                let bfd = Bfd::start(Scheduling::Ordinary).unwrap();
                let (_leave, leaving) = watch::channel(None);
                let (_able, able) = watch::channel(true);
                Peers::new(NodeName("n1".into()), wanted, leaving, able, bfd, links)
                    .run()
                    .await;
            });
        });
        Self {
            node,
            router,
            news,
            _desired: desired,
        }
    }

    /// The next that the router hears of the IPv6 route.
    fn hears(&self) -> News {
        self.news.recv_timeout(PATIENCE).expect("news in time")
    }

    fn hears_of(&self, next_hop: &str) {
        let global: Ipv6Addr = next_hop.parse().unwrap();
        let (_, hop) = self.hears();
        assert!(
            matches!(hop, Some(NextHop::V6 { global: told, .. }) if told == global),
            "{hop:?} instead of {next_hop}"
        );
    }
}

/// A router that takes everything, and tells what it hears of IPv6.
fn listen(listener: &TcpListener, told: &Sender<News>) {
    for stream in listener.incoming() {
        // A connection that breaks is made again.
        let _ = serve(stream.unwrap(), told);
    }
}

fn serve(mut stream: TcpStream, told: &Sender<News>) -> std::io::Result<()> {
    let open = Open {
        my_as: 64513,
        hold_time: 90,
        identifier: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: vec![
            Capability::MultiProtocol(FamilyCode::from(Family::V4)),
            Capability::MultiProtocol(FamilyCode::from(Family::V6)),
            Capability::FourOctetAs(64513),
        ],
    };
    stream.write_all(&[wire::open(&open), wire::keepalive()].concat())?;
    let form = Form {
        four_octet_as: true,
        internal: false,
        extended_message: false,
        families: [Family::V4, Family::V6].into(),
        v4_next_hop_v6: false,
    };
    let (mut framer, mut pending) = (Framer::new(), Vec::new());
    loop {
        let mut octets = pending.as_slice();
        while let Some(frame) = framer.next(&mut octets).unwrap() {
            if let Message::Update(update) = wire::decode(frame, &form).unwrap() {
                let announced = update.routes().map(|(prefix, hop)| (prefix.to_string(), hop));
                let withdrawn = update.withdrawn().map(|prefix| (prefix.to_string(), None));
                for news in announced
                    .chain(withdrawn)
                    .filter(|(prefix, _)| prefix.contains("::"))
                {
                    told.send(news).map_err(std::io::Error::other)?;
                }
            }
        }
        pending = octets.to_vec();
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => pending.extend_from_slice(&buffer[..read]),
        }
    }
}

fn peerings() -> Peerings {
    let peer = PeerSession {
        name: PeerName("tor".into()),
        open: OpenSettings {
            local_asn: 64512,
            peer_asn: PeerAsn::Exactly(64513),
            identifier: Ipv4Addr::new(10, 0, 0, 2),
            hold_time: Duration::from_secs(90),
            families: [Family::V4, Family::V6].into(),
            restart_time: None,
        },
        dial: Dial {
            remote: Remote::Address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
            port: 179,
            source: None,
            vrf: None,
            multihop: false,
            ttl_security: false,
        },
        live: Live {
            settings: LiveSettings {
                keepalive_time: None,
                connect_time: None,
                graceful_shutdown: Duration::ZERO,
            },
            bfd: None,
            imports: ImportPolicy::default(),
            password: None,
        },
    };
    let service = "2001:db8:100::1/128".parse().unwrap();
    let peering = Peering {
        peer: Arc::new(peer),
        password: None,
        table: Arc::new(BTreeMap::from([(service, Arc::new(Attributes::default()))])),
    };
    let range = "2001:db8:100::/64".parse().unwrap();
    Peerings {
        peers: [(PeerName("tor".into()), peering)].into(),
        guard: Arc::new(ExportGuard::new([Export { range, shortest: 128 }])),
        complete: true,
        ..Peerings::default()
    }
}

/// The newest address is the first that the kernel lists.
#[test]
fn routes_do_not_point_to_an_address_that_wanders_or_is_about_to_go() {
    let bench = Bench::start(&[
        "addr add 2001:db8::11/64 dev eth0 nodad",
        "addr add 2001:db8::100/128 dev eth0 nodad",
        "addr add 2001:db8::abcd/64 dev eth0 preferred_lft 0 nodad",
    ]);
    bench.hears_of("2001:db8::11");
    // What comes later, and goes again, changes nothing.
    bench.node.ip("addr add 2001:db8::200/128 dev eth0 nodad");
    bench.node.ip("addr del 2001:db8::100/128 dev eth0");
    bench.node.ip("addr add 2001:db8::12/64 dev eth0 nodad");
    bench.node.ip("addr del 2001:db8::11/64 dev eth0");
    bench.hears_of("2001:db8::12");
}

#[test]
fn routes_follow_the_address_under_the_session_and_wait_while_there_is_none() {
    let bench = Bench::start(&[]);
    eventually("the session is up", || {
        let shown = bench.router.output("ss", "-tnH state established sport = :179");
        String::from_utf8(shown.stdout).unwrap().contains(":179")
    });
    // Long after the session: what a router advertisement or DHCP brings at boot.
    bench.node.ip("addr add 2001:db8:1::11/64 dev eth0 nodad");
    bench.hears_of("2001:db8:1::11");
    bench.node.ip("addr add 2001:db8:2::11/64 dev eth0 nodad");
    bench
        .node
        .ip("addr change 2001:db8:1::11/64 dev eth0 preferred_lft 0");
    bench.hears_of("2001:db8:2::11");
    bench.node.ip("addr del 2001:db8:1::11/64 dev eth0");
    bench.node.ip("addr del 2001:db8:2::11/64 dev eth0");
    assert_eq!(bench.hears().1, None, "withdrawn, and not left to lead nowhere");
}
