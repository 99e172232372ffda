//! Moves a cluster to Herald from another provider of addresses.

mod print;
mod read;

use std::path::PathBuf;

use ::migrate::{Input, Options, Plan, Verdict};
use anyhow::bail;

use crate::Outcome;
use crate::args::Migrate;
use crate::check::documents;
use crate::fetch::Reader;
use crate::output::Output;

/// Plans from files, and says nothing of what is so now.
pub(crate) fn of_files(given: &Migrate, out: &Output) -> anyhow::Result<Outcome> {
    let input = Input::new(documents(&files(&given.files)?)?);
    show(&::migrate::plan(&input, given.from, &options(given)), out)
}

/// Plans from what the cluster has.
pub(crate) async fn of_cluster(reader: &Reader, given: &Migrate, out: &Output) -> anyhow::Result<Outcome> {
    show(&read::plan(reader, given).await?, out)
}

/// What the command line decides.
fn options(given: &Migrate) -> Options {
    Options {
        namespace: given.herald_namespace.clone(),
        decisions: given.decide.clone(),
        leave_out: given.leave_out.iter().cloned().collect(),
        new_addresses: given.new_addresses.clone(),
        twins: given.twin.iter().cloned().collect(),
        own_session: given.own_session,
    }
}

/// The files, and those in the folders.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside: Vec<_> = std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        let is_objects = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            matches!(extension, Some("yaml" | "yml" | "json"))
        };
        inside.retain(is_objects);
        inside.sort();
        if inside.is_empty() {
            bail!("no file in {} ends in .yaml, .yml or .json", path.display());
        }
        files.extend(inside);
    }
    Ok(files)
}

fn show(plan: &Plan, out: &Output) -> anyhow::Result<Outcome> {
    out.report("MigrationPlan", plan, print::text)?;
    Ok(match plan.verdict {
        Verdict::Ready => Outcome::Fine,
        Verdict::Undecided => Outcome::Undecided,
        Verdict::Refused => Outcome::Found,
    })
}
