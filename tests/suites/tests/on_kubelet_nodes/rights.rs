//! What a token can do that was stolen from a node.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, on};

use crate::chart::installed;

/// What is written, and how.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    kind: &'a str,
    body: Value,
}

const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const PLAIN: &str = "application/json";

/// What of the status of a pod in the default namespace is written.
pub(crate) struct PodStatus<'a> {
    pub(crate) name: &'a str,
    pub(crate) status: Value,
}

impl PodStatus<'_> {
    fn path(&self) -> String {
        format!("/api/v1/namespaces/default/pods/{}/status", self.name)
    }

    fn request<'a>(&self, path: &'a str) -> Request<'a> {
        Request {
            method: "PATCH",
            path,
            kind: STRATEGIC,
            body: json!({"status": self.status}),
        }
    }
}

/// Whoever has a token, and where it is good.
pub(crate) struct Thief {
    server: String,
    token: String,
}

impl Thief {
    /// With a token like that of a pod; bound to none, it names no node.
    pub(crate) fn with_token_of(bed: &Bed, account: &str, pod: Option<&str>) -> Result<Self> {
        let mut words = vec!["create", "token", account, "-n", "herald-system"];
        if let Some(pod) = pod {
            words.extend(["--bound-object-kind=Pod", "--bound-object-name", pod]);
        }
        let config = bed.lab.kubectl_json(&["config", "view"])?;
        let server = config["clusters"][0]["cluster"]["server"].as_str();
        Ok(Self {
            server: server.context("a kubeconfig names a server")?.to_owned(),
            token: bed.lab.kubectl(&words)?.trim().to_owned(),
        })
    }

    /// The code of the answer, and what it says.
    fn send(&self, request: &Request<'_>) -> Result<(u16, String)> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--insecure", "--write-out", "\n%{http_code}"]);
        curl.args(["--request", request.method, "--data", &request.body.to_string()]);
        curl.args(["--header", &format!("Authorization: Bearer {}", self.token)]);
        curl.args(["--header", &format!("Content-Type: {}", request.kind)]);
        let run = curl.arg(format!("{}{}", self.server, request.path)).output()?;
        let text = String::from_utf8(run.stdout)?;
        let (answer, code) = text.rsplit_once('\n').context("curl writes the code last")?;
        let answer: Value = serde_json::from_str(answer).with_context(|| answer.to_owned())?;
        Ok((
            code.parse()?,
            answer["message"].as_str().unwrap_or_default().to_owned(),
        ))
    }

    pub(crate) fn may_patch(&self, pod: &PodStatus<'_>) -> Result<()> {
        self.may(&pod.request(&pod.path()))
    }

    pub(crate) fn may_not_patch(&self, pod: &PodStatus<'_>, because: &str) -> Result<()> {
        self.may_not(&pod.request(&pod.path()), because)
    }

    fn may(&self, request: &Request<'_>) -> Result<()> {
        let (code, words) = self.send(request)?;
        ensure!(
            (200..300).contains(&code),
            "{} {}: {code} {words}",
            request.method,
            request.path
        );
        Ok(())
    }

    /// Refused by a role or a policy, in these words.
    fn may_not(&self, request: &Request<'_>, because: &str) -> Result<()> {
        let (code, words) = self.send(request)?;
        let refused = matches!(code, 403 | 422) && words.contains(because);
        ensure!(
            refused,
            "{} {} {}: {code} {words}",
            request.method,
            request.path,
            request.body
        );
        Ok(())
    }
}

fn condition(kind: &str) -> Value {
    json!({
        "type": kind, "status": "True", "reason": "Tried", "message": "by a thief", "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

const WEB: &str = "/api/v1/namespaces/default/services/web/status";
const PEER: &str = "/apis/heraldlb.io/v1beta1/bgppeers/tor/status";

/// P-INSTALL-20: an API server, a cloud or a user would be believed by every node; a node's speaker is not.
#[test]
fn a_token_of_a_speaker_changes_only_what_that_speaker_says() {
    on(installed("rights", 2), |bed| {
        bed.address("web")?;
        bed.peer(
            "tor",
            json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.168.1.254"}),
        )?;
        bed.wait("the controller's word on the peer", || {
            let peer = bed.lab.kubectl_json(&["get", "bgppeers.heraldlb.io", "tor"])?;
            Ok(peer["status"]["conditions"][0]["type"].as_str().map(drop))
        })?;
        let on_n1 = [
            "--field-selector=spec.nodeName=n1",
            "-l",
            "app.kubernetes.io/component=speaker",
        ];
        let pods = bed
            .lab
            .kubectl_json(&[&["get", "pods", "-n", "herald-system"][..], &on_n1].concat())?;
        let pod = pods["items"][0]["metadata"]["name"]
            .as_str()
            .context("a speaker runs on n1")?;
        let thief = Thief::with_token_of(bed, "herald-speaker", Some(pod))?;

        speaks_for_its_node(&thief)?;
        changes_no_service(&thief)?;
        changes_no_peer(&thief)?;
        let create = |name: &str| Request {
            method: "POST",
            path: "/apis/heraldlb.io/v1beta1/speakers",
            kind: PLAIN,
            body: json!({"apiVersion": "heraldlb.io/v1beta1", "kind": "Speaker", "metadata": {"name": name}, "spec": {}}),
        };
        thief.may_not(&create("n9"), "is written by the speaker of that node alone")?;
        reads_no_secret(&thief)?;

        let nobody = Thief::with_token_of(bed, "herald-speaker", None)?;
        let count = |node: &'static str| Request {
            method: "PATCH",
            path: node,
            kind: MERGE,
            body: json!({"status": {"count": 7}}),
        };
        let own = "/apis/heraldlb.io/v1beta1/speakers/n1/status";
        nobody.may_not(&count(own), "this token is of no node")?;
        makes_no_other_secret(&Thief::with_token_of(bed, "herald-controller", None)?)
    });
}

fn speaks_for_its_node(thief: &Thief) -> Result<()> {
    let count = |path| Request {
        method: "PATCH",
        path,
        kind: MERGE,
        body: json!({"status": {"count": 7}}),
    };
    thief.may(&count("/apis/heraldlb.io/v1beta1/speakers/n1/status"))?;
    thief.may_not(
        &count("/apis/heraldlb.io/v1beta1/speakers/n2/status"),
        "this token is of n1",
    )
}

fn changes_no_service(thief: &Thief) -> Result<()> {
    let apply = |status: Value| Request {
        method: "PATCH",
        path: "/api/v1/namespaces/default/services/web/status?fieldManager=herald-speaker&force=true",
        kind: APPLY,
        body: json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "status": status}),
    };
    let merge = |body: Value| Request {
        method: "PATCH",
        path: WEB,
        kind: MERGE,
        body,
    };
    thief.may(&apply(
        json!({"conditions": [condition("heraldlb.io/Announced")]}),
    ))?;
    let addresses = "may not change the addresses";
    let stolen = json!({"loadBalancer": {"ingress": [{"ip": "198.51.100.53"}]}});
    thief.may_not(&apply(stolen.clone()), addresses)?;
    thief.may_not(&merge(json!({"status": stolen})), addresses)?;
    thief.may_not(&merge(json!({"status": {"loadBalancer": null}})), addresses)?;
    let conditions = "no condition of a Service but heraldlb.io/Announced";
    thief.may_not(
        &apply(json!({"conditions": [condition("heraldlb.io/Allocated")]})),
        conditions,
    )?;
    thief.may_not(&merge(json!({"status": {"conditions": []}})), conditions)?;
    let metadata = "may not change the metadata";
    for changed in [
        json!({"annotations": {"heraldlb.io/loadBalancerIPs": "198.51.100.53"}}),
        json!({"labels": {"a": "b"}}),
        json!({"finalizers": ["example.com/never"]}),
    ] {
        thief.may_not(&merge(json!({"metadata": changed})), metadata)?;
    }
    let spec = Request {
        path: "/api/v1/namespaces/default/services/web",
        ..merge(json!({"spec": {"type": "ClusterIP"}}))
    };
    thief.may_not(&spec, "cannot patch resource")
}

fn changes_no_peer(thief: &Thief) -> Result<()> {
    let apply = Request {
        method: "PATCH",
        path: "/apis/heraldlb.io/v1beta1/bgppeers/tor/status?fieldManager=herald-speaker&force=true",
        kind: APPLY,
        body: json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "tor"},
            "status": {"conditions": [condition("PasswordFound")]},
        }),
    };
    thief.may(&apply)?;
    let merge = |body: Value| Request {
        method: "PATCH",
        path: PEER,
        kind: MERGE,
        body,
    };
    thief.may_not(
        &merge(json!({"status": {"conditions": []}})),
        "no condition of a BGPPeer but PasswordFound",
    )?;
    thief.may_not(
        &merge(json!({"status": {"sessionsUp": 9}})),
        "may not count the sessions",
    )?;
    let spec = Request {
        path: "/apis/heraldlb.io/v1beta1/bgppeers/tor",
        ..merge(json!({"spec": {"peerAddress": "192.168.1.66"}}))
    };
    thief.may_not(&spec, "cannot patch resource")
}

fn reads_no_secret(thief: &Thief) -> Result<()> {
    let read = Request {
        method: "GET",
        path: "/api/v1/namespaces/herald-system/secrets/herald-segment",
        kind: PLAIN,
        body: json!({}),
    };
    thief.may_not(&read, "cannot get resource")?;
    let list = Request {
        path: "/api/v1/namespaces/herald-system/secrets",
        ..read
    };
    thief.may_not(&list, "cannot list resource")
}

fn makes_no_other_secret(thief: &Thief) -> Result<()> {
    let create = |name: &str| Request {
        method: "POST",
        path: "/api/v1/namespaces/herald-system/secrets",
        kind: PLAIN,
        body: json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}),
    };
    thief.may_not(&create("other"), "creates no Secret but herald-segment")?;
    let other_kind = Request {
        body: json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "herald-segment", "annotations": {"kubernetes.io/service-account.name": "default"}},
        }),
        ..create("herald-segment")
    };
    thief.may_not(&other_kind, "creates no Secret but herald-segment")
}
