//! The keys that the speakers share, from the files of a mounted Secret.
//!
//! `key` is what this speaker seals with; `also`, if it is there and not empty, what others may seal with besides. To rotate without a
//! gap: write the new key into `also`, wait until every node has it (a kubelet takes up to two minutes), exchange the two, wait again,
//! remove or empty `also`.
//!
//! A file that cannot be used harms no more than itself: the other one is used alone, and where neither can be, a speaker keeps the
//! keys that it has, or waits for some before it takes part.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claim::{Key, Keys};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

const INTERVAL: Duration = Duration::from_secs(2);

/// The link that a kubelet turns from one version of a Secret to the next: the files beside it lead through it.
const CURRENT: &str = "..data";

/// How often a Secret that is exchanged while it is read is read again.
const ATTEMPTS: u32 = 5;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read.
    #[error("cannot read {}: {reason}; it is a file of the Secret that all speakers mount", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::ErrorKind,
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

/// What a folder holds.
#[derive(Debug)]
pub struct Read {
    /// The keys to use; none if no file has one.
    pub keys: Option<Keys>,
    /// What is wrong with one of the files.
    pub fault: Option<KeysError>,
}

/// Reads the keys in `folder`, both of one version of the Secret.
pub fn read(folder: &Path) -> Read {
    let current = || std::fs::canonicalize(folder.join(CURRENT)).ok();
    let mut version = current();
    for _ in 1..ATTEMPTS {
        let read = read_version(folder, version.as_deref());
        let now = current();
        if now == version {
            return read;
        }
        version = now;
    }
    read_version(folder, version.as_deref())
}

fn read_version(folder: &Path, version: Option<&Path>) -> Read {
    let of = |file: &str| key(&version.unwrap_or(folder).join(file), &folder.join(file));
    let missing = || KeysError::Short {
        path: folder.join("key"),
        length: 0,
    };
    let mut fault = None;
    let mut usable = |key: Result<Option<Key>, KeysError>| {
        key.unwrap_or_else(|error| {
            fault.get_or_insert(error);
            None
        })
    };
    let first = usable(of("key").and_then(|key| key.map(Some).ok_or_else(missing)));
    let second = usable(of("also"));
    let keys = match (first, second) {
        (Some(seal), second) => Some(Keys {
            seal,
            open: second.into_iter().collect(),
        }),
        // The others open it as well: they mount the same Secret.
        (None, Some(seal)) => Some(Keys {
            seal,
            open: Vec::new(),
        }),
        (None, None) => None,
    };
    Read { keys, fault }
}

/// The key in the file, which users know by the name `shown`; none if the file is not there or empty.
fn key(path: &Path, shown: &Path) -> Result<Option<Key>, KeysError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(KeysError::Unreadable {
                path: shown.to_owned(),
                reason: error.kind(),
            });
        }
    };
    match text.trim_ascii() {
        [] => Ok(None),
        secret if secret.len() < SHORTEST => Err(KeysError::Short {
            path: shown.to_owned(),
            length: secret.len(),
        }),
        secret => Ok(Some(Key::new(Sha256::digest(secret).into()))),
    }
}

/// Follows the keys in a folder.
pub struct Follower<T> {
    folder: PathBuf,
    tell: T,
    told: Option<KeysError>,
}

impl<T: FnMut(Option<KeysError>)> Follower<T> {
    /// Follows those in `folder`, and `tell`s what is wrong with them whenever that changes.
    pub fn new(folder: PathBuf, tell: T) -> Self {
        Self {
            folder,
            tell,
            told: None,
        }
    }

    /// The first keys that there are.
    pub async fn first(&mut self) -> Keys {
        loop {
            if let Some(keys) = self.look() {
                return keys;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Tells of other keys until nobody listens any more. While none can be read, the last ones stay.
    pub async fn follow(mut self, keys: watch::Sender<Keys>) {
        while !keys.is_closed() {
            if let Some(now) = self.look()
                && keys.send_if_modified(|known| {
                    let changed = *known != now;
                    *known = now;
                    changed
                })
            {
                tracing::info!("keys replaced");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn look(&mut self) -> Option<Keys> {
        let Read { keys, fault } = read(&self.folder);
        if fault != self.told {
            match &fault {
                Some(error) => tracing::error!(%error, "a key cannot be used"),
                None => tracing::info!("the keys can be used again"),
            }
            self.told.clone_from(&fault);
            (self.tell)(fault);
        }
        keys
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

    fn keys(files: &[(&str, &str)]) -> Keys {
        read(folder(files).path()).keys.unwrap()
    }

    const ONE: &str = "0123456789abcdef";
    const TWO: &str = "fedcba9876543210";

    #[test]
    fn the_keys_of_a_secret_are_read_and_blanks_do_not_count() {
        let (one, two) = (
            keys(&[("key", ONE)]),
            keys(&[("key", TWO), ("also", "0123456789abcdef\n")]),
        );
        assert_eq!(one.open, []);
        assert_eq!(two.open, [one.seal]);
    }

    #[test]
    fn an_empty_second_key_is_none() {
        for empty in ["", "\n"] {
            let read = read(folder(&[("key", ONE), ("also", empty)]).path());
            assert_eq!(read.fault, None);
            assert_eq!(read.keys, Some(keys(&[("key", ONE)])));
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_leaves_the_other_and_is_named_with_what_to_write() {
        let of = |files: &[(&str, &str)]| read(folder(files).path());
        let bad_second = of(&[("key", ONE), ("also", "short\n")]);
        assert_eq!(bad_second.keys, Some(keys(&[("key", ONE)])));
        let fault = bad_second.fault.unwrap();
        assert!(
            matches!(&fault, KeysError::Short { path, length: 5 } if path.ends_with("also")),
            "{fault}"
        );
        assert!(fault.to_string().contains("openssl rand"), "{fault}");
        let bad_first = of(&[("key", "short"), ("also", TWO)]);
        assert_eq!(bad_first.keys, Some(keys(&[("key", TWO)])));
        assert!(bad_first.fault.is_some());
        let none = of(&[]);
        assert!(none.keys.is_none());
        assert!(matches!(none.fault, Some(KeysError::Short { path, length: 0 }) if path.ends_with("key")));
    }

    #[test]
    fn both_keys_are_of_one_version_of_the_secret() {
        let mount = folder(&[]);
        let version = |name: &str, files: &[(&str, &str)]| {
            let folder = mount.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            for (file, text) in files {
                std::fs::write(folder.join(file), text).unwrap();
            }
        };
        let turn = |name: &str| {
            let new = mount.path().join("new");
            std::os::unix::fs::symlink(name, &new).unwrap();
            std::fs::rename(new, mount.path().join(CURRENT)).unwrap();
        };
        version("..1", &[("key", ONE), ("also", TWO)]);
        version("..2", &[("key", TWO), ("also", ONE)]);
        let either = [
            keys(&[("key", ONE), ("also", TWO)]),
            keys(&[("key", TWO), ("also", ONE)]),
        ];
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..2000 {
                    turn(["..1", "..2"][round % 2]);
                }
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            turn("..1");
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let read = read(mount.path()).keys.unwrap();
                assert!(either.contains(&read));
            }
        });
    }

    #[tokio::test]
    async fn the_last_keys_stay_while_none_can_be_read() {
        let folder = folder(&[("key", "short")]);
        let path = folder.path().to_owned();
        let (faults, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut follower = Follower::new(path.clone(), move |fault| faults.send(fault).unwrap());
        let waited = tokio::time::timeout(Duration::ZERO, follower.first()).await;
        assert!(waited.is_err());
        assert!(told.recv().await.unwrap().is_some());
        std::fs::write(path.join("key"), ONE).unwrap();
        let first = follower.first().await;
        assert_eq!(first, keys(&[("key", ONE)]));
        assert_eq!(told.recv().await.unwrap(), None);
        let (sender, followed) = watch::channel(first.clone());
        std::fs::remove_file(path.join("key")).unwrap();
        tokio::spawn(follower.follow(sender));
        assert!(told.recv().await.unwrap().is_some());
        assert_eq!(*followed.borrow(), first);
    }
}
