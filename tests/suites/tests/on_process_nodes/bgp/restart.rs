use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use lab::{Bird, Frr, Learned, Probe, Router, Signal, stamp};
use serde_json::json;
use suites::{Bed, Neighbour, Peering, on};

use super::{
    MARKS, NODES, SERVICE, SPINE, TOR, bed, in_bird, in_frr, peers_of, prefixes, start_speakers, words,
};

const NODE: &str = "n1";

/// Looks at the routers at least, while something is not to be noticed.
const LEAST: usize = 5;

/// Two nodes, a router of each kind, a client that sends all the time.
struct Scene<'a> {
    bed: &'a Bed,
    tor: &'a Router<'a>,
    spine: &'a Router<'a>,
    frr: &'a Frr<'a>,
    bird: &'a Bird<'a>,
    prefixes: [String; 2],
    probes: Vec<Probe>,
}

/// P-BGP-34, P-BGP-38, P-BGP-39, P-BGP-40, P-BGP-41, P-BGP-42: while speakers are killed and come back, no router's table is
/// ever without a route, and no client loses anything. What is left for good is marked before it is withdrawn, and closed so that
/// nothing is kept. Without graceful restart the routes go with the speaker. B7, B15.
#[test]
fn a_speaker_that_comes_back_was_never_missed_and_one_that_leaves_says_so_first() {
    on(bed("bgp-restart", 2), |bed| {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let nodes = bed.lab.nodes();
        let both = |node| [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)];
        let frr = tor.frr(&Peering::of(&tor, TOR, nodes.iter().flat_map(both)).frr())?;
        let bird = spine.bird(&Peering::of(&spine, SPINE, nodes.iter().flat_map(both)).bird())?;
        let kept = json!({"enableGracefulRestart": true, "gracefulShutdownTime": "3s"});
        peers_of(bed, &tor, TOR, &kept)?;
        peers_of(bed, &spine, SPINE, &kept)?;
        bed.bgp_advertise("all", json!({}))?;
        start_speakers(bed)?;
        bed.lab.load_balancer(SERVICE, &[&bed.lab.backend("echo")?])?;
        let addresses = bed.both_addresses(SERVICE)?;
        let scene = Scene {
            bed,
            tor: &tor,
            spine: &spine,
            frr: &frr,
            bird: &bird,
            prefixes: prefixes(addresses),
            probes: probes(bed, [&tor, &spine], addresses)?,
        };
        scene.complete()?;
        scene.steady(SystemTime::UNIX_EPOCH)?;

        killed(&scene)?;
        replaced(&scene)?;
        without_the_api_server(&scene)?;
        drained(&scene)?;
        left(&scene)?;
        silent(&scene)?;
        not_kept(&scene)
    });
}

/// Clients behind both routers: several of each, so that every node has some.
fn probes(bed: &Bed, routers: [&Router<'_>; 2], addresses: [IpAddr; 2]) -> Result<Vec<Probe>> {
    let mut probes = Vec::new();
    for router in routers {
        for address in addresses {
            for _ in 0..3 {
                probes.push(
                    bed.lab
                        .probe(&router.client.name, SocketAddr::from((address, 7777)))?,
                );
            }
        }
    }
    Ok(probes)
}

impl Scene<'_> {
    /// Both routers have both routes from both nodes, and none is kept from before.
    fn complete(&self) -> Result<()> {
        let fresh = |routes: &[Learned]| {
            routes.len() == 2
                && routes
                    .iter()
                    .all(|route| !route.stale && route.communities.is_empty())
        };
        for prefix in &self.prefixes {
            self.bed.learns(self.frr, prefix, "fresh from two nodes", fresh)?;
            self.bed
                .learns(self.bird, prefix, "fresh from two nodes", fresh)?;
            self.bed.wait("two ways", || {
                Ok((self.tor.forwards(prefix)?.len() == 2).then_some(()))
            })?;
        }
        Ok(())
    }

    fn steady(&self, since: SystemTime) -> Result<()> {
        self.bed.wait("every client to be served", || {
            Ok(self
                .probes
                .iter()
                .all(|probe| probe.is_steady_since(since))
                .then_some(()))
        })
    }

    /// Does something of which no client may notice anything, and during which both routers must have routes from two nodes at
    /// every moment.
    fn unnoticed<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (from, over) = (stamp(), AtomicBool::new(false));
        let done = thread::scope(|threads| {
            let watch = threads.spawn(|| self.never_without(&over));
            let done = work().and_then(|done| self.complete().map(|()| done));
            over.store(true, Ordering::SeqCst);
            let seen = watch
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let done = done.with_context(|| what.to_owned())?;
            seen.with_context(|| what.to_owned())?;
            anyhow::Ok(done)
        })?;
        self.steady(stamp())?;
        self.nothing_lost(what, from)?;
        Ok(done)
    }

    /// No client has lost anything; else what each has seen, three behind a router for each family.
    fn nothing_lost(&self, what: &str, from: SystemTime) -> Result<()> {
        let seen: Result<Vec<_>> = self
            .probes
            .iter()
            .map(|probe| probe.seen(from, stamp()))
            .collect();
        let seen = seen?;
        ensure!(seen.iter().all(|seen| seen.lost == 0), "{what}: {seen:#?}");
        Ok(())
    }

    /// However quickly it is over, it is looked at a few times.
    fn never_without(&self, over: &AtomicBool) -> Result<()> {
        let mut looks = 0;
        while looks < LEAST || !over.load(Ordering::SeqCst) {
            for prefix in &self.prefixes {
                let (frr, bird) = (self.frr.routes(prefix)?, self.bird.routes(prefix)?);
                ensure!(frr.len() == 2, "FRR has {frr:?}");
                ensure!(bird.len() == 2, "BIRD has {bird:?}");
                let ways = self.tor.forwards(prefix)?;
                ensure!(ways.len() == 2, "the kernel has {ways:?}");
            }
            looks += 1;
        }
        Ok(())
    }

    /// Kills the node's speaker, and waits until FRR has noticed and keeps its routes.
    fn killed_and_kept(&self) -> Result<()> {
        self.bed.end_speaker(NODE, Signal::SIGKILL)?;
        for prefix in &self.prefixes {
            let stale = |routes: &[Learned]| {
                let mut of_node = routes.iter().filter(|route| self.is_of_node(route));
                of_node.all(|route| route.stale) && routes.len() == 2
            };
            self.bed.learns(self.frr, prefix, "kept from before", stale)?;
        }
        Ok(())
    }

    /// Waits until the routes of the node are marked at both routers, then until they are gone.
    fn marked_then_gone(&self) -> Result<()> {
        let of_node = |routes: &[Learned]| routes.iter().find(|route| self.is_of_node(route)).cloned();
        for prefix in &self.prefixes {
            let marked = |routes: &[Learned]| {
                let route = of_node(routes);
                route.is_some_and(|route| MARKS.iter().any(|mark| route.communities.contains(*mark)))
            };
            self.bed.learns(self.frr, prefix, "marked", marked)?;
            self.bed.learns(self.bird, prefix, "marked", marked)?;
        }
        for prefix in &self.prefixes {
            let gone = |routes: &[Learned]| routes.len() == 1 && of_node(routes).is_none();
            self.bed.learns(self.frr, prefix, "gone", gone)?;
            self.bed.learns(self.bird, prefix, "gone", gone)?;
        }
        Ok(())
    }

    fn is_of_node(&self, route: &Learned) -> bool {
        let node = self.bed.lab.host(NODE);
        node.is_ok_and(|node| {
            let names = [node.v4.to_string(), node.v6.to_string()];
            names.contains(&route.peer) || route.peer.starts_with(&format!("{NODE}_"))
        })
    }
}

fn killed(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    scene.unnoticed("killed", || {
        scene.killed_and_kept()?;
        // BIRD keeps them as well, and does not show that: what it has is looked at all the time.
        for family in ['4', '6'] {
            ensure!(!scene.bird.established(&format!("{NODE}_{family}"))?);
        }
        bed.speaker(NODE).map(drop)
    })
}

/// A rolling update: each speaker is told to end, and another takes its place.
fn replaced(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    bed.replacing(true)?;
    scene.unnoticed("replaced", || {
        for node in bed.lab.nodes() {
            bed.end_speaker(&node.name, Signal::SIGTERM)?;
            bed.speaker(&node.name)?;
            scene.complete()?;
        }
        Ok(())
    })?;
    bed.replacing(false)
}

/// S5, F7: a speaker that is killed while the API server is away goes on from what it kept.
fn without_the_api_server(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    let file = bed.state_file(NODE)?;
    bed.wait("the routes to be kept", || {
        let kept = fs::read_to_string(&file)?;
        Ok(scene
            .prefixes
            .iter()
            .all(|prefix| kept.contains(prefix))
            .then_some(()))
    })?;
    let speaker = scene.unnoticed("killed, API server down", || {
        bed.lab.stop_api_server()?;
        scene.killed_and_kept()?;
        bed.spawn_speaker(NODE)
    })?;
    bed.lab.start_api_server()?;
    bed.informed(speaker)?;
    scene.complete()
}

/// A drain leaves the sessions up; clients move before the routes go.
fn drained(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    let node = bed.lab.host(NODE)?;
    let neighbour = node.v4.to_string();
    let before = super::establishments(scene.frr, std::slice::from_ref(&neighbour))?;
    let taint = |end: &str| {
        let taint = format!("heraldlb.io/drain:NoSchedule{end}");
        bed.lab.kubectl(&["taint", "node", NODE, &taint]).map(drop)
    };
    let from = stamp();
    taint("")?;
    scene.marked_then_gone()?;
    scene.steady(stamp())?;
    scene.nothing_lost("drained", from)?;
    let after = super::establishments(scene.frr, std::slice::from_ref(&neighbour))?;
    ensure!(before == after, "the session was closed");
    ensure!(scene.frr.neighbour(&neighbour)?["bgpState"] == "Established");
    taint("-")?;
    scene.complete()
}

/// A speaker that ends for good: marked, withdrawn, and closed with words for the router's operator.
fn left(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    bed.speaker_process(NODE)?.signal(Signal::SIGTERM)?;
    scene.marked_then_gone()?;
    let neighbour = bed.lab.host(NODE)?.v4.to_string();
    let said = bed.wait("FRR to be told why", || {
        let shown = scene.frr.neighbour(&neighbour)?;
        Ok(shown["lastNotificationReason"].as_str().map(str::to_owned))
    })?;
    ensure!(
        said.contains("Administrative Shutdown") || said.contains("Hard Reset"),
        "{said}"
    );
    let process = bed.speaker_process(NODE)?;
    bed.wait("the speaker to end", || Ok((!process.alive()).then_some(())))?;
    bed.speaker(NODE)?;
    scene.complete()
}

/// A router whose processes stop while its kernel still takes what comes: the hold time ends the session (here 3 s).
fn silent(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    let short = json!({"holdTime": "3s", "enableGracefulRestart": true});
    peers_of(bed, scene.tor, TOR, &short)?;
    scene.complete()?;
    bed.wait("the shorter hold time", || {
        let shown = scene.frr.neighbour(&bed.lab.host(NODE)?.v4.to_string())?;
        Ok((shown["bgpTimerHoldTimeMsecs"] == 3000).then_some(()))
    })?;
    // What the Speaker shows may be a little older than what the router does.
    bed.session_is(NODE, "tor-v4", "Established")?;
    bed.lab.freeze("tor")?;
    let said = bed.wait("the speaker to close", || {
        let said = bed.session(NODE, "tor-v4")?;
        ensure!(said["state"] != "Established", "it says {said}");
        Ok(said["lastError"].as_str().map(str::to_owned))
    });
    bed.lab.thaw("tor")?;
    let said = said?;
    ensure!(said.to_lowercase().contains("hold timer expired"), "{said}");
    scene.complete()
}

/// Without graceful restart, the routers drop what the speaker announced as soon as it is gone.
fn not_kept(scene: &Scene<'_>) -> Result<()> {
    let bed = scene.bed;
    let nothing = json!({"enableGracefulRestart": false});
    peers_of(bed, scene.tor, TOR, &nothing)?;
    peers_of(bed, scene.spine, SPINE, &nothing)?;
    scene.complete()?;
    bed.end_speaker(NODE, Signal::SIGKILL)?;
    let others: Vec<_> = bed
        .lab
        .nodes()
        .into_iter()
        .filter(|node| node.name != NODE)
        .collect();
    for (prefix, v6) in scene.prefixes.iter().zip([false, true]) {
        bed.learns_from(scene.frr, prefix, &words(&in_frr(&others, v6)))?;
        bed.learns_from(
            scene.bird,
            prefix,
            &words(&in_bird(&others, if v6 { '6' } else { '4' })),
        )?;
    }
    bed.speaker(NODE)?;
    scene.complete()
}
