use explain::{AddressRow, SegmentRow, SessionRow, Study};
use process::clock::wall_clock;

use crate::Outcome;
use crate::args::Common;
use crate::fetch::Reader;
use crate::output::{Column, Output, age, or_none};

pub(crate) async fn addresses(reader: &Reader, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let mut rows = Study::of(&cluster, &installation).addresses();
    rows.retain(|row| {
        common
            .namespace
            .as_ref()
            .is_none_or(|namespace| row.namespace == *namespace)
    });
    let columns = [
        Column {
            title: "NAMESPACE",
            wide: false,
            cell: |row: &AddressRow| row.namespace.clone(),
        },
        Column {
            title: "SERVICE",
            wide: false,
            cell: |row| row.service.clone(),
        },
        Column {
            title: "ADDRESS",
            wide: false,
            cell: |row| row.address.clone().unwrap_or_else(|| "<pending>".to_owned()),
        },
        Column {
            title: "POOL",
            wide: false,
            cell: |row| or_none(row.pool.as_deref()),
        },
        Column {
            title: "NODE",
            wide: false,
            cell: |row| or_none(row.holder.as_deref()),
        },
        Column {
            title: "ROUTED-BY",
            wide: true,
            cell: |row| row.routed_by.to_string(),
        },
        Column {
            title: "SINCE",
            wide: false,
            cell: |row| age(row.since, wall_clock()),
        },
    ];
    out.table("AddressList", &rows, &columns)?;
    Ok(Outcome::Fine)
}

pub(crate) async fn sessions(reader: &Reader, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let rows = Study::of(&cluster, &installation).sessions();
    let columns = [
        Column {
            title: "NODE",
            wide: false,
            cell: |row: &SessionRow| row.node.clone(),
        },
        Column {
            title: "PEER",
            wide: false,
            cell: |row| row.peer.clone(),
        },
        Column {
            title: "ADDRESS",
            wide: false,
            cell: |row| or_none(row.address.as_deref()),
        },
        Column {
            title: "ASN",
            wide: true,
            cell: |row| row.asn.map_or_else(|| "<none>".to_owned(), |asn| asn.to_string()),
        },
        Column {
            title: "STATE",
            wide: false,
            cell: |row| row.state.clone(),
        },
        Column {
            title: "BFD",
            wide: false,
            cell: |row| or_none(row.bfd.as_deref()),
        },
        Column {
            title: "FAMILIES",
            wide: true,
            cell: |row| row.families.join(","),
        },
        Column {
            title: "SENT",
            wide: false,
            cell: |row| row.sent.to_string(),
        },
        Column {
            title: "ACCEPTED",
            wide: true,
            cell: |row| row.accepted.to_string(),
        },
        Column {
            title: "LAST-ERROR",
            wide: true,
            cell: |row| or_none(row.last_error.as_deref()),
        },
        Column {
            title: "SINCE",
            wide: false,
            cell: |row| age(row.since, wall_clock()),
        },
    ];
    out.table("SessionList", &rows, &columns)?;
    Ok(Outcome::Fine)
}

pub(crate) async fn segments(reader: &Reader, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let rows = Study::of(&cluster, &installation).segments();
    let columns = [
        Column {
            title: "NODE",
            wide: false,
            cell: |row: &SegmentRow| row.node.clone(),
        },
        Column {
            title: "INTERFACE",
            wide: false,
            cell: |row| row.interface.clone(),
        },
        Column {
            title: "HARDWARE-ADDRESS",
            wide: true,
            cell: |row| or_none(row.hardware_address.as_deref()),
        },
        Column {
            title: "SUBNETS",
            wide: false,
            cell: |row| row.subnets.join(","),
        },
        Column {
            title: "SEES",
            wide: false,
            cell: |row| row.speakers.join(", "),
        },
    ];
    out.table("SegmentList", &rows, &columns)?;
    Ok(Outcome::Fine)
}
