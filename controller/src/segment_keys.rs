//! The Secret with the key by which the speakers know each other: made in the cluster, once, so that a chart is the same whenever and
//! wherever it is rendered.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use allocate::FIELD_MANAGER;
use api::client::{Failure, REQUEST_TIMEOUT, within};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use ring::rand::{SecureRandom, SystemRandom};

/// The file that speakers read.
const KEY: &str = "key";

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Makes the Secret unless there is one of the name, which is never written over. Tries until one or the other is so.
pub(crate) async fn provide(client: Client, namespace: String, name: String) {
    let api: Api<Secret> = Api::namespaced(client, &namespace);
    loop {
        match create(&api, &name).await {
            Ok(()) => return tracing::info!(secret = name, "made the key of the speakers"),
            Err(failure) if failure.is_conflict() => return,
            Err(error) => tracing::error!(secret = name, %error, "cannot make the key of the speakers"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn create(api: &Api<Secret>, name: &str) -> Result<(), Failure> {
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    within(REQUEST_TIMEOUT, api.create(&params, &secret(name, &random())))
        .await
        .map(drop)
}

fn random() -> [u8; 32] {
    let mut octets = [0; 32];
    SystemRandom::new()
        .fill(&mut octets)
        .expect("the kernel gives random octets to everyone");
    octets
}

fn secret(name: &str, octets: &[u8]) -> Secret {
    let key = octets.iter().fold(String::new(), |mut key, octet| {
        let _ = write!(key, "{octet:02x}");
        key
    });
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([(
                "app.kubernetes.io/part-of".to_owned(),
                "herald".to_owned(),
            )])),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(key.into_bytes()))])),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_another_one_of_64_characters() {
        let key = || {
            secret("herald-segment", &random())
                .data
                .unwrap()
                .remove(KEY)
                .unwrap()
                .0
        };
        let (one, other) = (key(), key());
        assert!(
            one.len() == 64 && one.iter().all(u8::is_ascii_hexdigit),
            "{one:?}"
        );
        assert_ne!(one, other);
    }
}
