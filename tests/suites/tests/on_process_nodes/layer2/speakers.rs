use anyhow::{Result, ensure};
use lab::Signal;
use suites::{Bed, Watched, on};

use super::{bed, everything_moves, nodes, nothing_moves, wait_for_answers};

/// F1, F3, P-L2-31, P-L2-36: a speaker that is killed, stopped or replaced costs nothing, for its node forwards and another
/// speaker answers with its hardware address. Only what is handed over, or given up after ten seconds, moves.
#[test]
fn nothing_moves_while_a_speaker_is_away_for_a_moment_and_all_of_it_when_it_goes_for_good() {
    on(bed("layer2-speakers"), |bed| {
        let watched = Watched::start(bed, super::SERVICE)?;
        let up = || watched.wait_until_up(&nodes(bed));
        up()?;
        killed(bed, &watched)?;
        up()?;
        stopped(bed, &watched)?;
        up()?;
        bed.replacing(true)?;
        let replace = |node: &str| {
            bed.end_speaker(node, Signal::SIGTERM)?;
            bed.speaker(node).map(drop)
        };
        nothing_moves(&watched, "speaker replaced", replace)?;
        up()?;
        nothing_moves(&watched, "rolling restart", |_| {
            nodes(bed).iter().try_for_each(|node| replace(node))
        })?;
        up()?;
        bed.replacing(false)?;
        let end = |node: &str| bed.end_speaker(node, Signal::SIGTERM);
        let left = handed_over(bed, &watched, "SIGTERM", end)?;
        nothing_moves(&watched, "speaker back", |_| {
            bed.speaker(&left)?;
            up()
        })?;
        drained(bed, &watched)?;
        up()?;
        gone(bed, &watched)
    });
}

fn killed(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let holder = nothing_moves(watched, "SIGKILL", |node| {
        bed.end_speaker(node, Signal::SIGKILL)?;
        wait_for_answers(bed, watched, node, true)?;
        bed.speaker(node).map(drop)
    })?;
    wait_for_answers(bed, watched, &holder, false)
}

fn stopped(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let holder = nothing_moves(watched, "SIGSTOP", |node| {
        bed.speaker_process(node)?.signal(Signal::SIGSTOP)?;
        wait_for_answers(bed, watched, node, true)?;
        bed.speaker_process(node)?.signal(Signal::SIGCONT)
    })?;
    wait_for_answers(bed, watched, &holder, false)
}

/// What is handed over costs nobody anything; gives who had it.
fn handed_over(
    bed: &Bed,
    watched: &Watched<'_>,
    what: &str,
    ask: impl FnOnce(&str) -> Result<()>,
) -> Result<String> {
    let (holder, next, seen) = everything_moves(bed, watched, what, ask)?;
    ensure!(
        seen.iter().all(|client| client.lost == 0),
        "{what}: something was lost: {seen:?}"
    );
    wait_for_answers(bed, watched, &next, false)?;
    Ok(holder)
}

/// A cordon by itself says nothing about addresses; with the annotation, and by the taint, it does.
fn drained(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let cordon = |node: &str| bed.lab.kubectl(&["cordon", node]).map(drop);
    let uncordon = |node: &str| bed.lab.kubectl(&["uncordon", node]).map(drop);
    let holder = nothing_moves(watched, "cordon without the annotation", cordon)?;
    uncordon(&holder)?;
    let annotation = "heraldlb.io/drain-on-cordon=true";
    bed.lab.kubectl(&["annotate", "node", &holder, annotation])?;
    handed_over(bed, watched, "cordon", cordon)?;
    nothing_moves(watched, "uncordon", |_| uncordon(&holder))?;

    let taint = |node: &str, end: &str| {
        let taint = format!("heraldlb.io/drain:NoSchedule{end}");
        bed.lab.kubectl(&["taint", "node", node, &taint]).map(drop)
    };
    let holder = handed_over(bed, watched, "taint", |node| taint(node, ""))?;
    nothing_moves(watched, "taint removed", |_| taint(&holder, "-")).map(drop)
}

/// A speaker that does not come back: its node forwards meanwhile.
fn gone(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let kill = |node: &str| bed.end_speaker(node, Signal::SIGKILL);
    let (holder, _, seen) = everything_moves(bed, watched, "speaker gone", kill)?;
    let warm = &seen[..2];
    ensure!(
        warm.iter().all(|client| client.lost == 0),
        "the node still forwards: {warm:?}"
    );
    nothing_moves(watched, "speaker back after long", |_| {
        bed.speaker(&holder)?;
        watched.wait_until_up(&nodes(bed))
    })
    .map(drop)
}
