use std::path::PathBuf;

use anyhow::{Result, bail};

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .map_or_else(|| here.clone(), PathBuf::from)
}

/// One of Herald's binaries, as it goes into the image.
///
/// # Errors
/// It has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    built(name)
}

/// The plugin of kubectl, which goes into no image.
///
/// # Errors
/// It has not been built.
pub fn plugin() -> Result<PathBuf> {
    let path = root().join("target/debug/kubectl-herald");
    if !path.exists() {
        bail!("{} is missing: run `cargo build -p cli`", path.display());
    }
    Ok(path)
}

/// The archive of Herald's image.
///
/// # Errors
/// It has not been written.
pub fn image() -> Result<PathBuf> {
    built("herald.tar")
}

fn built(name: &str) -> Result<PathBuf> {
    let path = root().join("target/image").join(name);
    if !path.exists() {
        bail!("{} is missing: run `make image`", path.display());
    }
    Ok(path)
}
