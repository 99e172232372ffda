//! Writes a container image as a docker-archive, without Docker, a registry or a base image.
//!
//! An [`Image`] is one layer of static binaries. The same input gives the same bytes: times are zero, owners are root,
//! and the order is that of the paths. `ctr images import`, `docker load` and `podman load` read the result.
//!
//! ```no_run
//! use image::{File, Image};
//!
//! let image = Image {
//!     tag: "heraldlb.io/herald:0.1.0".into(),
//!     entrypoint: vec!["/herald-controller".into()],
//!     files: vec!["target/release/herald-controller=/herald-controller".parse::<File>()?],
//!     ..Image::default()
//! };
//! image.write("target/image/herald.tar".as_ref())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::json;
use sha2::{Digest, Sha256};

/// What an image holds, and how it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The name that the image is loaded under, with its tag: `heraldlb.io/herald:0.1.0`.
    pub tag: String,
    /// The command that a container runs, when its pod names none.
    pub entrypoint: Vec<String>,
    /// `USER` or `UID:GID` that a container runs as, when its pod names none; empty: root.
    pub user: Option<String>,
    /// Labels of the image's configuration.
    pub labels: BTreeMap<String, String>,
    /// The only files there are.
    pub files: Vec<File>,
}

/// One executable of an image. Parsed from `FILE=/destination`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where the bytes are read from.
    pub source: PathBuf,
    /// Where they are inside the image, without the leading slash.
    pub destination: PathBuf,
}

/// Why no image was written. A file that was there before is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The argument is not of the form `FILE=/destination`.
    #[error("`{0}` is not FILE=/destination")]
    File(String),
    /// A file of the image cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The archive.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FromStr for File {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once("=/") {
            Some((source, destination)) if !source.is_empty() && !destination.is_empty() => Ok(Self {
                source: source.into(),
                destination: destination.into(),
            }),
            _ => Err(ImageError::File(text.to_owned())),
        }
    }
}

impl Image {
    /// Writes the archive; a reader sees either the old file or the whole new one.
    pub fn write(&self, output: &Path) -> Result<(), ImageError> {
        let bytes = self.archive()?;
        let failed = |source| ImageError::Write {
            path: output.to_owned(),
            source,
        };
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let partial = output.with_extension(format!("partial-{}", std::process::id()));
        fs::write(&partial, bytes)
            .and_then(|()| fs::rename(&partial, output))
            .map_err(failed)
    }

    /// The archive's bytes: `manifest.json`, the configuration and one layer.
    pub fn archive(&self) -> Result<Vec<u8>, ImageError> {
        let layer = self.layer()?;
        let layer_digest = hex(&Sha256::digest(&layer));
        let config = self.config(&layer_digest).to_string().into_bytes();
        let config_name = format!("{}.json", hex(&Sha256::digest(&config)));
        let layer_name = format!("{layer_digest}/layer.tar");
        let manifest =
            json!([{ "Config": config_name, "RepoTags": [self.tag], "Layers": [layer_name] }]).to_string();

        let mut archive = tar::Builder::new(Vec::new());
        append(&mut archive, Path::new(&config_name), 0o644, &config)
            .and_then(|()| append(&mut archive, Path::new(&layer_name), 0o644, &layer))
            .and_then(|()| {
                append(
                    &mut archive,
                    Path::new("manifest.json"),
                    0o644,
                    manifest.as_bytes(),
                )
            })
            .and_then(|()| archive.into_inner())
            .map_err(|source| ImageError::Write {
                path: "archive in memory".into(),
                source,
            })
    }

    fn config(&self, layer_digest: &str) -> serde_json::Value {
        let mut config = json!({ "Entrypoint": self.entrypoint });
        if let Some(user) = &self.user {
            config["User"] = json!(user);
        }
        if !self.labels.is_empty() {
            config["Labels"] = json!(self.labels);
        }
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        })
    }

    fn layer(&self) -> Result<Vec<u8>, ImageError> {
        let in_memory = |source| ImageError::Write {
            path: "layer in memory".into(),
            source,
        };
        let mut layer = tar::Builder::new(Vec::new());
        for folder in self.folders() {
            append_folder(&mut layer, &folder).map_err(in_memory)?;
        }
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by(|a, b| a.destination.cmp(&b.destination));
        for file in files {
            let bytes = fs::read(&file.source).map_err(|source| ImageError::Read {
                path: file.source.clone(),
                source,
            })?;
            append(&mut layer, &file.destination, 0o755, &bytes).map_err(in_memory)?;
        }
        layer.into_inner().map_err(in_memory)
    }

    /// Every folder above a file, parents first.
    fn folders(&self) -> BTreeSet<PathBuf> {
        self.files
            .iter()
            .flat_map(|file| file.destination.ancestors().skip(1))
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(Path::to_owned)
            .collect()
    }
}

/// The name that images use for the machine this was compiled for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A header that says nothing about when and by whom the image was built.
fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn append(to: &mut tar::Builder<Vec<u8>>, path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    to.append_data(
        &mut header(tar::EntryType::Regular, mode, bytes.len() as u64),
        path,
        bytes,
    )
}

fn append_folder(to: &mut tar::Builder<Vec<u8>>, path: &Path) -> io::Result<()> {
    to.append_data(
        &mut header(tar::EntryType::Directory, 0o755, 0),
        path,
        io::empty(),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
