//! The keys that the speakers of a cluster share, from the files of a mounted Secret.
//!
//! `key` is what this speaker seals with; `also`, if it is there, what others may seal with besides. To rotate without a gap:
//! write the new key into `also`, wait until every node has it (a kubelet takes up to two minutes), exchange the two, wait
//! again, remove `also`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claim::{Key, Keys};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

const INTERVAL: Duration = Duration::from_secs(2);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; it is a file of the Secret that all speakers mount", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A key is too short.
    #[error("{} has {length} octets: write at least {SHORTEST} that nobody can guess, such as those of `openssl rand -base64 48`", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How long the key is, blanks around it left out.
        length: usize,
    },
}

/// Reads the keys in `folder`.
///
/// # Errors
/// There is no `key`, or one of the files cannot be used.
pub fn read(folder: &Path) -> Result<Keys, KeysError> {
    let seal = key(&folder.join("key"))?;
    let also = folder.join("also");
    let open = match key(&also) {
        Err(KeysError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => vec![other?],
    };
    Ok(Keys { seal, open })
}

fn key(path: &Path) -> Result<Key, KeysError> {
    let path = || path.to_owned();
    let text = std::fs::read(path()).map_err(|source| KeysError::Unreadable { path: path(), source })?;
    let secret = text.trim_ascii();
    if secret.len() < SHORTEST {
        return Err(KeysError::Short {
            path: path(),
            length: secret.len(),
        });
    }
    Ok(Key::new(Sha256::digest(secret).into()))
}

/// Tells of the keys in `folder` whenever they change. While they cannot be read, the last ones stay.
pub async fn follow(folder: PathBuf, keys: watch::Sender<Keys>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut complained = false;
    loop {
        ticks.tick().await;
        match read(&folder) {
            Ok(now) => {
                complained = false;
                let changed = keys.send_if_modified(|known| {
                    let changed = *known != now;
                    *known = now;
                    changed
                });
                if changed {
                    tracing::info!("keys replaced");
                }
            }
            Err(error) if !complained => {
                complained = true;
                tracing::error!(%error, "keys not read, the last ones stay");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_keys_of_a_secret_are_read_and_blanks_do_not_count() {
        let one = folder(&[("key", "0123456789abcdef")]);
        let two = folder(&[("key", "fedcba9876543210"), ("also", "0123456789abcdef\n")]);
        let (one, two) = (read(one.path()).unwrap(), read(two.path()).unwrap());
        assert_eq!(one.open, []);
        assert_eq!(two.open, [one.seal]);
    }

    #[test]
    fn what_is_wrong_names_the_file_and_what_to_write() {
        let error = read(folder(&[]).path()).unwrap_err();
        assert!(
            matches!(&error, KeysError::Unreadable { path, .. } if path.ends_with("key")),
            "{error}"
        );
        let error = read(folder(&[("key", "0123456789abcdef"), ("also", "short\n")]).path()).unwrap_err();
        assert!(
            matches!(&error, KeysError::Short { path, length: 5 } if path.ends_with("also")),
            "{error}"
        );
        assert!(error.to_string().contains("openssl rand"), "{error}");
    }
}
