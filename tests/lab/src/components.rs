//! The programs a cluster is made of: given by the user, or built from pinned Go modules into a cache.
//!
//! The modules are in `components/` beside this crate. The cache is a folder named by the hash of their pins and of
//! how they are built, so an edit of a pin builds anew and an older checkout finds its own programs again.

use std::convert::Infallible;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::steps::Steps;

mod modules;

use modules::{MODULES, Module};

/// Where programs come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ComponentSettings {
    /// Folder of official binaries (kube-apiserver, etcd, containerd, …) that are used instead of built ones.
    #[arg(long = "bin", env = "HERALD_LAB_BIN", value_parser = folder, global = true, value_name = "FOLDER")]
    pub official: Option<PathBuf>,
    /// Folder that keeps what was built [default: ~/.cache/herald-lab].
    #[arg(long, env = "HERALD_LAB_CACHE", value_parser = folder, global = true, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,
}

/// Where every program of a cluster is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Components {
    /// The first folder that has a program wins.
    folders: Vec<PathBuf>,
}

impl Components {
    /// What the environment says, built where it is missing: for suites. `lab components` shows progress.
    pub fn from_env() -> Result<Self> {
        /// No arguments: only the variables.
        #[derive(Parser)]
        struct Environment {
            #[command(flatten)]
            settings: ComponentSettings,
        }
        Self::provide(&Environment::parse_from(["lab"]).settings, &Steps::silent())
    }

    /// Makes sure that every program is there, and builds those that are not. Two calls at once build once.
    pub fn provide(settings: &ComponentSettings, steps: &Steps) -> Result<Self> {
        let cache = match given(&settings.cache) {
            Some(cache) => std::path::absolute(cache)?,
            None => std::env::home_dir()
                .context("no home folder: give --cache")?
                .join(".cache/herald-lab"),
        };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("components");
        let built = cache.join(key(&sources)?).join("bin");
        let official = given(&settings.official).map(std::path::absolute).transpose()?;
        let components = Self {
            folders: official.into_iter().chain([built.clone()]).collect(),
        };

        if !components.missing().is_empty() {
            fs::create_dir_all(&built).with_context(|| format!("cannot make {}", built.display()))?;
            let lock = File::create(cache.join("lock"))?;
            steps.step("waiting for the component cache", || Ok(lock.lock()?))?;
            for module in components.missing() {
                let title = format!(
                    "building {} (about {} without a cache)",
                    module.name, module.usual
                );
                steps.step(&title, || module.build(&sources, &built))?;
            }
        }
        Ok(components)
    }

    /// Where a program is.
    pub fn path(&self, program: &str) -> Result<PathBuf> {
        let mut candidates = self.folders.iter().map(|folder| folder.join(program));
        candidates
            .find(|path| path.exists())
            .with_context(|| format!("component {program} is not there"))
    }

    /// The folders that are searched, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    fn missing(&self) -> Vec<&'static Module> {
        let lacks = |program: &str| self.path(program).is_err();
        MODULES
            .iter()
            .filter(|module| module.programs().any(lacks))
            .collect()
    }
}

/// Takes any text: a variable that is set to nothing, as a Makefile passes it on, is as good as not set.
fn folder(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

fn given(folder: &Option<PathBuf>) -> Option<&Path> {
    folder.as_deref().filter(|folder| !folder.as_os_str().is_empty())
}

/// A hash of everything that decides what is built.
fn key(sources: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for module in &MODULES {
        hash.update(format!("{} {:?} {} ", module.name, module.targets, module.cgo));
        hash.update(module.linker_flags(sources)?);
        for file in ["go.mod", "go.sum", "main.go"] {
            // A module without dependencies has no go.sum, one of tools only has no main.go.
            let bytes = fs::read(sources.join(module.name).join(file)).unwrap_or_default();
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests;
