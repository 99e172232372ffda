//! Command herald-image writes an image archive from static binaries.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use image::{File, Image};

/// Writes a container image (docker-archive) from static binaries, without Docker.
#[derive(Debug, Parser)]
#[command(name = "herald-image", version)]
struct Args {
    /// Name and tag that the image is loaded under.
    #[arg(long)]
    tag: String,
    /// Command of a container that names none; give it once per word.
    #[arg(long, required = true)]
    entrypoint: Vec<String>,
    /// User that a container runs as when its pod names none: USER or UID:GID.
    #[arg(long)]
    user: Option<String>,
    /// A label of the image: KEY=VALUE; may be repeated.
    #[arg(long, value_parser = label)]
    label: Vec<(String, String)>,
    /// The archive to write.
    #[arg(long)]
    output: PathBuf,
    /// The binaries and where they go in the image.
    #[arg(required = true, value_name = "FILE=/DEST")]
    files: Vec<File>,
}

fn main() -> anyhow::Result<()> {
    let Args {
        tag,
        entrypoint,
        user,
        label,
        output,
        files,
    } = Args::parse();
    let image = Image {
        tag,
        entrypoint,
        user,
        labels: label.into_iter().collect(),
        files,
    };
    image
        .write(&output)
        .with_context(|| format!("image {} was not written", image.tag))
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}
