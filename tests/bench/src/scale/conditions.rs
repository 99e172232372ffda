//! How long the conditions of a Service are.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use process::clock::now;

/// How long they may take to come, and to change no more.
const PATIENCE: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(250);

/// The octets of a Service's conditions, once they say that it is announced and have changed no more for a while.
pub(super) async fn octets(client: &Client, service: &str) -> Result<usize> {
    let api: Api<Service> = Api::default_namespaced(client.clone());
    let end = now() + PATIENCE;
    let mut seen = (String::new(), now());
    loop {
        let text = conditions(&api, service).await?;
        if text != seen.0 {
            seen = (text, now());
        }
        if seen.0.contains("heraldlb.io/Announced") && seen.1.elapsed() > QUIET {
            return Ok(seen.0.len());
        }
        if now() > end {
            bail!("the conditions of {service} do not come to rest: {}", seen.0);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn conditions(api: &Api<Service>, service: &str) -> Result<String> {
    let object = api.get(service).await?;
    let conditions = object
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    serde_json::to_string(&conditions).context("conditions")
}
