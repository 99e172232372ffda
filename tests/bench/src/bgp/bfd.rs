//! What clients behind routers see when BFD tells these that a node is gone; and whether BFD holds on a busy machine.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use lab::{Host, Probe, Process, Router, Signal, stamp};
use process::clock::now;
use serde_json::json;
use suites::Bed;

use super::daemon::Daemon;

pub(super) const NODES: u32 = 64512;
const SERVICE: &str = "web";

/// Three intervals of 50 ms.
const DETECTION: Duration = Duration::from_millis(150);

/// Clients of one address: several, so that some of them go over each node.
const CLIENTS: usize = 8;

/// A client whose way was cut hears nothing for longer than this.
const UNDISTURBED: Duration = Duration::from_millis(40);

/// Of one router, with one value for each cable that was pulled.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    pub(super) router: &'static str,
    /// By the intervals that both ends told each other.
    pub(super) detection: Duration,
    /// From the cut until the router's kernel forwards elsewhere.
    pub(super) switched: Vec<Duration>,
    /// The longest silence of any client.
    pub(super) silences: Vec<Duration>,
}

/// How often a session was lost although nothing was wrong.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    pub(super) minutes: u64,
    pub(super) false_downs: u64,
}

/// Two nodes, routers with BFD to both, and clients behind each.
pub(crate) struct Watched<'a> {
    bed: &'a Bed,
    sides: Vec<Side<'a>>,
    prefix: String,
}

/// A router and what is behind it.
struct Side<'a> {
    router: &'a Router<'a>,
    daemon: Daemon<'a>,
    clients: Vec<Probe>,
    /// Writes down when the kernel's routes change.
    monitor: Arc<Process>,
}

impl<'a> Watched<'a> {
    /// FRR on the first router, BIRD on the second.
    pub(super) fn start(bed: &'a Bed, routers: [&'a Router<'a>; 2]) -> Result<Self> {
        let nodes = bed.lab.nodes();
        let profile = json!({"receiveInterval": 50, "transmitInterval": 50, "detectMultiplier": 3});
        bed.object("BFDProfile", "fast", profile)?;
        let asns = [64601, 64602];
        for (router, asn) in routers.iter().zip(asns) {
            let peer = json!({
                "myASN": NODES, "peerASN": asn, "peerAddress": router.host.v4, "bfdProfile": "fast", "connectTime": "1s",
            });
            bed.peer(&router.host.name, peer)?;
        }
        let daemons = [
            Daemon::frr(routers[0], asns[0], &nodes)?,
            Daemon::bird(routers[1], asns[1], &nodes)?,
        ];
        for node in &nodes {
            bed.speaker(&node.name)?;
        }
        let backend = bed.lab.backend("echo")?;
        bed.lab.load_balancer(SERVICE, &[&backend])?;
        let address: IpAddr = bed.address(SERVICE)?.parse()?;
        let sides = routers.into_iter().zip(daemons);
        let watched = Self {
            bed,
            prefix: format!("{address}/32"),
            sides: sides
                .map(|(router, daemon)| Side::start(bed, router, daemon, address))
                .collect::<Result<_>>()?,
        };
        watched.whole()?;
        watched.steady(SystemTime::UNIX_EPOCH)?;
        Ok(watched)
    }

    /// Pulls the cables of the nodes in turn, so many times in all.
    pub(super) fn cut(&self, runs: usize) -> Result<Vec<Cuts>> {
        let of = |side: &Side<'_>| Cuts {
            router: side.daemon.name(),
            detection: DETECTION,
            ..Cuts::default()
        };
        let mut cuts: Vec<Cuts> = self.sides.iter().map(of).collect();
        let nodes = self.bed.lab.nodes();
        for node in nodes.iter().cycle().take(runs) {
            self.whole()?;
            self.steady(stamp())?;
            let from = stamp();
            self.bed.lab.unplug(&node.name)?;
            self.bed.wait("the routers to have one way", || {
                Ok(self.ways()?.into_iter().all(|ways| ways == 1).then_some(()))
            })?;
            self.steady(stamp())?;
            for (cuts, side) in cuts.iter_mut().zip(&self.sides) {
                cuts.silences.push(side.silence(node, from, stamp())?);
                cuts.switched.push(side.switched(&self.prefix, from)?);
            }
            self.bed.lab.plug(&node.name)?;
        }
        self.whole()?;
        Ok(cuts)
    }

    /// Has pods on every node that would take every core, of so many times the weight of the node's daemons, and counts the sessions
    /// that are lost meanwhile.
    pub(super) fn stay_quiet(&self, minutes: u64, weight: u32) -> Result<Quiet> {
        self.whole()?;
        let before = self.losses()?;
        let cores = thread::available_parallelism()?.get();
        let nodes = self.bed.lab.nodes();
        let busy = nodes
            .iter()
            .map(|node| self.bed.lab.keep_busy(&node.name, cores, weight));
        let busy = busy.collect::<Result<Vec<_>>>()?;
        let end = now() + Duration::from_secs(60 * minutes);
        while now() < end && !lab::interrupted() {
            thread::sleep(Duration::from_secs(1));
        }
        for process in busy.iter().flatten() {
            process.kill(Signal::SIGKILL)?;
        }
        Ok(Quiet {
            minutes,
            false_downs: self.losses()? - before,
        })
    }

    /// How often BFD and BGP went down so far, as the routers count that do.
    fn losses(&self) -> Result<u64> {
        let nodes = self.bed.lab.nodes();
        let losses = self.sides.iter().map(|side| side.daemon.losses(&nodes));
        let losses: Vec<_> = losses.collect::<Result<_>>()?;
        ensure!(losses.iter().any(Option::is_some), "no router counts");
        Ok(losses.into_iter().flatten().sum())
    }

    /// Over how many nodes each router forwards.
    fn ways(&self) -> Result<Vec<usize>> {
        let sides = self.sides.iter();
        sides
            .map(|side| Ok(side.router.forwards(&self.prefix)?.len()))
            .collect()
    }

    /// Waits until BFD is up with both nodes, as fast as it is to be, and the routers have both ways.
    fn whole(&self) -> Result<()> {
        self.bed.wait("both ways, and BFD", || {
            for node in self.bed.lab.nodes() {
                for side in &self.sides {
                    let detection = side.daemon.detection(&node)?;
                    // Until it is up, packets come once a second.
                    ensure!(
                        detection == Some(DETECTION),
                        "{} with {}: {detection:?}",
                        side.daemon.name(),
                        node.name
                    );
                }
            }
            Ok(self.ways()?.into_iter().all(|ways| ways == 2).then_some(()))
        })
    }

    fn steady(&self, since: SystemTime) -> Result<()> {
        self.bed.wait("every client to be served", || {
            let mut clients = self.sides.iter().flat_map(|side| &side.clients);
            Ok(clients.all(|client| client.is_steady_since(since)).then_some(()))
        })
    }
}

impl<'a> Side<'a> {
    fn start(bed: &'a Bed, router: &'a Router<'a>, daemon: Daemon<'a>, address: IpAddr) -> Result<Self> {
        let mut monitor = Command::new("ip");
        monitor.env("TZ", "UTC").args(["-ts", "monitor", "route"]);
        let client = |_| {
            bed.lab
                .probe(&router.client.name, SocketAddr::from((address, 7777)))
        };
        Ok(Self {
            router,
            daemon,
            clients: (0..CLIENTS).map(client).collect::<Result<_>>()?,
            monitor: bed.lab.spawn(&router.host.name, "routes", monitor)?,
        })
    }

    /// The longest silence of any client.
    fn silence(&self, node: &Host, from: SystemTime, to: SystemTime) -> Result<Duration> {
        let silences = self
            .clients
            .iter()
            .map(|client| Ok(client.seen(from, to)?.silence));
        let longest = silences.collect::<Result<Vec<_>>>()?.into_iter().max();
        let longest = longest.context("no client")?;
        let name = self.daemon.name();
        ensure!(
            longest > UNDISTURBED,
            "no client of {name} went over {}",
            node.name
        );
        Ok(longest)
    }

    /// How long after a moment its kernel has changed the route.
    fn switched(&self, prefix: &str, from: SystemTime) -> Result<Duration> {
        let shown = self.monitor.output()?;
        let address = prefix.trim_end_matches("/32");
        let changed = changes(&shown, address).find_map(|at| at.duration_since(from).ok());
        changed.with_context(|| format!("no change of {prefix} after {from:?}: {shown}"))
    }
}

/// When the route of an address has changed, by what `ip -ts monitor route` wrote.
fn changes<'a>(shown: &'a str, address: &'a str) -> impl Iterator<Item = SystemTime> + 'a {
    shown.lines().filter_map(move |line| {
        let (at, change) = line.strip_prefix('[')?.split_once(']')?;
        let mut words = change.split_whitespace();
        let concerns = words.any(|word| word == address);
        let at: DateTime = at.parse().ok().filter(|_| concerns)?;
        Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_the_address_are_found_with_their_time() {
        let shown = "[1970-01-01T00:00:01.250000] 192.0.2.1 via 192.168.1.11 dev eth0 proto bgp metric 20 \n\
                     [1970-01-01T00:00:02.000000] 192.0.2.2 via 192.168.1.11 dev eth0 \n\
                     [1970-01-01T00:00:03.000001] Deleted 192.0.2.1 proto bgp metric 20 \n\
                     \tnexthop via 192.168.1.11 dev eth0 weight 1 \n";
        let at = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
        let found: Vec<_> = changes(shown, "192.0.2.1").map(at).collect();
        assert_eq!(found, [1_250_000, 3_000_001]);
    }
}
