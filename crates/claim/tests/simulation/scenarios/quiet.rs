//! Long quiet on a segment that loses some of what it carries: nothing moves.

use super::*;
use crate::seeds::argument;

/// Nobody takes anything from anybody for so long. That one answers for another for a moment, who was not heard, is no move.
fn nothing_moves(nodes: usize, loss: u64, seconds: u32) {
    let network = Network { loss, ..slow() };
    let mut world = World::started(loss, nodes, nodes, network);
    world.oracle.watches = nodes <= 10;
    world.run_for(10 * SECOND);
    let before = world.all_holders();
    world.forget_events();
    for minute in 0..seconds.div_ceil(60) {
        world.run_for(SECOND * 60.min(seconds));
        assert_eq!(world.takes(), 0, "in minute {minute}");
        assert_eq!(world.all_holders(), before, "in minute {minute}");
        world.forget_events();
    }
}

/// S3
#[test]
fn nothing_moves_among_three_nodes_for_hours_though_one_datagram_in_twenty_is_lost() {
    for loss in [10, 50] {
        nothing_moves(3, loss, 2 * 3600);
    }
}

/// S3
#[test]
fn nothing_moves_among_ten_nodes_for_minutes_though_one_datagram_in_twenty_is_lost() {
    for loss in [10, 50] {
        nothing_moves(10, loss, 300);
    }
}

/// S3
#[test]
fn nothing_moves_among_fifty_nodes_though_one_datagram_in_a_hundred_is_lost() {
    nothing_moves(50, 10, 10);
}

/// S3. A part of `make soak`.
#[test]
#[ignore = "a whole day"]
fn soak_nothing_moves_among_three_nodes_for_a_day() {
    for loss in [10, 50] {
        nothing_moves(3, loss, 24 * 3600);
    }
}

/// S3. A part of `make soak`.
#[test]
#[ignore = "hours"]
fn soak_nothing_moves_among_ten_nodes_for_hours() {
    for loss in [10, 50] {
        nothing_moves(10, loss, 2 * 3600);
    }
}

/// S3. `cargo test -p claim --test simulation -- --ignored day_of_a_hundred seconds=86400`
/// A second of it took 2.5 s: some sixty hours.
#[test]
#[ignore = "a whole day of a hundred nodes"]
fn nothing_moves_on_a_day_of_a_hundred_nodes() {
    let seconds = argument("seconds=").unwrap_or(24 * 3600);
    nothing_moves(100, 10, seconds as u32);
}
