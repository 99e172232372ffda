//! A holder that has lost the API goes by facts that are no longer true, and others know better.

use super::hand_over::silence;
use super::*;
use crate::node::name;

/// By what all others know, the holder of the first unit may not have it any more: its last endpoint there is gone, say.
fn behind(seed: u64) -> (World, usize) {
    let mut world = World::aged(seed, 3, 3, slow());
    let holder = world.holder(&unit(0));
    world.change(|facts| {
        candidates(facts.units.get_mut(&unit(0)).unwrap()).remove(&name(holder));
    });
    (0..3).filter(|i| *i != holder).for_each(|i| world.tell(i));
    (world, holder)
}

/// S4, S5: what one has lost the API for is not taken from it, for those who think they know better may be those who do not.
#[test]
fn nobody_takes_from_a_living_holder_whose_facts_are_old() {
    for seed in 0..5 {
        let (mut world, holder) = behind(seed);
        world.run_for(60 * SECOND);
        world.assert_nothing_moved();
        assert_eq!(world.holders(&unit(0)), [holder]);
    }
}

/// S4, F4
#[test]
fn a_holder_whose_facts_come_back_gives_away_what_it_must_not_have_without_a_gap() {
    for seed in 0..5 {
        let (mut world, holder) = behind(seed);
        world.run_for(20 * SECOND);
        world.tell(holder);
        assert_eq!(silence(&mut world, unit(0), SECOND), Duration::ZERO);
        assert_ne!(world.holder(&unit(0)), holder);
        world.assert_converged();
        assert_eq!(world.takes(), 1);
    }
}

/// S4: the facts of those who are there decide as soon as nobody is asked to give up what it answers for.
#[test]
fn a_holder_whose_facts_are_old_and_whose_speaker_ends_is_replaced_at_once() {
    for (seed, dies) in (0..5).flat_map(|seed| [(seed, false), (seed, true)]) {
        let (mut world, holder) = behind(seed);
        world.run_for(SECOND);
        if dies {
            world.power_off(holder)
        } else {
            world.kill(holder)
        }
        world.run_for(SECOND);
        let after = world.holder(&unit(0));
        assert_ne!(after, holder);
        // Nor does it get it back by facts that are as old.
        if !dies {
            let disk = world.nodes[holder].disk.clone();
            world.start(holder, disk);
            world.run_for(5 * SECOND);
            assert_eq!(world.holder(&unit(0)), after);
        }
    }
}

/// S3, S5: whose facts are old takes nothing either from one who holds by newer ones.
#[test]
fn a_node_whose_facts_are_old_takes_nothing_from_one_who_has_newer() {
    for seed in 0..5 {
        let (mut world, holder) = behind(seed);
        let other = (holder + 1) % 3;
        world.tell(holder);
        world.run_for(2 * SECOND);
        world.forget_events();
        // Now it alone may have it again, and another than the present holder has not heard of it.
        world.change(|facts| {
            let candidates = candidates(facts.units.get_mut(&unit(0)).unwrap());
            *candidates = [(name(holder), 0)].into();
        });
        world.tell(holder);
        world.tell(other);
        world.run_for(10 * SECOND);
        assert!(world.is_held());
        (0..3).for_each(|i| world.tell(i));
        world.run_for(3 * SECOND);
        assert_eq!(world.holder(&unit(0)), holder);
        world.assert_converged();
    }
}
