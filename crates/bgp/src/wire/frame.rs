use super::{HEADER, MAX_EXTENDED, MAX_MESSAGE, Notification, kind};

const MARKER: [u8; 16] = [0xFF; 16];

/// One message as it came: what kind it is, and what follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its number.
    pub kind: u8,
    /// What follows the header.
    pub body: &'a [u8],
}

/// Cuts a stream of octets into messages, however the stream was cut before (B19). Keeps no more than one message.
#[derive(Debug)]
pub struct Framer {
    /// The message so far, header included.
    message: Vec<u8>,
    /// What it will have, once the header has been read.
    length: Option<usize>,
    limit: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// A framer for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self {
            message: Vec::new(),
            length: None,
            limit: MAX_MESSAGE,
        }
    }

    /// From now on messages may have [`MAX_EXTENDED`] octets: both sides said so.
    pub fn raise_limit(&mut self) {
        self.limit = MAX_EXTENDED;
    }

    /// Takes from the front of `octets` what belongs to the next message, and gives the message when it is complete. `None`: all
    /// octets are taken, and more are needed.
    ///
    /// # Errors
    ///
    /// The stream makes no sense any more: the session is to be closed with this NOTIFICATION, and the framer dropped.
    pub fn next<'a>(&'a mut self, octets: &mut &[u8]) -> Result<Option<Frame<'a>>, Notification> {
        if self.length == Some(self.message.len()) {
            self.message.clear();
            self.length = None;
        }
        let length = match self.length {
            Some(length) => length,
            None => {
                self.take(octets, HEADER);
                let Some(length) = self.header()? else {
                    return Ok(None);
                };
                *self.length.insert(length)
            }
        };
        self.take(octets, length);
        if self.message.len() < length {
            return Ok(None);
        }
        let frame = self.message.split_first_chunk::<HEADER>();
        Ok(frame.map(|([.., kind], body)| Frame { kind: *kind, body }))
    }

    /// Moves octets until the message has `length` of them.
    fn take(&mut self, octets: &mut &[u8], length: usize) {
        let missing = length.saturating_sub(self.message.len());
        let (taken, rest) = octets.split_at(missing.min(octets.len()));
        // Exactly: growth by doubling would hold up to twice the longest message.
        self.message.reserve_exact(missing);
        self.message.extend_from_slice(taken);
        *octets = rest;
    }

    /// The length that the header says, as soon as the header is complete (B11, B12).
    fn header(&self) -> Result<Option<usize>, Notification> {
        let Some((marker, [high, low, kind])) = self.message.split_first_chunk::<16>() else {
            return Ok(None);
        };
        if *marker != MARKER {
            return Err(Notification::not_synchronized());
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        check(*kind, length, self.limit)?;
        Ok(Some(length))
    }
}

/// Whether a message of this kind may have `length` octets, header included (RFC 4271 §6.1).
pub(super) fn check(kind: u8, length: usize, limit: usize) -> Result<(), Notification> {
    let possible = match kind {
        // RFC 8654 §4: these two stay as short as they were.
        kind::OPEN => 29..=MAX_MESSAGE,
        kind::KEEPALIVE => HEADER..=HEADER,
        kind::UPDATE => 23..=limit,
        kind::NOTIFICATION => 21..=limit,
        // RFC 7313 §5 has an error of its own for those that are too short.
        _ => HEADER..=limit,
    };
    if !possible.contains(&length) {
        return Err(Notification::bad_message_length(length));
    }
    if !(kind::OPEN..=kind::ROUTE_REFRESH).contains(&kind) {
        return Err(Notification::bad_message_type(kind));
    }
    Ok(())
}
