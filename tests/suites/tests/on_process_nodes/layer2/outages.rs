use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use lab::{Process, Signal};
use suites::{Bed, Watched, on};

use super::{another, bed, check, everything_moves, nodes, nothing_moves, wait_for_answers};

/// S5, F4, F42, P-L2-33: without the API server everything goes on: faults are mastered as ever, and a speaker that is started again
/// goes on from what it kept. One whose memory is damaged says so, and says nothing else.
#[test]
fn without_the_api_server_every_fault_is_mastered_as_with_it() {
    on(bed("layer2-outages"), |bed| {
        let watched = Watched::start(bed, super::SERVICE)?;
        watched.wait_until_up(&nodes(bed))?;
        // Changes are kept a second after they came.
        for node in nodes(bed) {
            let file = bed.state_file(&node)?;
            bed.wait(&format!("{}", file.display()), || {
                Ok(fs::read_to_string(&file)?.contains("192.168.1").then_some(()))
            })?;
        }
        bed.replacing(true)?;
        nothing_moves(&watched, "API server down", |_| bed.lab.stop_api_server())?;

        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            let holder = nothing_moves(&watched, &format!("{signal}, API server down"), |node| {
                bed.end_speaker(node, signal)?;
                resumed(bed, node)?;
                watched.wait_until_up(&nodes(bed))
            })?;
            wait_for_answers(bed, &watched, &holder, false)?;
        }
        nothing_moves(&watched, "SIGSTOP, API server down", |node| {
            bed.speaker_process(node)?.signal(Signal::SIGSTOP)?;
            wait_for_answers(bed, &watched, node, true)?;
            bed.speaker_process(node)?.signal(Signal::SIGCONT)?;
            watched.wait_until_up(&nodes(bed))
        })?;
        nothing_moves(&watched, "rolling restart, API server down", |_| {
            for node in nodes(bed) {
                bed.end_speaker(&node, Signal::SIGTERM)?;
                resumed(bed, &node)?;
                watched.wait_until_up(&[node])?;
            }
            Ok(())
        })?;
        let unplug = |node: &str| bed.lab.unplug(node);
        let (cut, ..) = everything_moves(bed, &watched, "cable pulled, API server down", unplug)?;
        nothing_moves(&watched, "cable back, API server down", |_| {
            bed.lab.plug(&cut)?;
            watched.wait_until_up(&nodes(bed))
        })?;
        let silent = damaged(bed, &watched, &cut)?;
        back(bed, &watched, silent)
    });
}

/// Starts a speaker that has nobody to ask, and waits until it says that it goes on.
fn resumed(bed: &Bed, node: &str) -> Result<()> {
    start_saying(bed, node, "going on from what the last speaker left").map(drop)
}

/// Starts a speaker, and waits until it says something.
fn start_saying(bed: &Bed, node: &str, what: &str) -> Result<Arc<Process>> {
    // It appends to the log of the one before it.
    let before = fs::read(bed.lab.log(node, "speaker"))?.len();
    let speaker = bed.spawn_speaker(node)?;
    bed.wait(&format!("the speaker of {node} to say: {what}"), || {
        ensure!(speaker.alive(), "it has ended");
        let log = fs::read(&speaker.log)?;
        let said = String::from_utf8_lossy(log.get(before..).unwrap_or_default());
        Ok(said.contains(what).then_some(()))
    })?;
    Ok(speaker)
}

/// A node that does not hold the addresses loses its memory: it takes no part until the API server is back.
fn damaged(bed: &Bed, watched: &Watched<'_>, but: &str) -> Result<Arc<Process>> {
    let holder = watched.holder()?;
    let nodes = nodes(bed);
    let node = another(&nodes, &holder, but);
    bed.end_speaker(node, Signal::SIGKILL)?;
    let file = bed.state_file(node)?;
    let mut state = fs::read(&file)?;
    let last = state.len() / 2;
    *state.get_mut(last).context("an empty state")? ^= 1;
    fs::write(&file, state)?;
    let speaker = start_saying(bed, node, "is left aside")?;
    let mac = bed.lab.host(node)?.mac;
    for ip in watched.addresses {
        let answers = watched.answers(ip)?;
        ensure!(
            !answers.is_empty() && answers.iter().all(|said| said.from.to_string() != mac),
            "{node} knows nothing and answers: {answers:?}"
        );
    }
    Ok(speaker)
}

/// The API server comes back, and nothing moves; the speaker without a memory comes to know what it has to.
fn back(bed: &Bed, watched: &Watched<'_>, silent: Arc<Process>) -> Result<()> {
    let holder = watched.holder()?;
    let (_, seen) = watched.through(|| {
        bed.lab.start_api_server()?;
        bed.informed(silent)?;
        watched.wait_until_up(&nodes(bed))
    })?;
    check("API server back", &seen)?;
    let after = watched.holder()?;
    ensure!(after == holder, "API server back: moved from {holder} to {after}");
    bed.wait("the condition to name the holder", || {
        let condition = bed.condition_of("service", super::SERVICE, "heraldlb.io/Announced", "True")?;
        Ok(condition.filter(|(_, message)| message.contains(&format!("by node {holder}:"))))
    })?;
    Ok(())
}
