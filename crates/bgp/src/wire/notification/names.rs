use std::fmt;

use super::Notification;

/// The most octets of data that are shown.
const SHOWN: usize = 16;

/// "Cease/Administrative Shutdown: \"text\"": what the peer wrote is shown and never obeyed. Control characters and what is no
/// UTF-8 are escaped.
impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match code(self.code) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "code {}", self.code)?,
        }
        match subcode(self.code, self.subcode) {
            Some(name) => write!(f, "/{name}")?,
            None if self.subcode == 0 => {}
            None => write!(f, "/subcode {}", self.subcode)?,
        }
        if let Some(inner) = self.hard_reset_inner() {
            // A peer may wrap one in another as often as its message is long: the second is shown as data.
            f.write_str(": ")?;
            return if inner.hard_reset_inner().is_some() {
                octets(f, &self.data)
            } else {
                write!(f, "{inner}")
            };
        }
        match self.text() {
            Some(text) if !text.is_empty() => {
                f.write_str(": ")?;
                quoted(f, text)
            }
            None if !self.data.is_empty() => {
                f.write_str(": ")?;
                octets(f, &self.data)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => f.write_str("'")?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        for octet in chunk.invalid() {
            write!(f, "\\x{octet:02x}")?;
        }
    }
    f.write_str("\"")
}

fn octets(f: &mut fmt::Formatter<'_>, data: &[u8]) -> fmt::Result {
    for octet in data.iter().take(SHOWN) {
        write!(f, "{octet:02x}")?;
    }
    f.write_str(if data.len() > SHOWN { "…" } else { "" })
}

fn code(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "Message Header Error",
        2 => "OPEN Message Error",
        3 => "UPDATE Message Error",
        4 => "Hold Timer Expired",
        5 => "Finite State Machine Error",
        6 => "Cease",
        7 => "ROUTE-REFRESH Message Error",
        8 => "Send Hold Timer Expired",
        _ => return None,
    })
}

/// The names of IANA's registry. None of them has the number 0, which says nothing more.
fn subcode(code: u8, subcode: u8) -> Option<&'static str> {
    Some(match (code, subcode) {
        (1, 1) => "Connection Not Synchronized",
        (1, 2) => "Bad Message Length",
        (1, 3) => "Bad Message Type",
        (2, 1) => "Unsupported Version Number",
        (2, 2) => "Bad Peer AS",
        (2, 3) => "Bad BGP Identifier",
        (2, 4) => "Unsupported Optional Parameter",
        (2, 6) => "Unacceptable Hold Time",
        (2, 7) => "Unsupported Capability",
        (2, 11) => "Role Mismatch",
        (3, 1) => "Malformed Attribute List",
        (3, 2) => "Unrecognized Well-known Attribute",
        (3, 3) => "Missing Well-known Attribute",
        (3, 4) => "Attribute Flags Error",
        (3, 5) => "Attribute Length Error",
        (3, 6) => "Invalid ORIGIN Attribute",
        (3, 8) => "Invalid NEXT_HOP Attribute",
        (3, 9) => "Optional Attribute Error",
        (3, 10) => "Invalid Network Field",
        (3, 11) => "Malformed AS_PATH",
        (5, 1) => "Receive Unexpected Message in OpenSent State",
        (5, 2) => "Receive Unexpected Message in OpenConfirm State",
        (5, 3) => "Receive Unexpected Message in Established State",
        (6, 1) => "Maximum Number of Prefixes Reached",
        (6, 2) => "Administrative Shutdown",
        (6, 3) => "Peer De-configured",
        (6, 4) => "Administrative Reset",
        (6, 5) => "Connection Rejected",
        (6, 6) => "Other Configuration Change",
        (6, 7) => "Connection Collision Resolution",
        (6, 8) => "Out of Resources",
        (6, 9) => "Hard Reset",
        (6, 10) => "BFD Down",
        (7, 1) => "Invalid Message Length",
        _ => return None,
    })
}
