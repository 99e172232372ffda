use proptest::prelude::*;

mod checks;
mod choice;
mod history;
mod object;
mod rules;
mod steps;
mod truth;
mod world;

use history::History;
use steps::{Change, Edit, Step, quiet_steps, steps};
use world::Configuration;

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(cases),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn live_through(configuration: Configuration, steps: &[Step]) {
    let mut history = History::new(configuration);
    steps.iter().for_each(|step| history.take(step));
}

proptest! {
    #![proptest_config(settings(2000))]

    /// S1, S2
    #[test]
    fn whatever_happens_each_answer_is_the_one_that_the_rules_give(steps in steps()) {
        live_through(Configuration::new(), &steps);
    }
}

proptest! {
    #![proptest_config(settings(1500))]

    /// S1, S2
    #[test]
    fn where_addresses_are_scarce_who_waits_is_told_when_to_ask_again(steps in quiet_steps()) {
        live_through(Configuration::scarce(), &steps);
    }
}

/// What is handed to a pool that takes it from the Service is no more of the pool that the Service names.
#[test]
fn an_address_that_another_pool_takes_is_outside_of_the_named_one() {
    let steps = [
        Step::Change(4, Change::Reallocate),
        Step::Pool(2, Edit::Reclaim),
        Step::Pool(2, Edit::Pin(7)),
        Step::Reconcile(1),
        Step::Change(2, Change::Pools(vec![0])),
        Step::Hand(1, 1, 2),
        Step::Change(2, Change::Addresses(vec![10, 1])),
    ];
    live_through(Configuration::new(), &steps);
}
