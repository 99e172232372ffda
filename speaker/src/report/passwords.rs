//! Says on BGPPeers whether the passwords that they name are there: speakers alone may read Secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use api::client::{Failure, REQUEST_TIMEOUT, within};
use config::condition::{Statement, find};
use crds::{BGPPeer, Stored};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use model::PeerName;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::bgp::peering::SecretFault;

/// The condition: True when the Secret that the BGPPeer names holds a password.
pub const PASSWORD: &str = "PasswordFound";

/// What is to be said of each peer's Secret; none: nothing any more.
pub type Verdicts = BTreeMap<PeerName, Option<Result<(), SecretFault>>>;

/// Whether anything is said of it already.
pub fn is_told(object: &Stored<BGPPeer>) -> bool {
    let conditions = object.readable().ok().and_then(|peer| peer.status.as_ref());
    conditions.is_some_and(|status| find(&status.conditions, PASSWORD).is_some())
}

/// The field manager: one node speaks for each peer, and all of them would say the same.
const FIELD_MANAGER: &str = "herald-speaker";

/// Between two rounds, and before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Writes what is to be said and is not said yet, until nobody says anything more.
pub async fn tell(client: Client, mut verdicts: watch::Receiver<Verdicts>) {
    let api: Api<BGPPeer> = Api::all(client);
    let mut written = Verdicts::new();
    loop {
        let current = verdicts.borrow_and_update().clone();
        written.retain(|peer, verdict| current.get(peer) == Some(verdict));
        for (peer, verdict) in current {
            if written.contains_key(&peer) {
                continue;
            }
            match write(&api, &peer, &verdict).await {
                Ok(()) => drop(written.insert(peer, verdict)),
                Err(error) => tracing::warn!(%peer, %error, "condition not written, trying again"),
            }
        }
        tokio::time::sleep(PAUSE).await;
        let done = written.len() == verdicts.borrow().len();
        if done && verdicts.changed().await.is_err() {
            return;
        }
    }
}

async fn write(
    api: &Api<BGPPeer>,
    peer: &PeerName,
    verdict: &Option<Result<(), SecretFault>>,
) -> Result<(), Failure> {
    let Some(object) = within(REQUEST_TIMEOUT, api.get_opt(&peer.0)).await? else {
        return Ok(());
    };
    let shown = object
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let conditions = match verdict {
        None if find(shown, PASSWORD).is_none() => return Ok(()),
        None => Vec::new(),
        Some(verdict) => match condition(verdict, shown, object.metadata.generation) {
            None => return Ok(()),
            Some(condition) => vec![condition],
        },
    };
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(patch(peer, &conditions));
    match within(REQUEST_TIMEOUT, api.patch_status(&peer.0, &params, &patch)).await {
        Err(failure) if failure.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}

/// The condition, unless it is among those `shown`.
fn condition(
    verdict: &Result<(), SecretFault>,
    shown: &[Condition],
    generation: Option<i64>,
) -> Option<Condition> {
    let message = match verdict {
        Ok(()) => "the Secret holds a password".to_owned(),
        Err(fault) => format!("{fault}; until then the last good password stays in use, if there was one"),
    };
    let statement = Statement {
        kind: PASSWORD,
        holds: verdict.is_ok(),
        reason: match verdict {
            Ok(()) => "Found",
            Err(fault) => fault.word(),
        },
        message: &message,
    };
    (!statement.is_among(shown)).then(|| statement.condition(shown, generation, Timestamp::now()))
}

/// What is no longer among the conditions that this field manager applies goes.
fn patch(peer: &PeerName, conditions: &[Condition]) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1beta1",
        "kind": "BGPPeer",
        "metadata": {"name": peer.0},
        "status": {"conditions": conditions},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-OBS-7, P-CFG-37
    #[test]
    fn what_is_wrong_with_a_secret_is_said_once() {
        let missing = Err(SecretFault::Missing("tor".into()));
        let said = condition(&missing, &[], Some(3)).unwrap();
        assert_eq!(
            (said.status.as_str(), said.reason.as_str()),
            ("False", "SecretMissing")
        );
        assert!(
            said.message.starts_with("there is no Secret tor"),
            "{}",
            said.message
        );
        assert_eq!(condition(&missing, std::slice::from_ref(&said), Some(3)), None);
        let found = condition(&Ok(()), &[said], Some(3)).unwrap();
        assert_eq!((found.status.as_str(), found.reason.as_str()), ("True", "Found"));
    }
}
