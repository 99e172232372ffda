use super::MAX_MESSAGE;
use super::reader::Reader;
use crate::status::State;

mod names;

/// The end of a session, and why (RFC 4271 §4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The error's number.
    pub code: u8,
    /// What it is more exactly; 0: nothing more.
    pub subcode: u8,
    /// What belongs to it.
    pub data: Vec<u8>,
}

/// The data that goes into the longest message.
const MAX_DATA: usize = MAX_MESSAGE - super::HEADER - 2;
/// A text that every peer takes: those that do not know RFC 9003 take no longer one (RFC 8203 §2).
const MAX_TEXT: usize = 128;

impl Notification {
    pub(super) fn decode(body: &[u8]) -> Self {
        let mut reader = Reader::new(body);
        let (code, subcode) = (reader.u8(), reader.u8());
        Self {
            code: code.unwrap_or_default(),
            subcode: subcode.unwrap_or_default(),
            data: reader.rest().to_vec(),
        }
    }

    /// One with these numbers and as much of the data as goes into a message.
    fn new(code: u8, subcode: u8, data: &[u8]) -> Self {
        Self {
            code,
            subcode,
            data: data[..data.len().min(MAX_DATA)].to_vec(),
        }
    }

    /// The marker is not all ones (B11).
    #[must_use]
    pub fn not_synchronized() -> Self {
        Self::new(1, 1, &[])
    }

    /// A message of such a kind cannot be so long, or so short.
    #[must_use]
    pub fn bad_message_length(length: usize) -> Self {
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        Self::new(1, 2, &length.to_be_bytes())
    }

    /// There is no such kind of message.
    #[must_use]
    pub fn bad_message_type(kind: u8) -> Self {
        Self::new(1, 3, &[kind])
    }

    /// The OPEN contradicts itself (B13).
    #[must_use]
    pub fn malformed_open() -> Self {
        Self::new(2, 0, &[])
    }

    /// The peer does not speak version 4.
    #[must_use]
    pub fn unsupported_version() -> Self {
        Self::new(2, 1, &[0, 4])
    }

    /// The peer's AS is none that it may have.
    #[must_use]
    pub fn bad_peer_as() -> Self {
        Self::new(2, 2, &[])
    }

    /// The peer's BGP identifier is 0.0.0.0, or ours.
    #[must_use]
    pub fn bad_identifier() -> Self {
        Self::new(2, 3, &[])
    }

    /// The OPEN has a parameter other than capabilities.
    #[must_use]
    pub fn unsupported_parameter() -> Self {
        Self::new(2, 4, &[])
    }

    /// The hold time is 1 or 2 seconds (B4).
    #[must_use]
    pub fn unacceptable_hold_time() -> Self {
        Self::new(2, 6, &[])
    }

    /// The UPDATE cannot be taken apart, or an attribute of it is wrong in a way that no route survives; `subcode` as of RFC 4271
    /// §6.3, `data` the attribute.
    pub(super) fn malformed_update(subcode: u8, data: &[u8]) -> Self {
        Self::new(3, subcode, data)
    }

    /// Nothing was heard for the hold time (B7).
    #[must_use]
    pub fn hold_timer_expired() -> Self {
        Self::new(4, 0, &[])
    }

    /// A message that may not come in this state (B14, RFC 6608).
    #[must_use]
    pub fn fsm_error(state: State) -> Self {
        let subcode = match state {
            State::Idle | State::Connect | State::Active => 0,
            State::OpenSent => 1,
            State::OpenConfirm => 2,
            State::Established => 3,
        };
        Self::new(5, subcode, &[])
    }

    /// Cease: Administrative Shutdown, with a text for the peer's operator (RFC 9003): the first 128 octets of it.
    #[must_use]
    pub fn shutdown(text: &str) -> Self {
        Self::new(6, 2, &communication(text))
    }

    /// Cease: Peer De-configured.
    #[must_use]
    pub fn deconfigured() -> Self {
        Self::new(6, 3, &[])
    }

    /// Cease: Administrative Reset, with a text as for [`Notification::shutdown`].
    #[must_use]
    pub fn reset(text: &str) -> Self {
        Self::new(6, 4, &communication(text))
    }

    /// Cease: Other Configuration Change.
    #[must_use]
    pub fn configuration_change() -> Self {
        Self::new(6, 6, &[])
    }

    /// Cease: Connection Collision Resolution.
    #[must_use]
    pub fn collision() -> Self {
        Self::new(6, 7, &[])
    }

    /// Cease: Out of Resources.
    #[must_use]
    pub fn out_of_resources() -> Self {
        Self::new(6, 8, &[])
    }

    /// Cease: Hard Reset, which says that no route is to be kept, and `inner` why (RFC 8538 §3.1).
    #[must_use]
    pub fn hard_reset(inner: &Self) -> Self {
        let numbers = [inner.code, inner.subcode];
        Self::new(6, 9, &[&numbers, inner.data.as_slice()].concat())
    }

    /// Cease: BFD Down (RFC 9384).
    #[must_use]
    pub fn bfd_down() -> Self {
        Self::new(6, 10, &[])
    }

    /// The beginning or end of a route refresh is not four octets long; the data is the whole message (RFC 7313 §5).
    #[must_use]
    pub fn route_refresh_length(message: &[u8]) -> Self {
        Self::new(7, 1, message)
    }

    /// The peer takes nothing any more (RFC 9687).
    #[must_use]
    pub fn send_hold_timer_expired() -> Self {
        Self::new(8, 0, &[])
    }

    /// Whether it says that the AS number in the OPEN is none that is expected.
    #[must_use]
    pub fn is_bad_peer_as(&self) -> bool {
        (self.code, self.subcode) == (2, 2)
    }

    /// What a Hard Reset wraps; none: it is none, or says nothing.
    #[must_use]
    pub fn hard_reset_inner(&self) -> Option<Self> {
        let is_hard_reset = (self.code, self.subcode) == (6, 9);
        (is_hard_reset && self.data.len() >= 2).then(|| Self::decode(&self.data))
    }

    /// The octets of the text for the operator, if it is of a kind that has one (RFC 9003 §2).
    pub(super) fn text(&self) -> Option<&[u8]> {
        let may_have = matches!((self.code, self.subcode), (6, 2 | 4));
        let (length, text) = self.data.split_first().filter(|_| may_have)?;
        // A length that is wrong is no reason to keep the text back.
        text.get(..usize::from(*length)).or(Some(text))
    }
}

/// The text as RFC 9003 §2 has it: its length, and as much of it as every peer takes.
fn communication(text: &str) -> Vec<u8> {
    let text = &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)];
    if text.is_empty() {
        return Vec::new();
    }
    [&[text.len() as u8], text].concat()
}
