//! What share of the processors a group has, and of their real time.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::hierarchies::is_controller;
use super::{Cgroup, Hierarchies};

/// The weight of a group that nobody has given another one; v1, v2.
const USUAL: [u32; 2] = [1024, 100];

impl Cgroup {
    /// Makes a group beside it weigh so many times what it does, for as long as they compete for processors.
    pub(crate) fn outweigh(&self, times: u32) -> Result<()> {
        let (file, usual, least) = match &self.hierarchies {
            Hierarchies::V1(_) => ("cpu.shares", USUAL[0], 2),
            Hierarchies::V2(_) => ("cpu.weight", USUAL[1], 1),
        };
        let file = self.processor()?.join(file);
        fs::write(&file, (usual / times).max(least).to_string())
            .with_context(|| format!("cannot set {}", file.display()))
    }

    /// Permits real-time scheduling in the group, where a kernel divides that by groups: with v1 only, and as far as the groups
    /// above have some of it.
    pub(crate) fn grant_real_time(&self, microseconds_per_second: u32) -> Result<()> {
        let file = self.processor()?.join("cpu.rt_runtime_us");
        if !file.exists() {
            return Ok(());
        }
        fs::write(&file, microseconds_per_second.to_string())
            .with_context(|| format!("cannot set {}", file.display()))
    }

    /// The group's folder where processors are divided.
    fn processor(&self) -> Result<PathBuf> {
        let root = match &self.hierarchies {
            Hierarchies::V2(root) => root,
            Hierarchies::V1(roots) => roots
                .iter()
                .find(|root| is_controller(root, "cpu"))
                .context("this machine has no control groups for processors")?,
        };
        Ok(root.join(&self.path))
    }
}
