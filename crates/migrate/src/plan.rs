use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::product::Product;
use crate::remark::{Code, Remark, Weight};

/// Where Herald is installed, unless it is said otherwise.
pub const HERALD_NAMESPACE: &str = "herald-system";

/// What whoever moves a cluster has decided.
#[derive(Clone, Debug)]
pub struct Options {
    /// Herald's namespace.
    pub namespace: String,
    /// Decisions: the code, a value if it takes one, and the Service or object that it is for, or all.
    pub decisions: Vec<(String, Option<String>, Option<String>)>,
    /// Services, as namespace/name, that are not moved.
    pub leave_out: BTreeSet<String>,
    /// A pool for Services whose addresses Herald cannot have: its name and addresses.
    pub new_addresses: Option<(String, String)>,
    /// Services, as namespace/name, that get a second Service with a new address.
    pub twins: BTreeSet<String>,
    /// The router has a session of its own for Herald.
    pub own_session: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: HERALD_NAMESPACE.to_owned(),
            decisions: Vec::new(),
            leave_out: BTreeSet::new(),
            new_addresses: None,
            twins: BTreeSet::new(),
            own_session: false,
        }
    }
}

/// How a cluster is moved.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// From where, by its word.
    pub from: String,
    /// Whether it may be carried out.
    pub verdict: Verdict,
    /// The same in one line.
    pub summary: String,
    /// The classes besides its own that Herald is to serve (`alsoServeClasses` of the chart).
    pub classes: Vec<String>,
    /// Herald's objects.
    pub objects: Vec<PlannedObject>,
    /// Passwords that are copied.
    pub secrets: Vec<PlannedSecret>,
    /// Every Service of type LoadBalancer.
    pub services: Vec<ServicePlan>,
    /// What is to be known, the gravest first.
    pub remarks: Vec<Remark>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The workloads of the other provider that are stopped.
    pub workloads: Vec<Workload>,
    /// Tells this plan from any other.
    pub digest: String,
}

/// Whether a plan may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Verdict {
    /// It may.
    Ready,
    /// Something is to be decided.
    Undecided,
    /// It may not.
    Refused,
}

/// An object of Herald's, and where it comes from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// The object, as the API server takes it.
    pub object: Value,
    /// The fields of the other provider that it was made from.
    pub sources: Vec<String>,
    /// Whether the cluster has it already.
    pub exists: bool,
}

/// A password that is copied, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSecret {
    /// The Secret in Herald's namespace.
    pub name: String,
    /// Where the password is.
    pub source: SecretSource,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// In a field of an object, in the clear: the object, as kind/namespace/name, and the path.
    Field {
        /// The kind, the namespace and the name.
        object: String,
        /// The path within it.
        path: String,
    },
    /// In a Secret.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The key of the password.
        key: String,
    },
}

/// What becomes of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePlan {
    /// The Service, as namespace/name.
    pub service: String,
    /// Its addresses now.
    pub before: Vec<IpAddr>,
    /// Those that it will have.
    pub after: Vec<IpAddr>,
    /// Herald's pool of them.
    pub pools: Vec<String>,
    /// Its class, if it has one.
    pub class: Option<String>,
    /// Annotations that are added before Herald serves it.
    pub add: BTreeMap<String, String>,
    /// Whether `spec.loadBalancerIP` is taken out, because an annotation says more.
    pub clear_load_balancer_ip: bool,
    /// Annotations that are removed when it is served.
    pub remove_annotations: Vec<String>,
    /// Labels likewise.
    pub remove_labels: Vec<String>,
    /// Finalizers likewise.
    pub remove_finalizers: Vec<String>,
    /// The node that answers for it today: Herald starts there.
    pub hint: Option<String>,
    /// What is said of it: `keep`, `decide CODE`, `refuse CODE`, `pending` or `left out`.
    pub verdict: String,
    /// Whether Herald will serve it.
    pub moved: bool,
    /// A second Service with a new address, if that is the way.
    pub twin: Option<Value>,
}

/// What a workload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Role {
    /// It gives addresses.
    Controller,
    /// It announces them.
    Announcer,
}

/// A workload of the other provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// What it does.
    pub role: Role,
    /// Deployment or DaemonSet.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A step of the way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its word, by which the command tells how far it is.
    pub name: String,
    /// What is done.
    pub does: String,
    /// What is looked at before the next.
    pub check: String,
    /// What takes it back.
    pub undo: String,
}

impl Plan {
    /// The remarks of a weight.
    pub fn remarks_of(&self, weight: Weight) -> impl Iterator<Item = &Remark> {
        self.remarks.iter().filter(move |remark| remark.weight == weight)
    }

    /// Whether there is such a remark.
    pub fn has(&self, code: Code) -> bool {
        self.remarks.iter().any(|remark| remark.code == code)
    }

    pub(crate) fn conclude(&mut self, product: Product) {
        self.remarks.sort();
        self.remarks.dedup();
        let (refused, undecided) = (
            self.remarks_of(Weight::Refuse).count(),
            self.remarks_of(Weight::Decide).count(),
        );
        self.verdict = match (refused, undecided) {
            (0, 0) => Verdict::Ready,
            (0, _) => Verdict::Undecided,
            (_, _) => Verdict::Refused,
        };
        let kept = self
            .services
            .iter()
            .filter(|service| service.moved && service.before == service.after && !service.before.is_empty());
        let (services, addresses) = kept.fold((0, 0), |(services, addresses), service| {
            (services + 1, addresses + service.before.len())
        });
        self.summary = format!(
            "from {product}: {services} of {} Services keep their {addresses} addresses; {undecided} to decide; {refused} refused",
            self.services.len()
        );
        self.digest = self.digest();
    }

    fn digest(&self) -> String {
        let told = serde_json::json!([self.from, self.objects, self.secrets, self.services, self.classes]);
        let hash = Sha256::digest(told.to_string());
        let hex: String = hash.iter().take(16).map(|octet| format!("{octet:02x}")).collect();
        format!("sha256:{hex}")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Undecided => "something is to be decided",
            Self::Refused => "refused",
        })
    }
}
