//! Our Go modules, and how each becomes programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::run;

/// A Go module of ours and the programs that it gives.
pub(super) struct Module {
    pub(super) name: &'static str,
    /// What `go build` is called with, one call each: the module's own main package, or its pinned tools.
    pub(super) targets: &'static [&'static str],
    /// runc is C in part.
    pub(super) cgo: bool,
    /// What the calls leave.
    built: &'static [&'static str],
    /// Names that a program of `built` is called by as well: it does what its name says.
    links: &'static [(&'static str, &'static str)],
    /// How long it takes on two cores without any cache.
    pub(super) usual: &'static str,
}

pub(super) const MODULES: [Module; 5] = [
    Module {
        name: "kube",
        targets: &["."],
        cgo: false,
        built: &["kube"],
        links: &[
            ("etcd", "kube"),
            ("kube-apiserver", "kube"),
            ("kube-controller-manager", "kube"),
            ("kube-proxy", "kube"),
            ("kube-scheduler", "kube"),
            ("kubectl", "kube"),
            ("kubelet", "kube"),
        ],
        usual: "7 minutes",
    },
    Module {
        name: "containerd",
        targets: &[".", "tool"],
        cgo: false,
        built: &["containerd", "containerd-shim-runc-v2", "ctr"],
        links: &[],
        usual: "1 minute",
    },
    Module {
        name: "runc",
        targets: &["tool"],
        cgo: true,
        built: &["runc"],
        links: &[],
        usual: "15 seconds",
    },
    Module {
        name: "helm",
        targets: &["tool"],
        cgo: false,
        built: &["helm"],
        links: &[],
        usual: "2 minutes",
    },
    Module {
        name: "web",
        targets: &["."],
        cgo: false,
        built: &["web"],
        links: &[("pause", "web"), ("forward", "web")],
        usual: "5 seconds",
    },
];

impl Module {
    /// What callers use. A program that is only called by its other names may be missing under its own.
    pub(super) fn programs(&self) -> impl Iterator<Item = &'static str> {
        let links = self.links.iter().map(|(name, _)| *name);
        let own = self.built.iter().copied().filter(|name| *name != "kube");
        own.chain(links)
    }

    /// Builds into a folder beside `bin` and moves the finished programs there.
    pub(super) fn build(&self, sources: &Path, bin: &Path) -> Result<()> {
        let partial = bin.with_file_name(format!("partial-{}", self.name));
        fs::create_dir_all(&partial)?;
        for target in self.targets {
            let mut go = Command::new("go");
            go.current_dir(sources.join(self.name))
                .env("CGO_ENABLED", if self.cgo { "1" } else { "0" })
                .env("GOFLAGS", "-mod=readonly")
                .args(["build", "-trimpath", "-ldflags", &self.linker_flags(sources)?])
                .args(if self.cgo {
                    &["-tags", "seccomp", "-o"][..]
                } else {
                    &["-o"]
                })
                .arg(format!("{}/", partial.display()))
                .arg(target);
            run(go).with_context(|| {
                format!("{} was not built; `apt-get install golang gcc pkg-config libseccomp-dev`, with Go 1.26 or later, provides what is needed", self.name)
            })?;
        }
        for program in self.built {
            fs::rename(partial.join(program), bin.join(program))
                .with_context(|| format!("building {} gave no {program}", self.name))?;
        }
        for (name, program) in self.links {
            let link = partial.join(name);
            // Left by a build that was interrupted.
            let _ = fs::remove_file(&link);
            symlink(program, &link)?;
            fs::rename(&link, bin.join(name))?;
        }
        fs::remove_dir_all(&partial).context("cannot clean up after the build")
    }

    /// Kubernetes' components must know their version: clients complain about v0.0.0.
    pub(super) fn linker_flags(&self, sources: &Path) -> Result<String> {
        let mut flags = "-s -w".to_owned();
        if self.name == "kube" {
            let version = kubernetes_version(&fs::read_to_string(sources.join("kube/go.mod"))?)?;
            let (major, minor) = major_and_minor(&version)?;
            for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
                flags += &format!(
                    " -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} \
                     -X {package}.gitTreeState=clean"
                );
            }
        }
        Ok(flags)
    }
}

/// The version of Kubernetes that a go.mod pins: `v1.36.3`.
pub(super) fn kubernetes_version(go_mod: &str) -> Result<String> {
    let mut words = go_mod
        .split_whitespace()
        .skip_while(|word| *word != "k8s.io/kubernetes");
    Ok(words
        .nth(1)
        .context("components/kube/go.mod does not pin k8s.io/kubernetes")?
        .to_owned())
}

pub(super) fn major_and_minor(version: &str) -> Result<(&str, &str)> {
    let mut parts = version.trim_start_matches('v').split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => bail!("`{version}` is no version"),
    }
}
