//! Whether this node serves Services with `externalTrafficPolicy: Local` yet: what kube-proxy says of each on its `healthCheckNodePort`.
//!
//! A node becomes a candidate as soon as the API has an endpoint of its own for such a Service; until kube-proxy has heard of that, up to a
//! second later, it would drop what it is sent. kube-proxy answers 503 on the port until its rules are in place, and 200 from then on.
//! Who does not answer cannot tell, and is not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claim::Serving;
use futures::StreamExt;
use futures::stream;
use process::clock::now;
use tokio::sync::watch;

use super::datapath::{Health, ask};
use crate::decide::wanted::{Unit, Wanted};
use crate::kernel::links::Links;

/// How soon kube-proxy is asked again.
const AGAIN: Duration = Duration::from_millis(25);
/// So many ports are asked at once.
const AT_ONCE: usize = 16;
/// At how many of the node's own addresses: kube-proxy may listen on some of them alone (`nodePortAddresses`).
const ADDRESSES: usize = 4;
/// After so long it counts as serving all the same: the segments would not wait any longer.
const LONGEST: Duration = Duration::from_secs(5);

/// What is known of the Services by their ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Served {
    /// Nobody is asked, and all are served.
    #[default]
    All,
    /// As far as it was told.
    Told {
        /// Those whose endpoints on this node are served, or of which nobody can tell.
        yes: BTreeSet<u16>,
        /// Those whose are not served yet.
        not_yet: BTreeSet<u16>,
    },
}

impl Served {
    /// Whether the node serves all of the unit. Not before one of its Services is: the node is a candidate for the first time. Of one
    /// that joins others, no word is enough.
    pub fn serves(&self, unit: &Unit) -> Serving {
        let ports = &unit.health_checks;
        match self {
            Self::Told { yes, not_yet }
                if !ports.is_empty() && (yes.is_disjoint(ports) || !not_yet.is_disjoint(ports)) =>
            {
                Serving::NotYet
            }
            Self::Told { .. } | Self::All => Serving::Yes,
        }
    }
}

/// What was said on each port.
#[derive(Debug, Default)]
struct Checks {
    /// Those that are to be asked on, since when, and whether they said that they do not serve yet.
    pending: BTreeMap<u16, (Instant, Word)>,
    served: BTreeSet<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    None,
    NotYet,
}

impl Checks {
    /// These are the ports to know of.
    fn expect(&mut self, now: Instant, ports: &BTreeSet<u16>) {
        self.pending.retain(|port, _| ports.contains(port));
        self.served.retain(|port| ports.contains(port));
        for port in ports.difference(&self.served) {
            self.pending.entry(*port).or_insert((now, Word::None));
        }
    }

    fn handle_health(&mut self, now: Instant, port: u16, health: Health) {
        let Some((since, word)) = self.pending.get_mut(&port) else {
            return;
        };
        match health {
            Health::Bad if now < *since + LONGEST => *word = Word::NotYet,
            Health::Bad | Health::Good | Health::Silent => {
                self.pending.remove(&port);
                self.served.insert(port);
            }
        }
    }

    fn told(&self) -> Served {
        let not_yet = self.pending.iter().filter(|(_, (_, word))| *word == Word::NotYet);
        Served::Told {
            yes: self.served.clone(),
            not_yet: not_yet.map(|(port, _)| *port).collect(),
        }
    }
}

/// Tells which ports' Services are served, of those that are `wanted`, until nobody wants to know.
pub async fn follow(
    mut wanted: watch::Receiver<Arc<Wanted>>,
    links: watch::Receiver<Arc<Links>>,
    served: watch::Sender<Arc<Served>>,
) {
    let mut checks = Checks::default();
    loop {
        let ports = ports(&wanted.borrow_and_update());
        checks.expect(now(), &ports);
        let addresses = addresses(&links.borrow());
        let asked = stream::iter(checks.pending.keys().copied().collect::<Vec<_>>())
            .map(|port| ask_port(&addresses, port))
            .buffer_unordered(AT_ONCE);
        for (port, health) in asked.collect::<Vec<_>>().await {
            checks.handle_health(now(), port, health);
        }
        served.send_if_modified(|known| {
            let news = checks.told();
            let changed = **known != news;
            if changed {
                *known = Arc::new(news);
            }
            changed
        });
        let again = async {
            match checks.pending.is_empty() {
                true => std::future::pending().await,
                false => tokio::time::sleep(AGAIN).await,
            }
        };
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = again => {}
            () = served.closed() => return,
        }
    }
}

fn ports(wanted: &Wanted) -> BTreeSet<u16> {
    let units = wanted.units.values();
    units
        .flat_map(|unit| unit.health_checks.iter().copied())
        .collect()
}

/// Where kube-proxy may listen, by family, for it tells of each by itself: everywhere, or at addresses of the node.
fn addresses(links: &Links) -> [Vec<IpAddr>; 2] {
    let own: BTreeSet<IpAddr> = links.values().flat_map(|link| link.own.iter().copied()).collect();
    let of = |loopback: IpAddr| {
        let same = own
            .iter()
            .copied()
            .filter(|ip| ip.is_ipv4() == loopback.is_ipv4());
        let reachable = same.filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_loopback(),
            IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
        });
        std::iter::once(loopback)
            .chain(reachable.take(ADDRESSES))
            .collect()
    };
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(of)
}

async fn ask_port(addresses: &[Vec<IpAddr>; 2], port: u16) -> (u16, Health) {
    let [v4, v6] = addresses;
    let health = match tokio::join!(ask_first(v4, port), ask_first(v6, port)) {
        (Health::Bad, _) | (_, Health::Bad) => Health::Bad,
        (Health::Good, _) | (_, Health::Good) => Health::Good,
        (Health::Silent, Health::Silent) => Health::Silent,
    };
    (port, health)
}

/// What is said at the first of these addresses where something is.
async fn ask_first(addresses: &[IpAddr], port: u16) -> Health {
    for address in addresses {
        match ask(SocketAddr::new(*address, port)).await {
            Health::Silent => {}
            verdict @ (Health::Good | Health::Bad) => return verdict,
        }
    }
    Health::Silent
}

#[cfg(test)]
mod tests {
    use claim::UnitId;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn unit(ports: &[u16]) -> Unit {
        Unit {
            health_checks: ports.iter().copied().collect(),
            ..Unit::default()
        }
    }

    fn told(yes: &[u16], not_yet: &[u16]) -> Served {
        Served::Told {
            yes: yes.iter().copied().collect(),
            not_yet: not_yet.iter().copied().collect(),
        }
    }

    #[test]
    fn a_unit_is_served_when_one_of_its_services_is_and_none_is_not() {
        let served = told(&[1], &[2]);
        let serves = |ports| served.serves(&unit(ports));
        assert_eq!(serves(&[]), Serving::Yes);
        assert_eq!(serves(&[1]), Serving::Yes);
        assert_eq!(serves(&[1, 2]), Serving::NotYet);
        assert_eq!(serves(&[3]), Serving::NotYet, "nobody was asked yet");
        assert_eq!(serves(&[1, 3]), Serving::Yes);
        assert_eq!(Served::All.serves(&unit(&[3])), Serving::Yes);
    }

    #[test]
    fn only_a_clear_word_is_waited_for_and_not_for_ever() {
        let (mut checks, start) = (Checks::default(), now());
        checks.expect(start, &[1, 2, 3].into());
        assert_eq!(checks.told(), told(&[], &[]));
        checks.handle_health(start, 1, Health::Good);
        checks.handle_health(start, 2, Health::Silent);
        checks.handle_health(start, 3, Health::Bad);
        assert_eq!(checks.told(), told(&[1, 2], &[3]));
        checks.handle_health(start + LONGEST, 3, Health::Bad);
        assert_eq!(checks.told(), told(&[1, 2, 3], &[]));
    }

    #[test]
    fn a_node_that_was_no_candidate_meanwhile_is_asked_anew() {
        let (mut checks, start) = (Checks::default(), now());
        checks.expect(start, &[1].into());
        checks.handle_health(start, 1, Health::Good);
        checks.expect(start, &BTreeSet::new());
        checks.expect(start, &[1].into());
        assert_eq!(checks.told(), told(&[], &[]));
    }

    #[tokio::test]
    async fn a_family_that_is_not_served_yet_is_waited_for() {
        let says = async |address: &str, answer: &'static str| {
            let listener = TcpListener::bind(address).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let _ = stream.read(&mut [0; 64]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
            port
        };
        let port = says("127.0.0.1:0", "HTTP/1.1 200 OK\r\n\r\n").await;
        let addresses = addresses(&Links::default());
        assert_eq!(ask_port(&addresses, port).await, (port, Health::Good));
        says(
            &format!("[::1]:{port}"),
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        )
        .await;
        assert_eq!(ask_port(&addresses, port).await, (port, Health::Bad));
    }

    /// S4
    #[tokio::test]
    async fn a_service_is_served_once_its_port_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (verdict, mut verdicts) = watch::channel("503 Service Unavailable");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 64]).await;
                let answer = format!("HTTP/1.1 {}\r\n\r\n{{}}", *verdicts.borrow_and_update());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let wanted = Wanted {
            units: [(UnitId([192, 0, 2, 1].into()), unit(&[port]))].into(),
            ..Wanted::default()
        };
        let (_wanted, wanted) = watch::channel(Arc::new(wanted));
        let (_links, links) = watch::channel(Arc::default());
        let (sender, mut served) = watch::channel(Arc::new(Served::All));
        tokio::spawn(follow(wanted, links, sender));
        served.changed().await.unwrap();
        assert_eq!(**served.borrow_and_update(), told(&[], &[port]));
        verdict.send_replace("200 OK");
        served.changed().await.unwrap();
        assert_eq!(**served.borrow_and_update(), told(&[port], &[]));
    }
}
