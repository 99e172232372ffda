use explain::{Overview, PoolRow, SpeakerRow, Study};

use crate::Outcome;
use crate::args::Common;
use crate::fetch::Reader;
use crate::output::{Column, Output, finding, heading, or_none, table};

/// The width of a pool's bar.
const BAR: u128 = 20;

/// So many speakers are listed of many; of the others how many they are.
const LISTED: usize = 12;

pub(crate) async fn run(reader: &Reader, common: &Common, out: &Output) -> anyhow::Result<Outcome> {
    let (cluster, installation) = (reader.cluster().await?, common.installation());
    let overview = Study::of(&cluster, &installation).overview();
    out.report("Overview", &overview, text)?;
    let is_broken = overview
        .findings
        .iter()
        .any(|finding| finding.severity == explain::Severity::Error);
    Ok(match is_broken {
        true => Outcome::Found,
        false => Outcome::Fine,
    })
}

fn text(overview: &Overview) -> String {
    let mut parts = Vec::new();
    for found in &overview.findings {
        parts.push(finding(found));
    }
    let services = overview.services;
    parts.push(format!(
        "{} {} of Herald's, {} waiting, {} with an address that does not answer; {} of others",
        heading("SERVICES"),
        services.ours,
        services.waiting,
        services.broken,
        services.others
    ));
    parts.push(format!("{}\n{}", heading("POOLS"), pools(&overview.pools)));
    parts.push(format!(
        "{}\n{}",
        heading("SPEAKERS"),
        speakers(&overview.speakers)
    ));
    parts.push(match overview.findings.len() {
        0 => "Nothing is wrong, as far as objects say.".to_owned(),
        1 => "One thing is to be looked at.".to_owned(),
        more => format!("{more} things are to be looked at, the gravest first."),
    });
    parts.join("\n\n")
}

fn pools(pools: &[PoolRow]) -> String {
    let columns = [
        Column {
            title: "NAME",
            wide: false,
            cell: |row: &PoolRow| row.pool.clone(),
        },
        Column {
            title: "IPV4",
            wide: false,
            cell: |row| bar(row.v4),
        },
        Column {
            title: "IPV6",
            wide: false,
            cell: |row| bar(row.v6),
        },
    ];
    table(pools, &columns, false)
}

fn bar((used, all): (u128, u128)) -> String {
    if all == 0 {
        return "-".to_owned();
    }
    // A pool that has any address in use does not look empty, and one with any free does not look full.
    let share = used.saturating_mul(BAR).div_ceil(all);
    let filled = match share == BAR && used < all {
        true => BAR - 1,
        false => share,
    };
    let cells: String = (0..BAR)
        .map(|cell| if cell < filled { '#' } else { '.' })
        .collect();
    format!("{cells} {used}/{all}")
}

fn speakers(speakers: &[SpeakerRow]) -> String {
    let columns = [
        Column {
            title: "NODE",
            wide: false,
            cell: |row: &SpeakerRow| row.node.clone(),
        },
        Column {
            title: "READY",
            wide: false,
            cell: |row| or_none(row.ready.as_deref()),
        },
        Column {
            title: "ADDRESSES",
            wide: false,
            cell: |row| row.addresses.to_string(),
        },
        Column {
            title: "SESSIONS",
            wide: false,
            cell: |row| format!("{}/{}", row.sessions.0, row.sessions.1),
        },
    ];
    let mut sorted = speakers.to_vec();
    // Those that want looking at come first.
    sorted.sort_by_key(|row| row.ready.as_deref() == Some("True"));
    let more = sorted.len().saturating_sub(LISTED);
    sorted.truncate(LISTED);
    let text = table(&sorted, &columns, false);
    match more {
        0 => text,
        _ => format!("{text}\nand {more} more: kubectl get speakers.heraldlb.io"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_empty_or_full_only_where_the_pool_is() {
        assert_eq!(bar((0, 100)), ".................... 0/100");
        assert_eq!(bar((1, 1000)), "#................... 1/1000");
        assert_eq!(bar((999, 1000)), "###################. 999/1000");
        assert_eq!(bar((2, 2)), "#################### 2/2");
        assert_eq!(bar((0, 0)), "-");
    }
}
