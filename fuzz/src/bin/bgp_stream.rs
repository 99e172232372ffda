//! A peer that says anything at all in segments of any size, and anything else that a session may be told: no panic, no flood, no
//! large allocation, no timeout without progress, and nothing sent that cannot be read.
#![no_main]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::wire::{self, Capability, Form, Frame, Framer, Message, Open};
use bgp::{
    Attributes, BfdState, Connection, DialError, Drain, Export, ExportGuard, Forwarding, Import,
    ImportPolicy, Input, LiveSettings, MOST_LEARNED, NextHops, OpenSettings, PeerAsn, Retention, Session,
    Settings, Stop, Table, Transmit,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use model::Family;

#[global_allocator]
static ALLOCATOR: fuzz::Watched = fuzz::Watched;

/// The most messages that one input may cause, with the peer taking them all.
const MOST: usize = 64;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let largest = fuzz::largest_of(|| history(octets));
    // A thousand routes that are accepted at once are as many events.
    assert!(largest <= 256 * 1024, "{largest} octets at once");
});

/// The first octet says how the session is set up, the rest what happens to it.
fn history(octets: &[u8]) {
    let Some((first, octets)) = octets.split_first() else {
        return;
    };
    let mut now = Instant::now();
    let mut session = Session::new(settings(*first));
    let guard = [("192.0.2.0/24", 24), ("2001:db8::/64", 64)].map(|(range, shortest)| Export {
        range: range.parse().expect("a range"),
        shortest,
    });
    let guard = Arc::new(ExportGuard::new(guard));
    let mut link = Link::default();
    link.tell(&mut session, now, Input::Guard(guard));
    let mut accepting = first & 64 != 0;
    link.tell(&mut session, now, Input::Imports(imports(accepting)));
    link.tell(&mut session, now, Input::NextHops(next_hops(*first >> 4)));
    for (kind, content) in fuzz::steps(octets) {
        let argument = kind >> 4;
        let framed;
        let input = match kind & 0xF {
            0..=3 => Input::Received(content),
            4..=6 => {
                // Mutation hits no marker: the content of a message that is framed well.
                framed = message(1 + argument % 5, content);
                Input::Received(&framed)
            }
            7 => {
                framed = wire::open(&peer(argument));
                Input::Received(&framed)
            }
            8 => Input::Start,
            9 => Input::Connected(connection(argument)),
            10 => Input::DialFailed(DialError::Refused(connection(argument).remote)),
            11 => Input::Routes(Arc::new(table(argument, content))),
            12 => match argument % 4 {
                0 => Input::Bfd(BfdState::Up),
                1 => Input::Bfd(BfdState::Down),
                2 => Input::Bfd(BfdState::AdminDown),
                _ => Input::Drain(
                    [Drain::Mark, Drain::No, Drain::Withdraw, Drain::No][usize::from(argument / 4)],
                ),
            },
            13 => match argument {
                0 => Input::Stop(Stop::Restart),
                1 => Input::Stop(Stop::Shutdown(String::from_utf8_lossy(content).into_owned())),
                2 => Input::Stop(Stop::Deconfigured),
                3 => Input::Stop(Stop::Changed(Retention::Drop)),
                4 | 5 => {
                    accepting = argument == 5;
                    Input::Imports(imports(accepting))
                }
                6 => Input::Stop(Stop::Changed(Retention::Keep)),
                7 => Input::DialNow,
                8 => Input::Live(live(content.len() as u8)),
                9 => Input::NextHops(next_hops(content.len() as u8)),
                10 => Input::Forwarding(Forwarding::Lost),
                _ => Input::Closed(None),
            },
            14 => {
                link.stalled = argument % 2 == 0;
                Input::Written
            }
            _ => {
                now += Duration::from_millis(u64::from(argument).pow(4));
                Input::Received(&[])
            }
        };
        link.tell(&mut session, now, input);
        while let Some(due) = session.poll_timeout().filter(|due| *due <= now) {
            session.handle_timeout(now);
            link.drain(&mut session, now);
            assert_ne!(
                session.poll_timeout(),
                Some(due),
                "a timeout that makes no progress"
            );
        }
        let accepted = session.status().routes_accepted;
        assert!(
            accepted <= if accepting { MOST_LEARNED } else { 0 },
            "{accepted} routes are kept"
        );
    }
}

/// What stands for TCP.
#[derive(Default)]
struct Link {
    /// Whether it takes nothing at present.
    stalled: bool,
    framer: Framer,
}

impl Link {
    fn tell(&mut self, session: &mut Session, now: Instant, input: Input<'_>) {
        session.handle_input(now, input);
        self.drain(session, now);
    }

    fn drain(&mut self, session: &mut Session, now: Instant) {
        for _ in 0..MOST {
            while session.poll_event().is_some() {}
            match session.poll_transmit(now) {
                Some(Transmit::Octets(octets)) => {
                    self.read(&octets);
                    if !self.stalled {
                        session.handle_input(now, Input::Written);
                    }
                }
                Some(Transmit::Close { notification }) => {
                    notification.iter().for_each(|octets| self.read(octets));
                    self.framer = Framer::new();
                }
                Some(Transmit::Dial) => {}
                None => return,
            }
        }
        panic!("one input causes a flood");
    }

    /// Each is one whole message that makes sense.
    fn read(&mut self, octets: &[u8]) {
        let mut rest = octets;
        let frame = self.framer.next(&mut rest);
        let Ok(Some(Frame { kind, body })) = frame else {
            panic!("{octets:02x?} is no message: {frame:?}")
        };
        assert_eq!((kind, rest), (octets[wire::HEADER - 1], &[][..]));
        // Only an UPDATE depends on what was agreed on, and only on how wide the numbers are.
        let read = [true, false].map(|four_octet_as| {
            let form = Form {
                four_octet_as,
                internal: true,
                extended_message: false,
                families: BTreeSet::from([Family::V4, Family::V6]),
                v4_next_hop_v6: true,
            };
            match wire::decode(Frame { kind, body }, &form) {
                Ok(Message::Update(update)) => update.outcome() <= wire::Outcome::TreatedAsWithdrawn,
                Ok(_) => true,
                Err(_) => false,
            }
        });
        assert!(read.contains(&true), "{octets:02x?} cannot be read");
    }
}

/// Everything, or nothing.
fn imports(accepting: bool) -> Arc<ImportPolicy> {
    let all = ["0.0.0.0/0", "::/0"].map(|prefix| prefix.parse::<IpNet>().expect("a prefix"));
    let all = all.map(|prefix| Import {
        prefix,
        max_length: prefix.max_prefix_len(),
    });
    Arc::new(ImportPolicy::new(all.into_iter().filter(|_| accepting)))
}

fn settings(bits: u8) -> Settings {
    let flag = |bit: u8| bits & bit != 0;
    Settings {
        open: OpenSettings {
            local_asn: if flag(1) { 65536 } else { 64512 },
            peer_asn: if flag(2) {
                PeerAsn::Internal
            } else {
                PeerAsn::External
            },
            identifier: Ipv4Addr::new(192, 0, 2, 1),
            hold_time: Duration::from_secs(if flag(4) { 0 } else { 9 }),
            families: BTreeSet::from([Family::V4, Family::V6]),
            restart_time: flag(16).then_some(Duration::from_secs(120)),
        },
        live: live(u8::from(flag(8))),
        restarted: flag(32),
        node: "node".to_owned(),
        seed: 1,
    }
}

fn live(bits: u8) -> LiveSettings {
    LiveSettings {
        keepalive_time: (bits & 2 != 0).then_some(Duration::from_secs(1)),
        connect_time: (bits & 1 != 0).then_some(Duration::from_secs(1)),
        graceful_shutdown: Duration::from_secs(if bits & 4 == 0 { 5 } else { 0 }),
    }
}

/// A peer that a session may well be established with.
fn peer(bits: u8) -> Open {
    let asn = if bits & 1 == 0 { 65001 } else { 64512 };
    let mut capabilities = vec![
        Capability::MultiProtocol(Family::V4.into()),
        Capability::MultiProtocol(Family::V6.into()),
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::ExtendedMessage,
        Capability::ExtendedNextHop(vec![(Family::V4.into(), 2)]),
        Capability::GracefulRestart(wire::GracefulRestart {
            restarted: false,
            notification: bits & 2 != 0,
            restart_time: 120,
            families: vec![(Family::V4.into(), true)],
        }),
        Capability::FourOctetAs(asn),
    ];
    if bits & 4 != 0 {
        capabilities.clear();
    }
    Open {
        my_as: Open::two_octets(asn),
        hold_time: 90,
        identifier: Ipv4Addr::new(192, 0, 2, 2),
        capabilities,
    }
}

const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn connection(bits: u8) -> Connection {
    let (local, remote): (IpAddr, IpAddr) = if bits & 1 == 0 {
        (V4.into(), Ipv4Addr::new(192, 0, 2, 2).into())
    } else {
        (V6.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).into())
    };
    Connection { local, remote }
}

fn next_hops(bits: u8) -> NextHops {
    NextHops {
        v4: (bits & 2 == 0).then_some(V4),
        v6: (bits & 4 == 0).then_some(V6),
        link_local: (bits & 8 == 0).then_some(Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 1)),
    }
}

/// A route for each octet: some are not for the guard to let pass.
fn table(bits: u8, content: &[u8]) -> Table {
    let attributes = [0, 1].map(|number| {
        Arc::new(Attributes {
            med: Some(number),
            prepend: bits % 4,
            ..Attributes::default()
        })
    });
    let route = |octet: &u8| {
        let prefix: IpNet = if octet & 0x80 == 0 {
            Ipv4Net::from(Ipv4Addr::new(192, 0, 2 + (octet >> 6), *octet)).into()
        } else {
            Ipv6Net::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, (*octet).into())).into()
        };
        (prefix, Arc::clone(&attributes[usize::from(octet & 1)]))
    };
    content.iter().map(route).collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wire::HEADER + body.len()).unwrap_or(u16::MAX);
    [&[0xFF; 16], &length.to_be_bytes()[..], &[kind], body].concat()
}
