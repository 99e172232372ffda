//! Reads what there is to read, one request for each kind.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use config::{Change, Configured, ForKind, Kind, Store, Update};
use crds::Stored;
use explain::Cluster;
use futures::future::{BoxFuture, FutureExt as _, try_join_all};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use crate::args::Common;

/// Slices of headless Services are of no use.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// Whoever reads from a cluster.
pub(crate) struct Reader {
    pub(crate) client: Client,
    /// Where names without a namespace are looked for first.
    pub(crate) namespace: String,
    timeout: Duration,
}

/// Why the cluster could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is no such kind.
    #[error(
        "the cluster does not know {kind}: Herald's definitions are not installed, or this is another cluster than you mean (kubectl config current-context)"
    )]
    UnknownKind { kind: String },
    /// The user may not.
    #[error(
        "you may not list {kind} in the whole cluster: ask for the right (kubectl auth can-i list {kind})"
    )]
    Forbidden { kind: String },
    /// No answer.
    #[error("the API server did not answer within {0:?}: see whether `kubectl get nodes` works")]
    Timeout(Duration),
    /// Anything else.
    #[error("listing {kind}: {error}")]
    Other { kind: String, error: kube::Error },
}

impl Reader {
    /// Connects as kubectl would.
    pub(crate) async fn connect(common: &Common) -> anyhow::Result<Self> {
        let options = KubeConfigOptions {
            context: common.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match &common.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| shown(path))?;
                Config::from_custom_kubeconfig(file, &options).await
            }
            None => Config::from_kubeconfig(&options).await,
        };
        let config = config.context(
            "no cluster to ask: name a kubeconfig with --kubeconfig or KUBECONFIG, and a context of it with --context",
        )?;
        let namespace = common
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        Ok(Self {
            client: Client::try_from(config)?,
            namespace,
            timeout: common.request_timeout,
        })
    }

    /// All that explains anything.
    pub(crate) async fn cluster(&self) -> Result<Cluster, ReadError> {
        let all = ListParams::default;
        let (services, namespaces, nodes, slices, speakers, updates) = futures::try_join!(
            self.list(all().fields("spec.type=LoadBalancer")),
            self.list::<PartialObjectMeta<Namespace>>(all()),
            self.list(all()),
            self.list(all().labels(NOT_HEADLESS)),
            self.list(all()),
            self.updates(),
        )?;
        let mut objects = Store::new(Kind::ALL.iter().copied());
        for update in updates {
            objects.handle_update(update);
        }
        Ok(Cluster {
            services,
            namespaces: labels(namespaces),
            nodes,
            slices,
            objects,
            speakers,
        })
    }

    /// All objects of a kind that `params` select.
    pub(crate) async fn list<K>(&self, params: ListParams) -> Result<Vec<K>, ReadError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let kind = || {
            format!("{}.{}", K::plural(&()), K::group(&()))
                .trim_end_matches('.')
                .to_owned()
        };
        match self.answer(api.list(&params)).await? {
            Ok(list) => Ok(list.items),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                Err(ReadError::UnknownKind { kind: kind() })
            }
            Err(kube::Error::Api(status)) if status.code == 403 => Err(ReadError::Forbidden { kind: kind() }),
            Err(error) => Err(ReadError::Other { kind: kind(), error }),
        }
    }

    /// The answer, if it comes in time.
    pub(crate) async fn answer<T>(&self, request: impl Future<Output = T>) -> Result<T, ReadError> {
        let answer = tokio::time::timeout(self.timeout, request).await;
        answer.map_err(|_elapsed| ReadError::Timeout(self.timeout))
    }

    async fn updates(&self) -> Result<Vec<Update>, ReadError> {
        try_join_all(Kind::ALL.iter().map(|kind| kind.with_type(List(self)))).await
    }
}

/// Lists a kind of Herald's.
struct List<'a>(&'a Reader);

impl<'a> ForKind for List<'a> {
    type Output = BoxFuture<'a, Result<Update, ReadError>>;

    fn visit<K: Configured>(self) -> Self::Output {
        async move {
            let listed: Vec<Stored<K>> = self.0.list(ListParams::default()).await?;
            Ok(Change::Listed(listed).into())
        }
        .boxed()
    }
}

fn labels(namespaces: Vec<PartialObjectMeta<Namespace>>) -> BTreeMap<String, model::Labels> {
    let labels = namespaces.into_iter().map(|namespace| {
        let metadata = namespace.metadata;
        (
            metadata.name.unwrap_or_default(),
            metadata.labels.unwrap_or_default().into(),
        )
    });
    labels.collect()
}

fn shown(path: &Path) -> String {
    format!("kubeconfig {}", path.display())
}
