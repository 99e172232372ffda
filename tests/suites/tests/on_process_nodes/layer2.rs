//! Every fault of a segment, with clients of both families that know the way and such that have to ask for it: who answers,
//! with whose hardware address, what was lost, and that nothing moved that need not.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::Seen;
use serde_json::json;
use suites::{Bed, CLIENTS, Watched};

mod cables;
mod datapaths;
mod firewall;
mod health;
mod links;
mod local;
mod outages;
mod speakers;
mod strangers;

const SERVICE: &str = "web";

/// What clients wait at most for another node. The machine may have other things to do: `make bench-failover` measures.
const SILENCE: Duration = Duration::from_millis(1500);

/// Three nodes with speakers, and a Service with an address of each family that echoes.
fn bed(name: &str) -> Result<Bed> {
    let bed = Bed::bare(name)?;
    bed.dual_pool("lan")?;
    bed.advertise("lan", json!({}))?;
    bed.controller(1)?;
    for node in bed.lab.nodes() {
        bed.speaker(&node.name)?;
    }
    let backend = bed.lab.backend("echo")?;
    bed.lab.load_balancer(SERVICE, &[&backend])?;
    Ok(bed)
}

fn nodes(bed: &Bed) -> Vec<String> {
    bed.lab.nodes().into_iter().map(|node| node.name).collect()
}

/// Another node than `holder`, and not `but` either.
fn another<'a>(nodes: &'a [String], holder: &str, but: &str) -> &'a str {
    let free = nodes.iter().find(|node| *node != holder && *node != but);
    free.map_or("", String::as_str)
}

/// Lets something happen to the holder that moves nothing and costs clients that know the way nothing; gives the holder.
fn nothing_moves(
    watched: &Watched<'_>,
    what: &str,
    fault: impl FnOnce(&str) -> Result<()>,
) -> Result<String> {
    let holder = watched.holder()?;
    let (after, seen) = watched.through(|| {
        fault(&holder)?;
        watched.holder()
    })?;
    ensure!(
        after == holder,
        "{what}: the addresses moved from {holder} to {after}"
    );
    check(what, &seen)?;
    Ok(holder)
}

/// Lets something happen to the holder after which another node is to hold the addresses; gives both, and what clients saw.
fn everything_moves(
    bed: &Bed,
    watched: &Watched<'_>,
    what: &str,
    fault: impl FnOnce(&str) -> Result<()>,
) -> Result<(String, String, Vec<Seen>)> {
    let holder = watched.holder()?;
    let (next, seen) = watched.through(|| {
        fault(&holder)?;
        bed.wait(&format!("{what}: another node to answer"), || {
            Ok(watched.told_of()?.filter(|node| *node != holder))
        })
    })?;
    for (client, seen) in CLIENTS.iter().zip(&seen) {
        ensure!(
            seen.silence < SILENCE,
            "{what}: {client} was without an answer for {:?}",
            seen.silence
        );
    }
    Ok((holder, next, seen))
}

/// No client that knows the way lost anything, and none that asks waited for long.
fn check(what: &str, seen: &[Seen]) -> Result<()> {
    for (client, seen) in CLIENTS.iter().zip(seen) {
        ensure!(
            seen.lost == 0 || !client.starts_with("warm"),
            "{what}: {client} lost {} of {} datagrams",
            seen.lost,
            seen.sent
        );
        ensure!(
            seen.silence < SILENCE,
            "{what}: {client} was without an answer for {:?}",
            seen.silence
        );
    }
    Ok(())
}

/// Waits until both addresses are answered for with the hardware address of `holder` by another node, a surrogate; or by the
/// holder itself.
fn wait_for_answers(bed: &Bed, watched: &Watched<'_>, holder: &str, by_surrogate: bool) -> Result<()> {
    let mac = bed.lab.host(holder)?.mac;
    let who = if by_surrogate { "a surrogate" } else { "itself" };
    for ip in watched.addresses {
        bed.wait(&format!("{ip} of {holder} to be answered for by {who}"), || {
            let answers = watched.answers(ip)?;
            ensure!(!answers.is_empty(), "nobody answers");
            let fits = |said: &lab::Said| {
                said.mac.to_string() == mac && (said.from.to_string() != mac) == by_surrogate
            };
            ensure!(answers.iter().all(fits), "{answers:?}");
            Ok(Some(()))
        })?;
    }
    Ok(())
}
