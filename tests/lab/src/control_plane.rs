//! etcd, API server, controller manager and scheduler on the host `cp`, and the way in from outside.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::clock::wait_for;
use crate::lab::Lab;
use crate::pki::{ADMINISTRATORS, Pki};
use crate::plan;
use crate::process::Process;
use crate::state::NodeKind;

const CP: &str = "cp";
const API_SERVER: &str = "kube-apiserver";
const ETCD: &str = "http://127.0.0.1:2379";

impl Lab {
    /// Starts everything and waits until the API server is ready.
    pub(crate) fn start_control_plane(&self) -> Result<()> {
        let cp = self.host(CP)?;
        let addresses = [
            cp.v4.into(),
            cp.v6.into(),
            "127.0.0.1".parse()?,
            plan::KUBERNETES_SERVICE.parse()?,
        ];
        let pki = Pki::create(self.folders.run.join("pki"), &addresses)?;
        fs::write(self.folders.data.join("audit-policy.json"), audit_policy())?;
        self.start_etcd()?;
        let server = self.spawn_api_server()?;
        self.start_forwarder()?;
        self.write_kubeconfigs(&pki)?;
        self.wait_for_api_server(&server)?;
        self.start_controller_manager(&pki)?;
        if self.state().kind == NodeKind::Kubelet {
            self.start_scheduler()?;
        }
        Ok(())
    }

    /// Ends the API server at once, as a crash does. Watches break; etcd keeps everything.
    pub fn stop_api_server(&self) -> Result<()> {
        let id = self.process(CP, API_SERVER)?;
        id.signal(Signal::SIGKILL)?;
        wait_for("the API server's end", Duration::from_secs(10), || {
            Ok((!id.alive()).then_some(()))
        })
    }

    /// Starts the API server again and waits until it is ready.
    pub fn start_api_server(&self) -> Result<()> {
        let server = self.spawn_api_server()?;
        self.wait_for_api_server(&server)
    }

    fn wait_for_api_server(&self, server: &Process) -> Result<()> {
        let address = SocketAddr::from((self.host(CP)?.v4, 6443));
        let mut listening = false;
        server.wait_for("the API server to be ready", Duration::from_secs(60), || {
            if !listening {
                // kubectl tries again by itself, and slowly, while nobody listens.
                self.inside(CP, || {
                    TcpStream::connect_timeout(&address, Duration::from_secs(1))
                })??;
                listening = true;
            }
            Ok(self
                .kubectl(&["get", "--raw", "/readyz"])?
                .contains("ok")
                .then_some(()))
        })
    }

    fn start_etcd(&self) -> Result<Arc<Process>> {
        let mut etcd = Command::new(self.components.path("etcd")?);
        etcd.arg("--data-dir").arg(self.folders.data.join("etcd"));
        etcd.args(["--listen-client-urls", ETCD, "--advertise-client-urls", ETCD]);
        etcd.args(["--listen-peer-urls", "http://127.0.0.1:2380"]);
        // A lab does not outlive a power cut; without this a slow disk is what a suite measures.
        etcd.args(["--unsafe-no-fsync", "--log-level", "warn"]);
        self.spawn(CP, "etcd", etcd)
    }

    fn spawn_api_server(&self) -> Result<Arc<Process>> {
        let pki = self.pki();
        let address = self.host(CP)?.v4;
        let file = |flag: &str, name: &str| format!("--{flag}={}", pki.file(name).display());
        let mut server = Command::new(self.components.path(API_SERVER)?);
        server.args([
            format!("--etcd-servers={ETCD}"),
            format!("--bind-address={address}"),
            format!("--advertise-address={address}"),
            "--secure-port=6443".into(),
            file("tls-cert-file", "apiserver.crt"),
            file("tls-private-key-file", "apiserver.key"),
            file("client-ca-file", "ca.crt"),
            file("service-account-key-file", "sa.pub"),
            file("service-account-signing-key-file", "sa.key"),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            // Logs of pods and commands in them go through the kubelets.
            file("kubelet-client-certificate", "admin.crt"),
            file("kubelet-client-key", "admin.key"),
            "--kubelet-preferred-address-types=InternalIP".into(),
            format!("--service-cluster-ip-range={}", plan::SERVICE_RANGES),
            "--authorization-mode=RBAC".into(),
            "--allow-privileged".into(),
            format!(
                "--audit-policy-file={}",
                self.folders.data.join("audit-policy.json").display()
            ),
            format!("--audit-log-path={}", self.audit_log().display()),
            // Megabytes: it is never rotated, for suites count in it.
            "--audit-log-maxsize=100000".into(),
        ]);
        self.spawn(CP, API_SERVER, server)
    }

    fn start_controller_manager(&self, pki: &Pki) -> Result<()> {
        let mut manager = Command::new(self.components.path("kube-controller-manager")?);
        manager
            .arg("--kubeconfig")
            .arg(self.component_kubeconfig("kube-controller-manager")?);
        manager.args([
            format!(
                "--service-account-private-key-file={}",
                pki.file("sa.key").display()
            ),
            format!("--root-ca-file={}", pki.file("ca.crt").display()),
            "--leader-elect=false".into(),
            "--use-service-account-credentials=false".into(),
        ]);
        if self.state().kind == NodeKind::Process {
            // Nobody renews the Leases of process nodes: a Node is ready for as long as the suite says so.
            manager.arg("--controllers=*,-node-lifecycle-controller,-taint-eviction-controller");
        }
        self.spawn(CP, "kube-controller-manager", manager).map(drop)
    }

    fn start_scheduler(&self) -> Result<()> {
        let mut scheduler = Command::new(self.components.path("kube-scheduler")?);
        scheduler
            .arg("--kubeconfig")
            .arg(self.component_kubeconfig("kube-scheduler")?);
        scheduler.arg("--leader-elect=false");
        self.spawn(CP, "kube-scheduler", scheduler).map(drop)
    }

    /// The kubeconfig of a component, which may do everything but is told apart in the audit log.
    pub(crate) fn component_kubeconfig(&self, component: &str) -> Result<std::path::PathBuf> {
        self.kubeconfig_for(component, Some(ADMINISTRATORS))
    }

    /// Makes the API server reachable at a free port of 127.0.0.1 of the namespace that this process is in: the
    /// listening socket is made here, and given to a process on `cp`, whose connections start there.
    fn start_forwarder(&self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        let mut forward = Command::new(self.components.path("forward")?);
        forward.arg(format!("{}:6443", self.host(CP)?.v4));
        let forward = self.on(CP, &forward)?;
        self.start(CP, "forward", forward, Stdio::from(OwnedFd::from(listener)))?;
        self.update(|state| {
            state.api_port = port;
            Ok(())
        })
    }
}

/// Who did what to which object, once per request, without bodies.
fn audit_policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{ "level": "Metadata" }],
    })
    .to_string()
}
