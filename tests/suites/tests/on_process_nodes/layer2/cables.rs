use anyhow::{Result, ensure};
use lab::Direction;
use suites::{Bed, Watched, on};

use super::{bed, everything_moves, nodes, nothing_moves, wait_for_answers};

/// S3, F2, P-L2-31: whatever is cut, another node answers for both families, and what has moved stays when the node
/// is back. A node that only stopped running keeps what it holds.
#[test]
fn a_node_that_is_cut_off_is_replaced_and_one_that_is_frozen_is_stood_in_for() {
    on(bed("layer2-cables"), |bed| {
        let watched = Watched::start(bed, super::SERVICE)?;
        watched.wait_until_up(&nodes(bed))?;
        replaced_for_good(
            bed,
            &watched,
            "cable pulled",
            |node| bed.lab.unplug(node),
            |node| bed.lab.plug(node),
        )?;
        for (what, direction) in [("mute", Direction::FromHost), ("deaf", Direction::ToHost)] {
            let cut = |node: &str| bed.lab.cut(node, direction);
            replaced_for_good(bed, &watched, what, cut, |node| bed.lab.join(node))?;
        }
        frozen_for_a_moment(bed, &watched)?;
        frozen_for_long(bed, &watched)
    });
}

fn replaced_for_good(
    bed: &Bed,
    watched: &Watched<'_>,
    what: &str,
    cut: impl FnOnce(&str) -> Result<()>,
    mend: impl FnOnce(&str) -> Result<()>,
) -> Result<()> {
    let (holder, next, _) = everything_moves(bed, watched, what, cut)?;
    // Nobody who asks is told of two for long; those who know the way notice nothing.
    nothing_moves(watched, &format!("{what}, mended"), |_| {
        mend(&holder)?;
        watched.wait_until_up(&nodes(bed))
    })?;
    wait_for_answers(bed, watched, &next, false)
}

/// Every process of the node stops, and its kernel forwards: it need not be replaced.
fn frozen_for_a_moment(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let holder = nothing_moves(watched, "node frozen", |node| {
        bed.lab.freeze(node)?;
        wait_for_answers(bed, watched, node, true)
    })?;
    nothing_moves(watched, "node thawed", |node| {
        bed.lab.thaw(node)?;
        watched.wait_until_up(&nodes(bed))
    })?;
    wait_for_answers(bed, watched, &holder, false)
}

/// A speaker that does not come back is replaced, and does not take back what has moved.
fn frozen_for_long(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let freeze = |node: &str| bed.lab.freeze(node);
    let (holder, next, seen) = everything_moves(bed, watched, "node frozen for long", freeze)?;
    let warm = &seen[..2];
    ensure!(
        warm.iter().all(|client| client.lost == 0),
        "the node still forwards: {warm:?}"
    );
    nothing_moves(watched, "node thawed after long", |_| {
        bed.lab.thaw(&holder)?;
        watched.wait_until_up(&nodes(bed))
    })?;
    wait_for_answers(bed, watched, &next, false)
}
