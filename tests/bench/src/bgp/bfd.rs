//! What clients behind a router see when BFD tells it that a node is gone; and whether BFD holds on a busy machine.

use std::hint;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use lab::{Frr, Probe, Router, stamp};
use process::clock::now;
use serde_json::{Value, json};
use suites::{Bed, Neighbour, Peering};

const NODES: u32 = 64512;
const TOR: u32 = 64601;
const SERVICE: &str = "web";
const FAST: &str =
    "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\nexit\n";

/// Clients of one address: several, so that some of them go over each node.
const CLIENTS: usize = 8;

/// A client whose way was cut hears nothing for longer than this.
const UNDISTURBED: Duration = Duration::from_millis(40);

/// One value for each cable that was pulled.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    /// By the intervals that both ends told each other.
    pub(super) detection: Duration,
    /// The longest silence of any client.
    pub(super) silences: Vec<Duration>,
}

/// How often a session was lost although nothing was wrong.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    pub(super) minutes: u64,
    pub(super) false_downs: u64,
}

/// Two nodes, a router with BFD to both, and clients behind it.
pub(crate) struct Watched<'a> {
    bed: &'a Bed,
    router: &'a Router<'a>,
    frr: Frr<'a>,
    prefix: String,
    clients: Vec<Probe>,
}

impl<'a> Watched<'a> {
    pub(super) fn start(bed: &'a Bed, router: &'a Router<'a>) -> Result<Self> {
        let nodes = bed.lab.nodes();
        let neighbours = nodes
            .iter()
            .map(|node| Neighbour::v4(node, NODES).with("bfd profile fast", ""));
        let frr = router.frr(&format!("{FAST}{}", Peering::of(router, TOR, neighbours).frr()))?;
        let profile = json!({"receiveInterval": 50, "transmitInterval": 50, "detectMultiplier": 3});
        bed.object("BFDProfile", "fast", profile)?;
        let peer = json!({
            "myASN": NODES, "peerASN": TOR, "peerAddress": router.host.v4, "bfdProfile": "fast", "connectTime": "1s",
        });
        bed.peer("tor", peer)?;
        for node in &nodes {
            bed.speaker(&node.name)?;
        }
        let backend = bed.lab.backend("echo")?;
        bed.lab.load_balancer(SERVICE, &[&backend])?;
        let address: IpAddr = bed.address(SERVICE)?.parse()?;
        let watched = Self {
            bed,
            router,
            frr,
            prefix: format!("{address}/32"),
            clients: (0..CLIENTS)
                .map(|_| {
                    bed.lab
                        .probe(&router.client.name, SocketAddr::from((address, 7777)))
                })
                .collect::<Result<_>>()?,
        };
        watched.whole()?;
        watched.steady(SystemTime::UNIX_EPOCH)?;
        Ok(watched)
    }

    /// Pulls the cables of the nodes in turn, so many times in all.
    pub(super) fn cut(&self, runs: usize) -> Result<Cuts> {
        let nodes = self.bed.lab.nodes();
        let mut cuts = Cuts {
            detection: detection(&self.frr.bfd(nodes[0].v4.into())?)?,
            ..Cuts::default()
        };
        for node in nodes.iter().cycle().take(runs) {
            self.whole()?;
            self.steady(stamp())?;
            let from = stamp();
            self.bed.lab.unplug(&node.name)?;
            self.bed.wait("the router to have one way", || {
                Ok((self.router.forwards(&self.prefix)?.len() == 1).then_some(()))
            })?;
            self.steady(stamp())?;
            let to = stamp();
            let silences = self
                .clients
                .iter()
                .map(|client| Ok(client.seen(from, to)?.silence));
            let longest = silences.collect::<Result<Vec<_>>>()?.into_iter().max();
            let longest = longest.context("no client")?;
            ensure!(longest > UNDISTURBED, "no client went over {}", node.name);
            cuts.silences.push(longest);
            self.bed.lab.plug(&node.name)?;
        }
        self.whole()?;
        Ok(cuts)
    }

    /// Keeps every core busy, and counts the sessions that are lost meanwhile.
    pub(super) fn stay_quiet(&self, minutes: u64) -> Result<Quiet> {
        self.whole()?;
        let before = self.losses()?;
        let over = AtomicBool::new(false);
        let cores = thread::available_parallelism()?.get();
        thread::scope(|threads| -> Result<()> {
            for _ in 0..cores {
                threads.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        hint::spin_loop();
                    }
                });
            }
            let end = now() + Duration::from_secs(60 * minutes);
            while now() < end && !lab::interrupted() {
                thread::sleep(Duration::from_secs(1));
            }
            over.store(true, Ordering::Relaxed);
            ensure!(!lab::interrupted(), "interrupted");
            Ok(())
        })?;
        Ok(Quiet {
            minutes,
            false_downs: self.losses()? - before,
        })
    }

    /// How often BFD and BGP went down so far, as the router counts.
    fn losses(&self) -> Result<u64> {
        let counters = self.frr.json("show bfd peers counters json")?;
        let bfd = counters.as_array().into_iter().flatten();
        let mut losses: u64 = bfd.filter_map(|peer| peer["session-down"].as_u64()).sum();
        for node in self.bed.lab.nodes() {
            let shown = self.frr.neighbour(&node.v4.to_string())?;
            losses += shown["connectionsDropped"]
                .as_u64()
                .context("a count of losses")?;
        }
        Ok(losses)
    }

    /// Waits until BFD is up with both nodes, and the router has both ways.
    fn whole(&self) -> Result<()> {
        self.bed.wait("both ways, and BFD", || {
            for node in self.bed.lab.nodes() {
                let shown = self.frr.bfd(node.v4.into())?;
                // Until it is up, packets come once a second.
                ensure!(
                    shown["status"] == "up" && shown["remote-transmit-interval"] == 50,
                    "{shown}"
                );
            }
            Ok((self.router.forwards(&self.prefix)?.len() == 2).then_some(()))
        })
    }

    fn steady(&self, since: SystemTime) -> Result<()> {
        self.bed.wait("every client to be served", || {
            let steady = self.clients.iter().all(|client| client.is_steady_since(since));
            Ok(steady.then_some(()))
        })
    }
}

/// After how long without a packet the router says that the path is down (RFC 5880 §6.8.4).
fn detection(session: &Value) -> Result<Duration> {
    let number = |field: &str| {
        session[field]
            .as_u64()
            .with_context(|| format!("no {field} in {session}"))
    };
    let interval = number("receive-interval")?.max(number("remote-transmit-interval")?);
    Ok(Duration::from_millis(
        interval * number("remote-detect-multiplier")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_both_ends_sets_the_detection_time() {
        let session = |receive: u64, remote: u64| {
            json!({
                "receive-interval": receive, "remote-transmit-interval": remote, "detect-multiplier": 9,
                "remote-detect-multiplier": 3,
            })
        };
        for (receive, remote, expected) in [(50, 50, 150), (300, 50, 900), (50, 100, 300)] {
            let found = detection(&session(receive, remote)).unwrap();
            assert_eq!(found, Duration::from_millis(expected));
        }
        assert!(detection(&Value::Null).is_err());
    }
}
