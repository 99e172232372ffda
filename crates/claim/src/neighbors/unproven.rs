use std::collections::BTreeMap;
use std::time::Instant;

use super::replay::Window;
use crate::BootId;
use crate::seal::SenderKey;
use crate::wire::Echo;

/// More than this many unproven lives at once are not looked at: more than a segment has nodes.
const MAX: usize = 1024;

/// Lives of speakers that have not proven yet that they are not replays: they are told that they are heard, and nothing
/// that they say counts.
#[derive(Debug, Default)]
pub(super) struct Unproven(BTreeMap<BootId, Life>);

#[derive(Debug)]
pub(super) struct Life {
    pub(super) key: SenderKey,
    pub(super) window: Window,
    pub(super) heard: Instant,
}

impl Unproven {
    pub(super) fn get(&self, boot: BootId) -> Option<&Life> {
        self.0.get(&boot)
    }

    /// Notes what was opened; `false`: there is no room.
    pub(super) fn note(&mut self, now: Instant, boot: BootId, sequence: u64, key: SenderKey) -> bool {
        if let Some(life) = self.0.get_mut(&boot) {
            life.window.note(sequence);
            life.heard = now;
            life.key = key;
            return true;
        }
        if self.0.len() >= MAX {
            return false;
        }
        let window = Window::new(sequence);
        let heard = now;
        self.0.insert(boot, Life { key, window, heard });
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// It has proven itself.
    pub(super) fn take(&mut self, boot: BootId) -> Option<Life> {
        self.0.remove(&boot)
    }

    /// Forgets those not heard since.
    pub(super) fn forget(&mut self, before: Instant) {
        self.0.retain(|_, life| life.heard >= before);
    }

    pub(super) fn echoes(&self) -> impl Iterator<Item = Echo> + '_ {
        self.0.iter().map(|(boot, life)| Echo {
            boot: *boot,
            sequence: life.window.highest() as u32,
        })
    }
}
