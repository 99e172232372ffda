//! Installing charts the way a user does.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::lab::Lab;
use crate::run::run;

/// The release and the namespace that Herald is installed as.
const RELEASE: &str = "herald";
const NAMESPACE: &str = "herald-system";

impl Lab {
    /// Runs helm as administrator and gives what it printed. Its caches stay in the lab.
    pub fn helm(&self, words: &[&str]) -> Result<String> {
        let mut helm = Command::new(self.components.path("helm")?);
        helm.env("KUBECONFIG", self.kubeconfig());
        for (variable, folder) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            helm.env(variable, self.folders.run.join("helm").join(folder));
        }
        run({
            helm.args(words);
            helm
        })
    }

    /// `helm install herald CHART` in the namespace herald-system, and waits until all of it is ready.
    pub fn install_herald(&self, chart: &Path) -> Result<()> {
        self.install_herald_with(chart, &[])
    }

    /// The same with values, each as `name=value`.
    pub fn install_herald_with(&self, chart: &Path, values: &[&str]) -> Result<()> {
        let chart = chart.to_str().context("the chart's path is no UTF-8")?;
        // The nodes share the machine's file system: what their speakers keep is to go with the lab.
        let state = format!("speaker.stateDir={}", self.folders.run.join("speakers").display());
        let mut words = vec!["install", RELEASE, chart];
        words.extend(["--namespace", NAMESPACE, "--create-namespace"]);
        words.extend(["--wait", "--timeout", "120s"]);
        for value in [&[state.as_str()][..], values].concat() {
            words.extend(["--set", value]);
        }
        self.helm(&words).map(drop)
    }
}
