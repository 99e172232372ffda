//! How long a Service waits for its address, as a watch sees it.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::lab::Lab;

/// Creates the Service `web` in the namespace default and gives its first address, and the time from the moment its
/// creation was seen to the moment its address was.
pub(super) fn time_to_address(lab: &Lab, service: &str, limit: Duration) -> Result<(Ipv4Addr, Duration)> {
    let watch = lab.watch("/api/v1/namespaces/default/services?watch=1")?;
    let is = |event: &Value, name: &str| event["object"]["metadata"]["name"] == name;
    // The Service `kubernetes` is there from the start: its event says that the watch stands.
    watch.until("any Service", limit, |event| {
        is(event, "kubernetes").then_some(())
    })?;
    lab.kubectl_apply(service)?;
    let (created, ()) = watch.until("the Service", limit, |event| is(event, "web").then_some(()))?;
    let (assigned, address) = watch.until("the address of the Service", limit, |event| {
        let address = event["object"]["status"]["loadBalancer"]["ingress"][0]["ip"].as_str()?;
        is(event, "web").then(|| address.to_owned())
    })?;
    Ok((address.parse()?, assigned.saturating_duration_since(created)))
}
