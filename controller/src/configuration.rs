//! Applies the objects that a chart's values list: a chart cannot hold custom resources beside their definitions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use api::client::{self, Failure, REQUEST_TIMEOUT, within};
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, L2Advertisement};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client};
use process::clock::now;
use process::logging;

use crate::USER_AGENT;

/// The label that tells which release's values an object comes from.
const CONFIGURED_BY: &str = "heraldlb.io/configured-by";

/// Under this name the fields are owned that the values say.
const FIELD_MANAGER: &str = "herald-values";

/// How long the API server may take to know a kind and a right, or to answer at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// What `apply-configuration` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// Whose values these are: what stands in the label heraldlb.io/configured-by of the objects.
    #[arg(long)]
    configured_by: String,

    /// A kubeconfig file; without it, the service account of the pod.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,

    /// What is logged: error, warn, info, debug, trace, or a list of module=level.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: logging::Level,

    /// How it is logged: json or text.
    #[arg(long, default_value = "json")]
    pub(crate) log_format: logging::Format,

    /// A folder with one JSON file for each object.
    folder: PathBuf,
}

/// Applies all objects of the folder, and deletes those of the same values that are not in it any more.
///
/// # Errors
/// Names each object that was refused; the others have been applied all the same.
pub(crate) async fn apply(args: ApplyArgs) -> anyhow::Result<()> {
    let ApplyArgs {
        configured_by,
        kubeconfig,
        log_level: _,
        log_format: _,
        folder,
    } = args;
    let objects = read(&folder)?;
    let client = client::connect(kubeconfig.as_deref(), USER_AGENT).await?;
    let mut refusals = Vec::new();
    for (kind, object) in &objects {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        match apply_in_time(&client, kind, object, &configured_by).await {
            Ok(()) => tracing::info!(kind = kind.kind, name, "applied"),
            Err(error) => refusals.push(format!("{} {name}: {}", kind.kind, words(&error))),
        }
    }
    for kind in kinds() {
        let listed = objects.iter().filter(|(other, _)| other.kind == kind.kind);
        let listed = listed
            .filter_map(|(_, object)| object.metadata.name.as_deref())
            .collect();
        prune(&client, &kind, &configured_by, &listed).await?;
    }
    ensure!(refusals.is_empty(), "{}", refusals.join("; "));
    Ok(())
}

/// The kinds that values can list.
fn kinds() -> [ApiResource; 6] {
    [
        ApiResource::erase::<BFDProfile>(&()),
        ApiResource::erase::<BGPAdvertisement>(&()),
        ApiResource::erase::<BGPPeer>(&()),
        ApiResource::erase::<Community>(&()),
        ApiResource::erase::<IPPool>(&()),
        ApiResource::erase::<L2Advertisement>(&()),
    ]
}

/// The objects of the folder with their kinds. A mounted ConfigMap has folders of its own, whose names begin with a dot.
fn read(folder: &Path) -> anyhow::Result<Vec<(ApiResource, DynamicObject)>> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        objects.push(parse(&text).with_context(|| path.display().to_string())?);
    }
    Ok(objects)
}

fn parse(text: &str) -> anyhow::Result<(ApiResource, DynamicObject)> {
    let object: DynamicObject = serde_json::from_str(text)?;
    let types = object
        .types
        .as_ref()
        .context("an object says its apiVersion and kind")?;
    let kind = kinds()
        .into_iter()
        .find(|kind| kind.kind == types.kind && kind.api_version == types.api_version);
    let Some(kind) = kind else {
        bail!(
            "{} {} is nothing that values can list",
            types.api_version,
            types.kind
        );
    };
    ensure!(object.metadata.name.is_some(), "an object has a name");
    Ok((kind, object))
}

/// Applies an object; tries again while the API server does not answer, or does not know the kind yet.
async fn apply_in_time(
    client: &Client,
    kind: &ApiResource,
    object: &DynamicObject,
    configured_by: &str,
) -> anyhow::Result<()> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let mut object = object.clone();
    let labels = object.metadata.labels.get_or_insert_default();
    labels.insert(CONFIGURED_BY.to_owned(), configured_by.to_owned());
    let started = now();
    loop {
        match apply_once(&api, &object, configured_by).await {
            Err(error) if error.downcast_ref().is_some_and(may_pass) && now() < started + PATIENCE => {
                tracing::debug!(
                    kind = kind.kind,
                    error = words(&error),
                    "not applied, trying again"
                );
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

async fn apply_once(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    configured_by: &str,
) -> anyhow::Result<()> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    if let Some(found) = within(REQUEST_TIMEOUT, api.get_metadata_opt(name)).await? {
        let owner = found.metadata.labels.unwrap_or_default().remove(CONFIGURED_BY);
        ensure!(
            owner.as_deref() == Some(configured_by),
            "there is one of this name that these values did not make; delete it, leave it out of the values, or hand it over to them \
             by the label {CONFIGURED_BY}={configured_by}"
        );
    }
    let params = PatchParams::apply(FIELD_MANAGER).force();
    within(REQUEST_TIMEOUT, api.patch(name, &params, &Patch::Apply(object))).await?;
    Ok(())
}

/// Whether the same request may succeed later: the API server has not judged the object. Definitions and roles that were made a moment
/// ago take a moment to be known.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Kube(kube::Error::Api(status)) => !matches!(status.code, 400 | 422),
        Failure::Kube(_) | Failure::Timeout(_) => true,
    }
}

/// What the API server says to the user, without what it says to programs.
fn words(error: &anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(Failure::Kube(kube::Error::Api(status))) => status.message.clone(),
        _ => format!("{error:#}"),
    }
}

/// Deletes what these values listed once and do not list any more. A pool in use goes when its last Service does.
async fn prune(
    client: &Client,
    kind: &ApiResource,
    configured_by: &str,
    listed: &BTreeSet<&str>,
) -> anyhow::Result<()> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let ours = ListParams::default().labels(&format!("{CONFIGURED_BY}={configured_by}"));
    let found = match within(REQUEST_TIMEOUT, api.list_metadata(&ours)).await {
        Err(failure) if failure.is_not_found() => return Ok(()),
        other => other.with_context(|| format!("listing {}.{}", kind.plural, kind.group))?,
    };
    for object in found.items {
        let name = object.metadata.name.unwrap_or_default();
        if listed.contains(name.as_str()) {
            continue;
        }
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: object.metadata.uid,
            resource_version: None,
        });
        match within(REQUEST_TIMEOUT, api.delete(&name, &params)).await {
            Ok(_) => tracing::info!(
                kind = kind.kind,
                name,
                "deleted: the values do not list it any more"
            ),
            Err(failure) if failure.is_not_found() || failure.is_conflict() => {}
            Err(failure) => return Err(failure).with_context(|| format!("deleting {} {name}", kind.kind)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_the_values_is_of_one_of_heralds_kinds() {
        let (kind, pool) = parse(
            r#"{"apiVersion":"heraldlb.io/v1beta1","kind":"IPPool","metadata":{"name":"lan"},"spec":{}}"#,
        )
        .unwrap();
        assert_eq!(
            (kind.plural.as_str(), pool.metadata.name.as_deref()),
            ("ippools", Some("lan"))
        );
        for wrong in [
            r#"{"apiVersion":"crd.projectcalico.org/v1","kind":"IPPool","metadata":{"name":"lan"}}"#,
            r#"{"apiVersion":"heraldlb.io/v1beta1","kind":"Speaker","metadata":{"name":"n1"}}"#,
            r#"{"apiVersion":"heraldlb.io/v1beta1","kind":"IPPool","metadata":{}}"#,
            r#"{"metadata":{"name":"lan"}}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_the_api_server_says_of_the_object_is_final() {
        let answer = |code| {
            let status = kube::core::Status::failure("no", "Reason").with_code(code);
            Failure::Kube(kube::Error::Api(status.boxed()))
        };
        assert!(!may_pass(&answer(422)) && !may_pass(&answer(400)));
        // No definition or no role yet, somebody else's write, overload.
        for code in [403, 404, 409, 429, 500, 503] {
            assert!(may_pass(&answer(code)), "{code}");
        }
        assert!(may_pass(&Failure::Timeout(REQUEST_TIMEOUT)));
    }
}
