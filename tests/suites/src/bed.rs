use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use lab::{Lab, NodeKind, Spec, wait_for};
use serde_json::{Value, json};

use crate::binaries::root;

mod answers;
mod bgp;
mod daemons;
mod speakers;
mod watched;

pub use bgp::{BGP_POOL, Learns};
pub use daemons::{ADMINISTRATOR, ELECTION, User};
pub use speakers::KEY;
pub use watched::{CLIENTS, Watched};

/// How patient the suites are with what should take a second or two: machines are slow at times.
const PATIENCE: Duration = Duration::from_secs(30);

/// The addresses of the pool that most suites use.
pub const POOL: &str = "192.168.1.200-192.168.1.250";

/// As many of the other family.
pub const POOL_V6: &str = "fd00:1::200-fd00:1::232";

/// Three process nodes with a speaker each, and controllers on the control plane's host.
pub struct Bed {
    /// The cluster.
    pub lab: Lab,
    /// What the daemons started from now on log.
    pub log_level: &'static str,
    /// The speaker that is started; none: the one that goes into the image.
    pub speaker_program: Option<PathBuf>,
    /// Whether BFD of the speakers started from now on runs before ordinary processes.
    pub realtime_bfd: bool,
}

/// Runs a test on a bed. What goes wrong is a panic while the bed is still there, so that the lab keeps its logs (in
/// `target/lab-logs`) before it removes everything.
///
/// # Panics
/// The bed does not come up, or the test finds something wrong.
pub fn on(bed: Result<Bed>, test: impl FnOnce(&Bed) -> Result<()>) {
    let bed = bed.unwrap_or_else(|error| panic!("no bed: {error:#}"));
    test(&bed).unwrap_or_else(|error| panic!("{error:#}"));
}

impl Bed {
    /// A cluster with Herald's definitions, and nothing of Herald running.
    ///
    /// # Errors
    /// The lab does not come up, or the API server refuses the definitions.
    pub fn bare(name: &str) -> Result<Self> {
        Self::bare_on(Spec::new(name, NodeKind::Process))
    }

    /// The same on the lab that is wanted.
    ///
    /// # Errors
    /// The lab does not come up, or the API server refuses the definitions.
    pub fn bare_on(spec: Spec) -> Result<Self> {
        let keep_logs = Some(root().join("target/lab-logs").join(&spec.name));
        let lab = Lab::up(Spec { keep_logs, ..spec })?;
        for entry in fs::read_dir(root().join("deploy/herald/files/crds"))? {
            lab.kubectl_apply(&fs::read_to_string(entry?.path())?)?;
        }
        lab.kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd",
            "--all",
        ])?;
        lab.kubectl(&["create", "namespace", "herald-system"])?;
        Ok(Self::of(lab))
    }

    /// What a lab is that runs already.
    pub fn of(lab: Lab) -> Self {
        Self {
            lab,
            log_level: "debug,h2=info,hyper=info,tower=info",
            speaker_program: None,
            realtime_bfd: false,
        }
    }

    /// Two controllers, a speaker on every node, the pool [`POOL`] and an advertisement for everything.
    ///
    /// # Errors
    /// Something does not come up.
    pub fn up(name: &str) -> Result<Self> {
        let bed = Self::bare(name)?;
        bed.pool("lan", POOL)?;
        bed.advertise("lan", json!({}))?;
        bed.controller(1)?;
        bed.controller(2)?;
        for node in bed.lab.nodes() {
            bed.speaker(&node.name)?;
        }
        Ok(bed)
    }

    /// Creates or changes an IPPool.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn pool(&self, name: &str, addresses: &str) -> Result<()> {
        self.apply("IPPool", name, json!({"addresses": [addresses]}))
    }

    /// Creates or changes an IPPool of both families.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn dual_pool(&self, name: &str) -> Result<()> {
        self.apply("IPPool", name, json!({"addresses": [POOL, POOL_V6]}))
    }

    /// Creates or changes an L2Advertisement.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn advertise(&self, name: &str, spec: Value) -> Result<()> {
        self.apply("L2Advertisement", name, spec)
    }

    fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<()> {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        self.lab.kubectl_apply(&object.to_string()).map(drop)
    }

    /// Creates or changes a Service of type LoadBalancer without a selector; more in `spec` if wanted.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn service(&self, name: &str, spec: Value) -> Result<()> {
        let mut object = service(name, json!({}));
        if let (Some(all), Some(more)) = (object["spec"].as_object_mut(), spec.as_object()) {
            all.extend(more.clone());
        }
        self.lab.kubectl_apply(&object.to_string()).map(drop)
    }

    /// Creates such Services, `NAME-0` and so on, with the label `batch: NAME`: fast, for many.
    ///
    /// # Errors
    /// The API server refuses one.
    pub fn services(&self, name: &str, count: usize) -> Result<()> {
        let labels = json!({"batch": name});
        let services: Vec<_> = (0..count)
            .map(|number| service(&format!("{name}-{number}"), labels.clone()))
            .collect();
        self.lab.kubectl_create(&services)
    }

    /// Deletes what [`Self::services`] has created under this name, in one request.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn delete_services(&self, name: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/default/services?labelSelector=batch%3D{name}");
        self.lab.kubectl(&["delete", "--raw", &path]).map(drop)
    }

    /// Waits until something holds, looking again every so often.
    ///
    /// # Errors
    /// It does not come to hold in time.
    pub fn wait<T>(&self, what: &str, condition: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        wait_for(what, PATIENCE, condition)
    }

    /// The addresses of every LoadBalancer Service in the namespace `default`.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn addresses(&self) -> Result<BTreeMap<String, String>> {
        let list = self.lab.kubectl_json(&["get", "services"])?;
        let services = list["items"].as_array().into_iter().flatten();
        let address = |service: &Value| {
            let name = service["metadata"]["name"].as_str()?.to_owned();
            Some((
                name,
                service["status"]["loadBalancer"]["ingress"][0]["ip"]
                    .as_str()?
                    .to_owned(),
            ))
        };
        Ok(services.filter_map(address).collect())
    }

    /// Waits for the address of a Service.
    ///
    /// # Errors
    /// It gets none in time.
    pub fn address(&self, name: &str) -> Result<String> {
        self.wait(&format!("an address for Service {name}"), || {
            Ok(self.addresses()?.remove(name))
        })
    }

    /// Waits until a condition of a Service has this status, and gives its reason and message.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub fn condition(&self, service: &str, kind: &str, status: &str) -> Result<(String, String)> {
        self.wait(&format!("{kind}={status} on Service {service}"), || {
            self.condition_of("service", service, kind, status)
        })
    }

    /// Reason and message of a condition of any object, when it has this status.
    ///
    /// # Errors
    /// The object is not there.
    pub fn condition_of(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
    ) -> Result<Option<(String, String)>> {
        let object = self.lab.kubectl_json(&["get", kind, name])?;
        let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        let found = conditions
            .into_iter()
            .find(|one| one["type"] == condition && one["status"] == status);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(found.map(|one| (text(&one["reason"]), text(&one["message"]))))
    }

    /// How often a user has written the status of a Service.
    ///
    /// # Errors
    /// The audit log cannot be read.
    pub fn status_writes(&self, user: &str, service: &str) -> Result<usize> {
        let writes = self.lab.writes_of(user)?;
        Ok(writes
            .iter()
            .filter(|write| write.resource == "services/status" && write.name == service)
            .count())
    }
}

fn service(name: &str, labels: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]},
    })
}
