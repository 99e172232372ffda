//! Sessions over real connections on loopback, with a peer that says what the test has it say.

#![allow(clippy::unwrap_used, reason = "the helpers of tests")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp::wire::{self, Capability, FamilyCode, Form, Framer, Message, Open};
use bgp::{Attributes, Export, ExportGuard, ImportPolicy, LiveSettings, OpenSettings, PeerAsn, State, Table};
use config::{Dial, Live, PeerSession, Remote};
use model::{Family, NodeName, PeerName};
use speaker::bgp::bfd::{Bfd, Scheduling};
use speaker::bgp::peering::{Peering, Peerings, Peers, Sessions};
use speaker::kernel::links::{Links, Watcher};
use speaker::watch::departure::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const OURS: u32 = 64512;
const THEIRS: u32 = 64513;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Bench {
    listener: TcpListener,
    desired: watch::Sender<Arc<Peerings>>,
    leave: watch::Sender<Option<Shutdown>>,
    able: watch::Sender<bool>,
    sessions: Sessions,
    running: JoinHandle<()>,
}

impl Bench {
    async fn start(graceful_restart: bool) -> Self {
        Self::start_with(|port| peerings(port, graceful_restart, &["192.0.2.1/32"])).await
    }

    /// What is desired at first, of a peer on this port.
    async fn start_with(peerings: impl FnOnce(u16) -> Peerings) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (desired, receiver) = watch::channel(Arc::new(peerings(port)));
        let (leave, leaving) = watch::channel(None);
        let (able_sender, able) = watch::channel(true);
        let peers = Peers::new(
            NodeName("n2".into()),
            receiver,
            leaving,
            able,
            Bfd::start(Scheduling::Ordinary).unwrap(),
            links().await,
        );
        let sessions = peers.sessions();
        let running = tokio::spawn(peers.run());
        Self {
            listener,
            desired,
            leave,
            able: able_sender,
            sessions,
            running,
        }
    }

    /// The next connection, up to the point where routes may come.
    async fn connected(&self) -> Scripted {
        self.connected_with(&open()).await
    }

    /// The same, where this is the peer's OPEN.
    async fn connected_with(&self, open: &Open) -> Scripted {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        let mut scripted = Scripted {
            stream,
            framer: Framer::new(),
            pending: Vec::new(),
            form: form(),
        };
        assert!(matches!(scripted.next().await, Some(Said::Open)));
        scripted.say(&wire::open(open)).await;
        scripted.say(&wire::keepalive()).await;
        assert!(matches!(scripted.next().await, Some(Said::Keepalive)));
        scripted
    }

    async fn wait_for(&self, state: State) {
        let name = PeerName("tor".into());
        let mut sessions = self.sessions.follow();
        let is = |all: &std::collections::BTreeMap<PeerName, speaker::bgp::peering::SessionView>| {
            all.get(&name).is_some_and(|view| view.status.state == state)
        };
        within(sessions.wait_for(is)).await.unwrap();
    }
}

/// What the speaker says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Open,
    Keepalive,
    Announced(Vec<String>),
    Withdrawn(Vec<String>),
    EndOfRib,
    Notification(u8, u8),
    Other,
}

struct Scripted {
    stream: TcpStream,
    framer: Framer,
    pending: Vec<u8>,
    form: Form,
}

impl Scripted {
    async fn say(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next message; none: the connection was closed.
    async fn next(&mut self) -> Option<Said> {
        loop {
            let mut octets = self.pending.as_slice();
            let said = self.framer.next(&mut octets).unwrap().map(|frame| {
                match wire::decode(frame, &self.form).unwrap() {
                    Message::Open(_) => Said::Open,
                    Message::Keepalive => Said::Keepalive,
                    Message::Notification(notification) => {
                        Said::Notification(notification.code, notification.subcode)
                    }
                    Message::Update(update) if update.end_of_rib().is_some() => Said::EndOfRib,
                    Message::Update(update) => {
                        let announced: Vec<_> = update.announced().map(|prefix| prefix.to_string()).collect();
                        let withdrawn: Vec<_> = update.withdrawn().map(|prefix| prefix.to_string()).collect();
                        if announced.is_empty() {
                            Said::Withdrawn(withdrawn)
                        } else {
                            Said::Announced(announced)
                        }
                    }
                    Message::RouteRefresh(_) => Said::Other,
                }
            });
            self.pending = octets.to_vec();
            if said.is_some() {
                return said;
            }
            let mut buffer = [0; 4096];
            match within(self.stream.read(&mut buffer)).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.pending.extend_from_slice(&buffer[..read]),
            }
        }
    }

    /// The next message that is no sign of life.
    async fn news(&mut self) -> Option<Said> {
        loop {
            match self.next().await {
                Some(Said::Keepalive) => {}
                other => return other,
            }
        }
    }
}

/// Those of the machine.
async fn links() -> watch::Receiver<Arc<Links>> {
    let (watcher, links) = Watcher::open().await.unwrap();
    tokio::spawn(watcher.run());
    links
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

fn form() -> Form {
    Form {
        four_octet_as: true,
        internal: false,
        extended_message: false,
        families: [Family::V4].into(),
        v4_next_hop_v6: false,
    }
}

fn open() -> Open {
    Open {
        my_as: 64513,
        hold_time: 90,
        identifier: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: vec![
            Capability::MultiProtocol(FamilyCode::from(Family::V4)),
            Capability::FourOctetAs(THEIRS),
            Capability::RouteRefresh,
        ],
    }
}

/// Of a peer that keeps the routes of a speaker that restarts.
fn keeps_routes() -> Open {
    let mut theirs = open();
    theirs
        .capabilities
        .push(Capability::GracefulRestart(wire::GracefulRestart {
            restarted: false,
            notification: false,
            restart_time: 120,
            families: vec![(FamilyCode::from(Family::V4), true)],
        }));
    theirs
}

fn peerings(port: u16, graceful_restart: bool, routes: &[&str]) -> Peerings {
    let peer = PeerSession {
        name: PeerName("tor".into()),
        open: OpenSettings {
            local_asn: OURS,
            peer_asn: PeerAsn::Exactly(THEIRS),
            identifier: Ipv4Addr::new(10, 0, 0, 2),
            hold_time: Duration::from_secs(90),
            families: [Family::V4].into(),
            restart_time: graceful_restart.then_some(Duration::from_secs(120)),
        },
        dial: Dial {
            remote: Remote::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port,
            source: None,
            vrf: None,
            multihop: false,
            ttl_security: false,
        },
        live: Live {
            settings: LiveSettings {
                keepalive_time: None,
                connect_time: Some(Duration::from_secs(1)),
                graceful_shutdown: Duration::from_millis(200),
            },
            bfd: None,
            imports: ImportPolicy::default(),
            password: None,
        },
    };
    let peering = Peering {
        peer: Arc::new(peer),
        password: None,
        table: Arc::new(table(routes)),
    };
    let range = "192.0.2.0/24".parse().unwrap();
    Peerings {
        peers: [(PeerName("tor".into()), peering)].into(),
        guard: Arc::new(ExportGuard::new([Export { range, shortest: 32 }])),
        addresses: Vec::new(),
        drain: false,
        complete: true,
    }
}

fn table(routes: &[&str]) -> Table {
    let attributes = Arc::new(Attributes::default());
    let route = |prefix: &&str| (prefix.parse().unwrap(), attributes.clone());
    routes.iter().map(route).collect()
}

fn announced(prefix: &str) -> Option<Said> {
    Some(Said::Announced(vec![prefix.to_owned()]))
}

/// P-BGP-10, P-BGP-12
#[tokio::test]
async fn routes_follow_what_is_desired_on_the_connection_that_there_is() {
    let bench = Bench::start(false).await;
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    assert_eq!(peer.news().await, announced("192.0.2.1/32"));
    assert_eq!(peer.news().await, Some(Said::EndOfRib));
    let port = bench.listener.local_addr().unwrap().port();
    bench.desired.send_replace(Arc::new(peerings(
        port,
        false,
        &["192.0.2.1/32", "192.0.2.2/32", "203.0.113.1/32"],
    )));
    assert_eq!(
        peer.news().await,
        announced("192.0.2.2/32"),
        "and nothing that no pool has"
    );
    bench
        .desired
        .send_replace(Arc::new(peerings(port, false, &["192.0.2.2/32"])));
    assert_eq!(
        peer.news().await,
        Some(Said::Withdrawn(vec!["192.0.2.1/32".to_owned()]))
    );
    bench.desired.send_replace(Arc::default());
    assert_eq!(
        peer.news().await,
        Some(Said::Notification(6, 3)),
        "the peer is gone from the configuration"
    );
    assert_eq!(peer.news().await, None);
}

/// P-BGP-27
#[tokio::test]
async fn a_peer_that_is_described_anew_is_dialled_anew() {
    let bench = Bench::start(false).await;
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    let port = bench.listener.local_addr().unwrap().port();
    let mut changed = peerings(port, false, &["192.0.2.1/32"]);
    let peering = changed.peers.values_mut().next().unwrap();
    Arc::make_mut(&mut peering.peer).open.hold_time = Duration::from_secs(30);
    let mut more = changed.clone();
    more.peers.values_mut().next().unwrap().table = Arc::new(table(&["192.0.2.1/32", "192.0.2.2/32"]));
    while peer.next().await != Some(Said::EndOfRib) {}
    bench.desired.send_replace(Arc::new(changed));
    bench.desired.send_replace(Arc::new(more));
    assert_eq!(
        peer.news().await,
        announced("192.0.2.2/32"),
        "in the session that waits for its node's turn"
    );
    while let Some(said) = peer.news().await {
        assert!(!matches!(said, Said::Withdrawn(_)), "{said:?}");
    }
    bench.connected().await;
    bench.wait_for(State::Established).await;
}

/// P-BGP-27
#[tokio::test]
async fn a_time_that_the_router_is_told_nothing_of_changes_in_the_session_that_there_is() {
    let bench = Bench::start(false).await;
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    let port = bench.listener.local_addr().unwrap().port();
    let mut changed = peerings(port, false, &["192.0.2.1/32", "192.0.2.2/32"]);
    let peering = changed.peers.values_mut().next().unwrap();
    Arc::make_mut(&mut peering.peer).live.settings.graceful_shutdown = Duration::from_secs(60);
    while peer.next().await != Some(Said::EndOfRib) {}
    bench.desired.send_replace(Arc::new(changed));
    assert_eq!(
        peer.news().await,
        announced("192.0.2.2/32"),
        "and no NOTIFICATION"
    );
}

/// B19: a peer that sends octet by octet, and everything at once.
#[tokio::test]
async fn however_the_stream_is_cut_the_session_comes_up() {
    let bench = Bench::start(false).await;
    let (mut stream, _) = within(bench.listener.accept()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let whole = [wire::open(&open()), wire::keepalive()].concat();
    for octet in whole {
        stream.write_all(&[octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    bench.wait_for(State::Established).await;
}

/// P-BGP-38, P-BGP-41
#[tokio::test]
async fn a_speaker_that_comes_back_goes_without_a_word_where_routes_are_kept() {
    let bench = Bench::start(true).await;
    let (stream, _) = within(bench.listener.accept()).await.unwrap();
    let mut peer = Scripted {
        stream,
        framer: Framer::new(),
        pending: Vec::new(),
        form: form(),
    };
    let theirs = keeps_routes();
    peer.say(&[wire::open(&theirs), wire::keepalive()].concat()).await;
    bench.wait_for(State::Established).await;
    while peer.next().await != Some(Said::EndOfRib) {}
    bench.leave.send_replace(Some(Shutdown::Restart));
    assert_eq!(peer.news().await, None, "closed, and no NOTIFICATION");
    within(bench.running).await.unwrap();
}

/// RFC 8326: marked, then withdrawn, then closed.
#[tokio::test]
async fn a_speaker_that_goes_for_good_withdraws_first() {
    let bench = Bench::start(false).await;
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    while peer.next().await != Some(Said::EndOfRib) {}
    bench.leave.send_replace(Some(Shutdown::HandOver));
    assert_eq!(
        peer.news().await,
        announced("192.0.2.1/32"),
        "again, with GRACEFUL_SHUTDOWN"
    );
    assert_eq!(
        peer.news().await,
        Some(Said::Withdrawn(vec!["192.0.2.1/32".to_owned()]))
    );
    assert_eq!(peer.news().await, Some(Said::Notification(6, 2)));
    assert_eq!(peer.news().await, None);
    within(bench.running).await.unwrap();
}

/// S7: what a speaker still has on disk is announced at once, and is not taken for everything.
#[tokio::test]
async fn routes_have_no_end_before_the_api_has_told_everything() {
    let recalled = |port, routes: &[&str]| Peerings {
        complete: false,
        ..peerings(port, false, routes)
    };
    let bench = Bench::start_with(|port| recalled(port, &["192.0.2.1/32"])).await;
    let port = bench.listener.local_addr().unwrap().port();
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    assert_eq!(peer.news().await, announced("192.0.2.1/32"));
    bench
        .desired
        .send_replace(Arc::new(recalled(port, &["192.0.2.1/32", "192.0.2.2/32"])));
    assert_eq!(
        peer.news().await,
        announced("192.0.2.2/32"),
        "and no End-of-RIB before"
    );
    bench
        .desired
        .send_replace(Arc::new(peerings(port, false, &["192.0.2.1/32", "192.0.2.2/32"])));
    assert_eq!(
        peer.news().await,
        Some(Said::EndOfRib),
        "though the routes are the same"
    );
}

/// F39: a machine that is drained and then switched off leaves no routes behind, whatever its routers would keep.
#[tokio::test]
async fn a_drained_speaker_that_is_replaced_withdraws_before_it_goes() {
    let bench = Bench::start(true).await;
    let port = bench.listener.local_addr().unwrap().port();
    let mut peer = bench.connected_with(&keeps_routes()).await;
    bench.wait_for(State::Established).await;
    while peer.next().await != Some(Said::EndOfRib) {}
    let mut drained = peerings(port, true, &["192.0.2.1/32"]);
    drained.drain = true;
    let peering = drained.peers.values_mut().next().unwrap();
    Arc::make_mut(&mut peering.peer).live.settings.graceful_shutdown = Duration::from_secs(600);
    bench.desired.send_replace(Arc::new(drained));
    assert_eq!(peer.news().await, announced("192.0.2.1/32"), "marked");
    bench.leave.send_replace(Some(Shutdown::Restart));
    let withdrawn = Said::Withdrawn(vec!["192.0.2.1/32".to_owned()]);
    assert_eq!(peer.news().await, Some(withdrawn));
    assert!(
        matches!(peer.news().await, Some(Said::Notification(6, _))),
        "and no word that it comes back"
    );
    within(bench.running).await.unwrap();
}

/// A node that cannot forward attracts nothing, however long drains are marked.
#[tokio::test]
async fn routes_of_a_node_that_cannot_forward_are_withdrawn_at_once() {
    let bench = Bench::start(false).await;
    let mut peer = bench.connected().await;
    bench.wait_for(State::Established).await;
    while peer.next().await != Some(Said::EndOfRib) {}
    bench.able.send_replace(false);
    let withdrawn = Said::Withdrawn(vec!["192.0.2.1/32".to_owned()]);
    assert_eq!(peer.news().await, Some(withdrawn));
    bench.able.send_replace(true);
    assert_eq!(peer.news().await, announced("192.0.2.1/32"));
}
