//! Nodes as in production: containerd and kubelet, with a mount namespace of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use image::{File, Image};

use crate::lab::{Lab, joined};
use crate::plan::Host;
use crate::process::Process;
use crate::run::run;
use crate::state::NodeKind;

mod config;

/// Makes a mount namespace in which a node's mounts stay, and vanish with its last process. Paths that containerd and
/// CNI have compiled in are private to the node there, so that nodes disturb neither each other nor the machine.
const OWN_MOUNTS: &str = "mount --make-rshared / && mkdir -p /run/containerd /var/lib/cni && \
    for private in /run/containerd /var/lib/cni /run/netns; do mount -t tmpfs herald-lab $private || exit; done && \
    exec \"$@\"";

/// The files of one node.
struct NodeFolders {
    /// Below the lab's run folder: containerd's socket and its state, whose paths must be short.
    run: PathBuf,
    /// Images, container file systems, kubelet's folder.
    data: PathBuf,
}

impl Lab {
    /// Loads an image archive (docker-archive or OCI) into every kubelet node.
    pub fn load_image(&self, archive: &Path) -> Result<()> {
        let archive = archive
            .canonicalize()
            .with_context(|| format!("no image {}", archive.display()))?;
        thread::scope(|threads| {
            let archive = &archive;
            let load = |node: Host| threads.spawn(move || self.import(&node.name, archive));
            let nodes: Vec<_> = self.nodes().into_iter().map(load).collect();
            nodes.into_iter().try_for_each(joined)
        })
    }

    /// Starts containerd on every node, and loads the lab's own images; the API server is not needed for it.
    pub(crate) fn start_runtimes(&self) -> Result<()> {
        if self.state().kind == NodeKind::Process {
            return Ok(());
        }
        let images = self.write_images()?;
        thread::scope(|threads| {
            let images = &images;
            let start =
                |(number, host): (u8, Host)| threads.spawn(move || self.start_runtime(number, &host, images));
            let nodes: Vec<_> = (1..).zip(self.nodes()).map(start).collect();
            nodes.into_iter().try_for_each(joined)
        })
    }

    /// Starts kubelet and kube-proxy on every node and waits until all are Ready.
    pub(crate) fn start_kubelet_nodes(&self) -> Result<()> {
        thread::scope(|threads| {
            let start = |host: Host| {
                threads.spawn(move || {
                    let kubelet = self.start_kubelet(&host)?;
                    self.start_proxy(&host)?;
                    kubelet.wait_for(
                        &format!("node {} to be Ready", host.name),
                        Duration::from_secs(120),
                        || {
                            let path = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
                            let ready = self.kubectl(&["get", "node", &host.name, "-o", path])?;
                            Ok((ready == "True").then_some(()))
                        },
                    )
                })
            };
            let nodes: Vec<_> = self.nodes().into_iter().map(start).collect();
            nodes.into_iter().try_for_each(joined)
        })
    }

    fn start_runtime(&self, number: u8, host: &Host, images: &[PathBuf]) -> Result<()> {
        let folders = self.node_folders(&host.name);
        for folder in [&folders.run, &folders.data, &folders.cni()] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(
            folders.cni().join("10-lab.conflist"),
            config::cni(number, &folders.data),
        )?;
        fs::write(
            folders.containerd_config(),
            config::containerd(&folders, &self.components)?,
        )?;
        self.make_mount_namespace(&host.name)?;

        let mut containerd = Command::new(self.components.path("containerd")?);
        containerd.arg("--config").arg(folders.containerd_config());
        let containerd = self.spawn_on_node(&host.name, "containerd", &containerd)?;
        containerd.wait_for(
            &format!("containerd on {}", host.name),
            Duration::from_secs(60),
            || {
                let mut version = self.ctr(&host.name)?;
                version.arg("version");
                run(version).map(Some)
            },
        )?;
        images.iter().try_for_each(|image| self.import(&host.name, image))
    }

    /// Starts the process that the node's mount namespace lives by.
    fn make_mount_namespace(&self, node: &str) -> Result<()> {
        let through = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "/bin/sh",
            "-c",
            OWN_MOUNTS,
            "sh",
        ];
        let pause = Command::new(self.components.path("pause")?);
        let command = self.on_with(node, &through.map(str::to_owned), &pause)?;
        let anchor = self.start(node, "mounts", command, std::process::Stdio::null())?;
        // It has become `pause` when its mounts are made.
        anchor.wait_for(
            &format!("mount namespace of {node}"),
            Duration::from_secs(30),
            || {
                let program = fs::read_link(format!("/proc/{}/exe", anchor.id.pid))?;
                Ok((program == fs::canonicalize(self.components.path("pause")?)?).then_some(()))
            },
        )
    }

    /// Starts a process with the node's mounts.
    fn spawn_on_node(&self, node: &str, name: &str, command: &Command) -> Result<std::sync::Arc<Process>> {
        let anchor = self.process(node, "mounts")?;
        let through = [format!("--mount=/proc/{}/ns/mnt", anchor.pid)];
        let command = self.on_with(node, &through, command)?;
        self.start(node, name, command, std::process::Stdio::null())
    }

    fn start_kubelet(&self, host: &Host) -> Result<std::sync::Arc<Process>> {
        let folders = self.node_folders(&host.name);
        let cgroup = self.cgroup_of(&host.name);
        cgroup.create_divisible()?;
        let file = folders.data.join("kubelet.json");
        fs::write(
            &file,
            config::kubelet(&folders, &cgroup.name(), &self.pki().file("ca.crt")),
        )?;
        let mut kubelet = Command::new(self.components.path("kubelet")?);
        kubelet.arg("--config").arg(file);
        kubelet
            .arg("--kubeconfig")
            .arg(self.component_kubeconfig(&format!("kubelet-{}", host.name))?);
        kubelet.arg("--root-dir").arg(folders.data.join("kubelet"));
        kubelet.arg("--cert-dir").arg(folders.data.join("pki"));
        kubelet.arg(format!("--hostname-override={}", host.name));
        kubelet.arg(format!("--node-ip={},{}", host.v4, host.v6));
        self.spawn_on_node(&host.name, "kubelet", &kubelet)
    }

    /// Writes the images that every lab has: `localhost/pause:1` for sandboxes, and `localhost/web:1`, a server that
    /// answers HTTP on 8080 with its host name and echoes UDP on 7777.
    fn write_images(&self) -> Result<Vec<PathBuf>> {
        ["pause", "web"]
            .iter()
            .map(|name| {
                let archive = self.folders.data.join(format!("{name}.tar"));
                let image = Image {
                    tag: format!("localhost/{name}:1"),
                    entrypoint: vec![format!("/{name}")],
                    files: vec![File {
                        source: self.components.path(name)?,
                        destination: name.into(),
                    }],
                    ..Image::default()
                };
                image.write(&archive)?;
                Ok(archive)
            })
            .collect()
    }

    fn import(&self, node: &str, archive: &Path) -> Result<()> {
        let mut import = self.ctr(node)?;
        import.args(["-n", "k8s.io", "images", "import"]).arg(archive);
        run(import)
            .with_context(|| format!("{} was not loaded on {node}", archive.display()))
            .map(drop)
    }

    fn ctr(&self, node: &str) -> Result<Command> {
        let mut ctr = Command::new(self.components.path("ctr")?);
        ctr.arg("--address").arg(self.node_folders(node).socket());
        Ok(ctr)
    }

    fn node_folders(&self, node: &str) -> NodeFolders {
        NodeFolders {
            run: self.folders.run.join(node),
            data: self.folders.data.join(node),
        }
    }
}

impl NodeFolders {
    fn socket(&self) -> PathBuf {
        self.run.join("containerd.sock")
    }

    fn cni(&self) -> PathBuf {
        self.data.join("cni")
    }

    fn containerd_config(&self) -> PathBuf {
        self.data.join("containerd.toml")
    }
}
