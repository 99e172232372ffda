//! Clocks that run at different rates, jump ahead, or stand still with their nodes (the clock of the faults' world model).

use super::*;

impl World {
    /// Clocks that are as far apart as this, in millionths: the first too fast, the second too slow, and so on.
    fn set_rates(&mut self, most: i32) {
        let now = self.now;
        for (i, node) in self.nodes.iter_mut().enumerate() {
            let rate = if i % 2 == 0 { most } else { -most };
            node.clock.set_rate(now, rate);
        }
    }
}

/// S3
#[test]
fn nothing_moves_for_ten_minutes_though_no_two_clocks_agree() {
    for (most, loss) in [(200, 0), (200, 10), (10_000, 0), (10_000, 10)] {
        let network = Network { loss, ..slow() };
        let mut world = World::started(1, 5, 10, network);
        world.set_rates(most);
        world.run_for(10 * SECOND);
        let before = world.all_holders();
        world.forget_events();
        world.run_for(600 * SECOND);
        assert_eq!(world.all_holders(), before);
        assert_eq!(world.takes(), 0);
    }
}

/// F3, S3
#[test]
fn a_dead_node_is_replaced_as_fast_though_no_two_clocks_agree() {
    for (most, limit) in [(200, ms(330)), (10_000, ms(335))] {
        for seed in 0..20 {
            let mut world = World::settled(seed, 3, 9, slow());
            world.set_rates(most);
            let phase = world.chance.below(20_000_000);
            world.run_for(Duration::from_micros(phase));
            let victim = seed as usize % 3;
            world.power_off(victim);
            let took = world.run_until(SECOND, World::is_held);
            assert!(took <= limit, "{most}: {took:?}");
        }
    }
}

/// What is due then is overdue by its clock alone: its peers were not silent.
#[test]
fn a_clock_that_jumps_by_less_than_its_peers_may_be_silent_moves_nothing() {
    for (nodes, seed) in [2, 3, 5]
        .into_iter()
        .flat_map(|nodes| (0..20).map(move |seed| (nodes, seed)))
    {
        let mut world = World::aged(seed, nodes, 2 * nodes, slow());
        let ahead = Duration::from_micros(world.chance.between(1000, 190_000));
        world.jump(0, ahead);
        world.run_for(2 * SECOND);
        world.assert_nothing_moved();
        world.assert_converged();
    }
}

/// Rule 11: by its own clock it did not run. It listens, others answer for it meanwhile, and it goes on.
#[test]
fn a_clock_that_jumps_far_makes_its_node_listen_again_and_nothing_is_lost() {
    for seconds in [1, 5, 100] {
        let mut world = World::aged(1, 3, 6, slow());
        let before = world.all_holders();
        world.jump(0, seconds * SECOND);
        assert!(world.nodes[0].speaker.as_ref().unwrap().is_listening());
        world.run_for(3 * SECOND);
        world.assert_converged();
        assert_eq!(world.all_holders(), before);
        assert_eq!(world.takes(), 0);
        assert!(
            world.oracle.worst_vacancy <= ms(20),
            "{:?}",
            world.oracle.worst_vacancy
        );
    }
}

/// A virtual machine that was moved, and whose clock was not put right, goes on as though nothing had happened. What it
/// held has been taken: two answer until it hears so.
#[test]
fn a_node_that_stood_still_with_its_clock_yields_as_soon_as_it_hears_what_was_taken() {
    for nodes in [2, 3, 5] {
        let times = (0..40).map(|seed| {
            let mut world = World::aged(seed, nodes, 2 * nodes, slow());
            let phase = world.chance.below(100_000);
            world.run_for(Duration::from_micros(phase));
            let victim = world.holder(&unit(0));
            world.suspend(victim, 5 * SECOND);
            world.run_for(4900 * ms(1));
            assert!(world.is_held());
            world.run_for(ms(100));
            assert!(!world.is_held(), "it still answers");
            let took = world.run_until(SECOND, World::is_held);
            world.run_for(SECOND);
            world.assert_converged();
            took
        });
        let times = spread(times.collect());
        println!("{nodes} nodes, suspended: {times:?}");
        assert!(times.2 <= ms(115) + 2 * ms(12), "{times:?}");
    }
}

/// It must take nothing either by what it knew.
#[test]
fn a_node_that_stood_still_with_its_clock_for_a_moment_moves_nothing() {
    for seed in 0..20 {
        let mut world = World::aged(seed, 3, 6, slow());
        world.suspend(0, ms(50 + 5 * seed));
        world.run_for(3 * SECOND);
        world.assert_nothing_moved();
    }
}
