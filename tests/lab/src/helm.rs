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
        let chart = chart.to_str().context("the chart's path is no UTF-8")?;
        // The nodes share the machine's file system: what their speakers keep is to go with the lab.
        let state = format!("speaker.stateDir={}", self.folders.run.join("speakers").display());
        self.helm(&[
            "install",
            RELEASE,
            chart,
            "--namespace",
            NAMESPACE,
            "--create-namespace",
            "--set",
            &state,
            "--wait",
            "--timeout",
            "120s",
        ])
        .map(drop)
    }
}
