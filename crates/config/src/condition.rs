//! Conditions: what is true of an object, since when, and why.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a condition is to say.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The type of the condition.
    pub kind: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// One word from a closed list.
    pub reason: &'a str,
    /// A sentence for people.
    pub message: &'a str,
}

impl Statement<'_> {
    /// Whether `shown` says so already.
    pub fn is_among(&self, shown: &[Condition]) -> bool {
        let Self {
            holds,
            reason,
            message,
            ..
        } = *self;
        let agrees = |condition: &Condition| condition.reason == reason && condition.message == message;
        find(shown, self.kind).is_some_and(|condition| condition.status == status(holds) && agrees(condition))
    }

    /// The condition to write at `now`, about the object's `generation`. The time of the last transition stays that of
    /// `shown` while the status does.
    pub fn condition(&self, shown: &[Condition], generation: Option<i64>, now: Timestamp) -> Condition {
        let Self {
            kind,
            holds,
            reason,
            message,
        } = *self;
        let before = find(shown, kind).filter(|condition| condition.status == status(holds));
        Condition {
            type_: kind.to_owned(),
            status: status(holds).to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: generation,
            last_transition_time: before
                .map_or(Time(now), |condition| condition.last_transition_time.clone()),
        }
    }
}

/// The conditions of a Service.
pub fn of_service(object: &Service) -> &[Condition] {
    object
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default()
}

/// The condition of a type.
pub fn find<'a>(shown: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    shown.iter().find(|condition| condition.type_ == kind)
}

fn status(holds: bool) -> &'static str {
    if holds { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_of_the_last_transition_changes_with_the_status_and_not_with_the_words() {
        let up = Statement {
            kind: "Up",
            holds: true,
            reason: "Fine",
            message: "all is well",
        };
        let shown = [up.condition(&[], Some(1), at(10))];
        assert!(up.is_among(&shown));
        let reworded = Statement {
            message: "all is very well",
            ..up
        };
        assert!(!reworded.is_among(&shown));
        assert_eq!(
            reworded.condition(&shown, Some(2), at(20)).last_transition_time,
            Time(at(10))
        );
        let down = Statement { holds: false, ..up };
        assert!(!down.is_among(&shown));
        assert_eq!(
            down.condition(&shown, Some(3), at(30)).last_transition_time,
            Time(at(30))
        );
    }
}
