/// Which datagrams of one life of a speaker have been heard: the newest, and those of the 64 before it.
///
/// The network may swap datagrams, and brings each twice where it carries both address families.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit `n` stands for `highest - n`.
    heard: u64,
}

impl Window {
    /// Of somebody of whom this was the first.
    pub(super) fn new(first: u64) -> Self {
        Self {
            highest: first,
            heard: 1,
        }
    }

    /// The newest one.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether this one was not heard before, nor is too old to tell.
    pub(super) fn is_new(&self, sequence: u64) -> bool {
        match self.highest.checked_sub(sequence) {
            None => true,
            Some(age) => age < 64 && self.heard >> age & 1 == 0,
        }
    }

    /// From now on this one was heard. The caller has asked [`Self::is_new`].
    pub(super) fn note(&mut self, sequence: u64) {
        if let Some(ahead) = sequence.checked_sub(self.highest) {
            self.heard = u32::try_from(ahead)
                .ok()
                .and_then(|n| self.heard.checked_shl(n))
                .unwrap_or(0)
                | 1;
            self.highest = sequence;
        } else {
            self.heard |= 1_u64.checked_shl((self.highest - sequence) as u32).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(sequences: impl IntoIterator<Item = u64>) -> Window {
        let mut window = Window::new(100);
        for sequence in sequences {
            assert!(window.is_new(sequence), "{sequence}");
            window.note(sequence);
        }
        window
    }

    #[test]
    fn nothing_is_new_twice() {
        let window = heard([102, 101, 99, 164, 163]);
        for old in [99, 100, 101, 102, 163, 164] {
            assert!(!window.is_new(old), "{old}");
        }
    }

    #[test]
    fn what_was_overtaken_is_new_once_for_sixty_four_datagrams() {
        let window = heard([200]);
        assert!(window.is_new(137));
        assert!(!window.is_new(136));
    }

    #[test]
    fn a_leap_forgets_what_was_before() {
        let window = heard([1 << 40]);
        assert!(!window.is_new(100));
        assert!(window.is_new((1 << 40) - 1));
    }
}
