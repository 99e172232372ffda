//! Telling users what happened to an object, where `kubectl describe` shows it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use crate::client::{REQUEST_TIMEOUT, within};

/// Events that may wait to be written. Those beyond are lost: memory is for what matters.
const QUEUE: usize = 4096;

/// The API server takes no longer note.
const LONGEST_NOTE: usize = 1024;

/// Why an event was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Loss {
    /// Too many waited.
    Full,
    /// The API server did not take it, or did not answer.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lost {
    cause: Loss,
}

/// Counts the events that users did not get. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    lost: Family<Lost, Counter>,
}

impl Metrics {
    /// To be called once a process.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "herald_events_lost",
            "Events that were not written, by cause",
            self.lost.clone(),
        );
    }

    fn lost(&self, cause: Loss) {
        self.lost.get_or_create(&Lost { cause }).inc();
    }
}

/// How an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is as users want it.
    Normal,
    /// It is not.
    Warning,
}

/// Writes events in the name of one process, one after the other: they never take the API server's time from what matters.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Happened>,
    metrics: Metrics,
}

/// What is to be written: a fraction of what the event itself would take while it waits.
#[derive(Debug)]
struct Happened {
    about: ObjectReference,
    type_: EventType,
    reason: &'static str,
    action: &'static str,
    note: String,
    at: Timestamp,
}

/// In whose name events are written.
#[derive(Debug)]
struct Author {
    controller: String,
    instance: String,
    metrics: Metrics,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// How it is shown.
    pub type_: EventType,
    /// One word from a closed list.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// A sentence for people. What is too long for an event is left out at its end, which says so.
    pub note: &'a str,
}

impl Events {
    /// Events from `controller`, the name of the program, and `instance`, which tells its processes apart. To be called in
    /// a runtime; what waits is written until the last clone is dropped, and then to its end.
    pub fn new(client: Client, controller: &str, instance: &str, metrics: &Metrics) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let author = Author {
            controller: controller.to_owned(),
            instance: instance.to_owned(),
            metrics: metrics.clone(),
        };
        tokio::spawn(author.write(client, waiting));
        Self {
            queue,
            metrics: metrics.clone(),
        }
    }

    /// Has an event about an object written. One that cannot be is no reason to do anything else differently.
    pub fn tell(&self, about: &ObjectReference, event: Event<'_>) {
        let Event {
            type_,
            reason,
            action,
            note,
        } = event;
        let happened = Happened {
            about: about.clone(),
            type_,
            reason,
            action,
            note: short(note),
            at: Timestamp::now(),
        };
        if self.queue.try_send(happened).is_err() {
            tracing::debug!(reason, "event not written: too many wait");
            self.metrics.lost(Loss::Full);
        }
    }
}

impl Author {
    /// kube's own recorder is not used: it keeps every event in memory for six minutes, to count repetitions that Herald does
    /// not make, and looks through all of them for each new one.
    async fn write(self, client: Client, mut waiting: mpsc::Receiver<Happened>) {
        while let Some(happened) = waiting.recv().await {
            let event = self.event(happened);
            let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
            let api: Api<v1::Event> = Api::namespaced(client.clone(), namespace);
            if let Err(error) = within(REQUEST_TIMEOUT, api.create(&PostParams::default(), &event)).await {
                tracing::debug!(reason = event.reason, %error, "event not written");
                self.metrics.lost(Loss::Failed);
            }
        }
    }

    fn event(&self, happened: Happened) -> v1::Event {
        let Happened {
            about,
            type_,
            reason,
            action,
            note,
            at,
        } = happened;
        let object = about.name.as_deref().unwrap_or(&self.controller);
        v1::Event {
            metadata: ObjectMeta {
                namespace: Some(about.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                name: Some(format!("{object}.{:x}", at.as_nanosecond())),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(at)),
            regarding: Some(about),
            type_: Some(match type_ {
                EventType::Normal => "Normal".to_owned(),
                EventType::Warning => "Warning".to_owned(),
            }),
            reason: Some(reason.to_owned()),
            action: Some(action.to_owned()),
            note: Some(note),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..v1::Event::default()
        }
    }
}

/// The note in as many characters as an event has room for.
fn short(note: &str) -> String {
    let length = note.chars().count();
    if length <= LONGEST_NOTE {
        return note.to_owned();
    }
    // The number has no more digits than the length of the whole.
    let rest = |left_out: usize| format!(" … ({left_out} more characters are in the object's conditions)");
    let room = LONGEST_NOTE - rest(length).chars().count();
    let kept: String = note.chars().take(room).collect();
    kept + &rest(length - room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(size: usize) -> (Events, mpsc::Receiver<Happened>) {
        let (queue, waiting) = mpsc::channel(size);
        let metrics = Metrics::default();
        (Events { queue, metrics }, waiting)
    }

    const FULL: Event<'static> = Event {
        type_: EventType::Warning,
        reason: "AllocationFailed",
        action: "AllocateAddress",
        note: "there is no IPPool",
    };

    fn web() -> ObjectReference {
        ObjectReference {
            namespace: Some("shop".into()),
            name: Some("web".into()),
            ..ObjectReference::default()
        }
    }

    #[tokio::test]
    async fn an_event_stands_beside_its_object_and_tells_who_says_it() {
        let (events, mut waiting) = events(1);
        events.tell(&web(), FULL);
        let author = Author {
            controller: "herald-controller".into(),
            instance: "controller-1".into(),
            metrics: Metrics::default(),
        };
        let event = author.event(waiting.recv().await.unwrap());
        assert_eq!(event.metadata.namespace.as_deref(), Some("shop"));
        assert!(event.metadata.name.unwrap().starts_with("web."));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert_eq!(event.reporting_instance.as_deref(), Some("controller-1"));
    }

    #[test]
    fn an_event_that_finds_no_room_is_lost_and_nobody_waits_for_it() {
        let (events, mut waiting) = events(1);
        events.tell(&web(), FULL);
        events.tell(&web(), FULL);
        assert!(waiting.try_recv().is_ok());
        assert!(waiting.try_recv().is_err());
        let lost = Lost { cause: Loss::Full };
        assert_eq!(events.metrics.lost.get_or_create(&lost).get(), 1);
    }

    /// P-OBS-5
    #[test]
    fn a_note_that_is_too_long_is_cut_and_says_how_much_is_missing() {
        let fits = "ä".repeat(LONGEST_NOTE);
        assert_eq!(short(&fits), fits);
        let long = format!("{fits}ä");
        let cut = short(&long);
        assert!(cut.chars().count() <= LONGEST_NOTE, "{}", cut.chars().count());
        let (kept, rest) = cut.split_once(" … ").unwrap();
        let missing = LONGEST_NOTE + 1 - kept.chars().count();
        assert_eq!(
            rest,
            format!("({missing} more characters are in the object's conditions)")
        );
    }

    #[tokio::test]
    async fn an_event_that_the_api_server_does_not_take_is_counted() {
        let refuses = axum::Router::new().fallback(|| async { http::StatusCode::FORBIDDEN });
        let (events, waiting) = events(1);
        events.tell(&web(), FULL);
        let metrics = events.metrics.clone();
        let author = Author {
            controller: "herald-controller".into(),
            instance: "controller-1".into(),
            metrics: metrics.clone(),
        };
        drop(events);
        author.write(Client::new(refuses, "default"), waiting).await;
        let lost = Lost { cause: Loss::Failed };
        assert_eq!(metrics.lost.get_or_create(&lost).get(), 1);
    }
}
