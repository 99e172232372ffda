use std::net::Ipv4Addr;
use std::time::Duration;

use bgp::{Connection, OpenSettings, PeerAsn};
use config::{BfdProfile, Dial, Live};
use model::{Family, PeerName};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::bgp::accepted::Offered;
use crate::bgp::bfd::Scheduling;
use crate::bgp::peering::Sessions;
use crate::kernel::links::Link;

const PATIENCE: Duration = Duration::from_secs(10);

fn peer(remote: Remote) -> PeerSession {
    PeerSession {
        name: PeerName("tor".into()),
        open: OpenSettings {
            local_asn: 64512,
            peer_asn: PeerAsn::External,
            identifier: Ipv4Addr::new(10, 0, 0, 2),
            hold_time: Duration::from_secs(90),
            families: [Family::V4].into(),
            restart_time: None,
        },
        dial: Dial {
            remote,
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
    }
}

fn driver(peer: PeerSession) -> (Driver, watch::Sender<Wish>) {
    driver_among(&Sessions::default(), peer)
}

fn driver_among(sessions: &Sessions, peer: PeerSession) -> (Driver, watch::Sender<Wish>) {
    let peering = Peering {
        peer: Arc::new(peer),
        password: None,
        table: Arc::default(),
    };
    let (wishes, wished) = watch::channel(Wish::new(&peering, &Peerings::default()));
    let handle = sessions.of(peering.peer.name.clone(), &peering);
    let node = NodeName("n1".into());
    let offer = Offered::default().of(peering.peer.name.clone());
    let driver = Driver::new(&node, &peering, false, surroundings(), wished, handle, offer);
    (driver, wishes)
}

fn surroundings() -> Surroundings {
    Surroundings {
        bfd: Bfd::start(Scheduling::Ordinary).unwrap(),
        links: seen(&[("lo", "127.0.0.0/8")]),
    }
}

/// Links, each with a subnet.
fn seen(links: &[(&str, &str)]) -> watch::Receiver<Arc<Links>> {
    let link = |(name, subnet): &(&str, &str)| {
        let subnets = [subnet.parse().unwrap()].into();
        let link = Link {
            subnets,
            ..Link::new(1, name)
        };
        ((*name).to_owned(), link)
    };
    watch::channel(Arc::new(links.iter().map(link).collect())).1
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// An unnumbered session over the loopback interface, where `::1` is the router.
struct Unnumbered {
    listener: TcpListener,
    router: watch::Sender<Option<Ipv6Addr>>,
    sessions: Sessions,
    _wishes: watch::Sender<Wish>,
}

impl Unnumbered {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
        let remote = Remote::Interface("lo".into());
        let sessions = Sessions::default();
        let mut peer = peer(remote);
        peer.dial.port = listener.local_addr().unwrap().port();
        let (mut driver, wishes) = driver_among(&sessions, peer);
        let (router, seen) = watch::channel(None);
        driver._neighbours = None;
        driver.router = Some(seen);
        tokio::spawn(driver.run());
        Self {
            listener,
            router,
            sessions,
            _wishes: wishes,
        }
    }

    /// The next connection on which something is said.
    async fn accepts(&self) -> TcpStream {
        loop {
            let (mut connection, _) = within(self.listener.accept()).await.unwrap();
            let mut octet = [0];
            if within(connection.read_exact(&mut octet)).await.is_ok() {
                return connection;
            }
        }
    }

    async fn is_idle(&self) {
        let mut sessions = self.sessions.follow();
        let is_idle = |view: &crate::bgp::peering::SessionView| view.status.state == bgp::State::Idle;
        within(sessions.wait_for(|all| all.values().all(is_idle)))
            .await
            .unwrap();
    }
}

/// P-BGP-36
#[tokio::test]
async fn a_router_that_appears_is_dialled_at_once() {
    let bench = Unnumbered::start().await;
    // The last wait is longer than this test waits.
    for _ in 0..8 {
        bench.router.send_replace(Some(Ipv6Addr::LOCALHOST));
        drop(bench.accepts().await);
        bench.is_idle().await;
        bench.router.send_replace(None);
    }
}

/// P-BGP-36
#[tokio::test]
async fn a_session_with_a_router_that_is_no_more_ends_and_one_with_the_next_begins() {
    let bench = Unnumbered::start().await;
    bench.router.send_replace(Some(Ipv6Addr::LOCALHOST));
    let mut connection = bench.accepts().await;
    // Nobody has this address: it can be dialled for long.
    bench.router.send_replace(Some("fe80::dead".parse().unwrap()));
    let mut rest = Vec::new();
    within(connection.read_to_end(&mut rest)).await.unwrap();
    bench.router.send_replace(Some(Ipv6Addr::LOCALHOST));
    bench.accepts().await;
}

fn profile() -> BfdProfile {
    BfdProfile {
        name: "fast".into(),
        transmit_interval: Duration::from_millis(300),
        receive_interval: Duration::from_millis(300),
        detect_multiplier: 3,
        passive: false,
        minimum_ttl: 254,
        echo: false,
    }
}

fn with_bfd(remote: Ipv4Addr) -> PeerSession {
    let mut peer = peer(Remote::Address(remote.into()));
    peer.live.bfd = Some(profile());
    peer
}

async fn watched(peer: &PeerSession) -> [Option<u8>; 2] {
    let (mut driver, _wishes) = driver(peer.clone());
    let Remote::Address(remote) = peer.dial.remote else {
        panic!("{:?}", peer.dial.remote)
    };
    let mut multihop = [None; 2];
    for (multihop, links) in multihop.iter_mut().zip([&[][..], &[("eth0", "192.0.2.1/24")]]) {
        driver.links = seen(links);
        driver.on_links().await;
        driver.watch_path(remote);
        *multihop = driver.watched.as_ref().and_then(|watched| watched.path.multihop);
    }
    multihop
}

#[tokio::test]
async fn an_internal_peer_is_watched_where_it_is_and_an_external_one_where_it_is_said_to_be() {
    let with_bfd = with_bfd(Ipv4Addr::new(192, 0, 2, 200));
    let mut internal = with_bfd.clone();
    internal.open.peer_asn = PeerAsn::Internal;
    assert_eq!(watched(&internal).await, [Some(254), None]);
    assert_eq!(watched(&with_bfd).await, [None, None]);
    for mut far in [internal, with_bfd] {
        far.dial.multihop = true;
        assert_eq!(watched(&far).await, [Some(254); 2]);
    }
}

/// D14, D16: the path of a session that came up by itself, while it was held back that the path works.
#[tokio::test]
async fn a_path_that_fails_while_it_is_held_back_ends_the_session() {
    let (mut driver, _wishes) = driver(with_bfd(Ipv4Addr::LOCALHOST));
    driver.on_links().await;
    driver.watch_path(Ipv4Addr::LOCALHOST.into());
    let status = |state, failures| bfd::Status {
        state,
        failures,
        ..bfd::Status::default()
    };
    driver.on_path(&status(bfd::State::Up, 2)).await;
    let told_before = |driver: &mut Driver| {
        establish(driver);
        driver.session.status().state
    };
    assert_eq!(told_before(&mut driver), bgp::State::OpenConfirm);
    driver.on_path(&status(bfd::State::Up, 2)).await;
    assert_eq!(
        driver.session.status().state,
        bgp::State::OpenConfirm,
        "nothing has failed"
    );
    driver.on_path(&status(bfd::State::Down, 3)).await;
    assert_eq!(driver.session.status().error, Some(bgp::SessionError::Bfd));
    assert_eq!(told_before(&mut driver), bgp::State::OpenConfirm);
    driver.on_path(&status(bfd::State::Down, 4)).await;
    assert_eq!(driver.session.status().state, bgp::State::Idle, "down both times");
    assert_eq!(told_before(&mut driver), bgp::State::OpenConfirm);
    driver.on_path(&status(bfd::State::Up, 5)).await;
    assert_ne!(
        driver.session.status().state,
        bgp::State::OpenConfirm,
        "a failure that is over"
    );
}

/// Brings the machine of a driver without a connection to OpenConfirm.
fn establish(driver: &mut Driver) {
    let session = &mut driver.session;
    session.handle_input(now(), Input::Start);
    while session.poll_transmit(now()).is_some() {}
    let local = Ipv4Addr::LOCALHOST;
    session.handle_input(
        now(),
        Input::Connected(Connection {
            local: local.into(),
            remote: local.into(),
        }),
    );
    while session.poll_transmit(now()).is_some() {}
    let open = bgp::wire::open(&bgp::wire::Open {
        my_as: 64513,
        hold_time: 90,
        identifier: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: Vec::new(),
    });
    session.handle_input(now(), Input::Received(&open));
    while session.poll_transmit(now()).is_some() {}
}
