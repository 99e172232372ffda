use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use process::clock::wall_clock;
use serde::Serialize;

use crate::Outcome;
use crate::fetch::Reader;
use crate::output::{Column, Output, age};

/// An event of Herald's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    at: Option<Timestamp>,
    kind: String,
    reason: String,
    object: String,
    note: String,
}

pub(crate) async fn run(reader: &Reader, out: &Output) -> anyhow::Result<Outcome> {
    let events: Vec<Event> = reader.list(ListParams::default()).await?;
    let mut rows: Vec<_> = events.into_iter().filter(is_ours).map(row).collect();
    rows.sort();
    let columns = [
        Column {
            title: "AGE",
            wide: false,
            cell: |row: &Row| age(row.at, wall_clock()),
        },
        Column {
            title: "TYPE",
            wide: false,
            cell: |row| row.kind.clone(),
        },
        Column {
            title: "REASON",
            wide: false,
            cell: |row| row.reason.clone(),
        },
        Column {
            title: "OBJECT",
            wide: false,
            cell: |row| row.object.clone(),
        },
        Column {
            title: "NOTE",
            wide: false,
            cell: |row| row.note.clone(),
        },
    ];
    out.table("EventList", &rows, &columns)?;
    Ok(Outcome::Fine)
}

fn is_ours(event: &Event) -> bool {
    let reporter = event.reporting_controller.as_deref();
    reporter.is_some_and(|reporter| reporter.starts_with("herald"))
}

fn row(event: Event) -> Row {
    let about = event.regarding.unwrap_or_default();
    let namespace = about
        .namespace
        .map(|namespace| format!("{namespace}/"))
        .unwrap_or_default();
    let kind = about.kind.unwrap_or_default().to_lowercase();
    Row {
        at: event.event_time.map(|time| time.0),
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        object: format!("{kind}/{namespace}{}", about.name.unwrap_or_default()),
        note: event.note.unwrap_or_default(),
    }
}
