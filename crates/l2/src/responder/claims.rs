use std::time::{Duration, Instant};

use crate::Mac;

const WINDOW: Duration = Duration::from_secs(1);
const MOST: u8 = 8;

/// The claims of other stations on one address, as far as needed to not repeat oneself.
///
/// A new claimant is news and is reported at once, so that a rival speaker is noticed within a round trip even while
/// somebody else floods; a flood from ever new stations is cut off at [`MOST`] per [`WINDOW`].
#[derive(Debug)]
pub(super) struct Claims {
    opened: Instant,
    reported: u8,
    last: Mac,
}

impl Claims {
    /// Whether the claim of `mac` is worth a report.
    pub(super) fn notice(claims: &mut Option<Self>, now: Instant, mac: Mac) -> bool {
        match claims {
            Some(known) if now.saturating_duration_since(known.opened) < WINDOW => known.is_news(mac),
            Some(_) | None => {
                *claims = Some(Self {
                    opened: now,
                    reported: 1,
                    last: mac,
                });
                true
            }
        }
    }

    fn is_news(&mut self, mac: Mac) -> bool {
        let news = self.last != mac && self.reported < MOST;
        if news {
            self.reported += 1;
            self.last = mac;
        }
        news
    }
}
