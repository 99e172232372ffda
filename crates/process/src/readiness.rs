//! What a process waits for before it is ready, and why.

use std::collections::BTreeMap;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

/// What a process waits for. Starts with everything missing. Clones are the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// By condition, why it is not met.
    unmet: watch::Sender<BTreeMap<&'static str, String>>,
    metric: Family<Condition, Gauge>,
}

/// Of what nobody has said anything.
const NOT_YET: &str = "not yet";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Condition {
    condition: &'static str,
}

impl Readiness {
    /// Not ready before each of `conditions` is [met](Self::met).
    pub fn new(conditions: &[&'static str]) -> Self {
        let metric = Family::default();
        for condition in conditions.iter().copied() {
            gauge(&metric, condition, 0);
        }
        let unmet = conditions
            .iter()
            .map(|condition| (*condition, NOT_YET.to_owned()));
        Self {
            unmet: watch::Sender::new(unmet.collect()),
            metric,
        }
    }

    /// To be called once a process.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "herald_ready_condition",
            "1 while a condition for being ready is met",
            self.metric.clone(),
        );
    }

    /// A condition is met.
    pub fn met(&self, condition: &'static str) {
        gauge(&self.metric, condition, 1);
        if self.change(|unmet| unmet.remove(condition).is_some()) {
            tracing::info!(condition, "condition for being ready met");
        }
    }

    /// A condition is not met, and why.
    pub fn unmet(&self, condition: &'static str, reason: &str) {
        gauge(&self.metric, condition, 0);
        let mut starting = false;
        let changed = self.change(|unmet| {
            let before = unmet.insert(condition, reason.to_owned());
            starting = before.as_deref() == Some(NOT_YET);
            before.as_deref() != Some(reason)
        });
        match (changed, starting) {
            (true, true) => tracing::info!(condition, reason, "not ready yet"),
            (true, false) => tracing::warn!(condition, reason, "not ready"),
            (false, _) => {}
        }
    }

    /// The conditions that are not met, and why.
    pub fn missing(&self) -> BTreeMap<&'static str, String> {
        self.unmet.borrow().clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<&'static str, String>) -> bool) -> bool {
        self.unmet.send_if_modified(change)
    }
}

fn gauge(metric: &Family<Condition, Gauge>, condition: &'static str, value: i64) {
    metric.get_or_create(&Condition { condition }).set(value);
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn names(readiness: &Readiness) -> Vec<&'static str> {
        readiness.missing().into_keys().collect()
    }

    #[test]
    fn a_process_is_ready_when_nothing_is_missing() {
        let readiness = Readiness::new(&["caches", "sockets"]);
        readiness.met("caches");
        assert_eq!(names(&readiness), ["sockets"]);
        readiness.met("sockets");
        assert!(readiness.missing().is_empty());
        readiness.unmet("caches", "no right to list services");
        assert_eq!(readiness.missing()["caches"], "no right to list services");
    }

    /// P-OBS-21
    #[test]
    fn each_condition_is_a_series_that_is_there_from_the_start() {
        let readiness = Readiness::new(&["caches", "sockets"]);
        let mut registry = Registry::default();
        readiness.register(&mut registry);
        readiness.met("sockets");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(
            text.contains(r#"herald_ready_condition{condition="caches"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"herald_ready_condition{condition="sockets"} 1"#),
            "{text}"
        );
    }
}
