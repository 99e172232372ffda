use proptest::prelude::*;

mod checks;
mod choice;
mod history;
mod rules;
mod world;

use history::History;
use world::steps;

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    /// S1, S2
    #[test]
    fn whatever_happens_each_answer_is_the_one_that_the_rules_give(steps in steps()) {
        let mut history = History::new();
        for step in &steps {
            history.take(step);
        }
    }
}
