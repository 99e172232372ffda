//! What goes over the wire: octets that are written down, an independent decoder, and properties.

use bgp::wire::{self, Form, Frame, Framer, HEADER, Message, Notification};
use model::Family;

mod framing;
mod golden;
mod messages;
mod notifications;
mod opens;
mod oracle;
mod properties;
mod rfc7606;
mod seeds;
mod updates;

/// With a peer of another AS that knows all that is not old.
fn external() -> Form {
    Form {
        four_octet_as: true,
        internal: false,
        extended_message: false,
        families: [Family::V4, Family::V6].into(),
        v4_next_hop_v6: false,
    }
}

fn internal() -> Form {
    Form {
        internal: true,
        ..external()
    }
}

/// A message as it goes over the wire.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).expect("a short body");
    [&[0xFF; 16], &length.to_be_bytes()[..], &[kind], body].concat()
}

/// The one message that these octets are, through a framer.
fn decode<'a>(octets: &'a [u8], form: &Form) -> Result<Message<'a>, Notification> {
    let mut framer = Framer::new();
    if form.extended_message {
        framer.raise_limit();
    }
    let mut rest = octets;
    let framed = framer.next(&mut rest)?.expect("all of it is there");
    let frame = Frame {
        kind: octets[HEADER - 1],
        body: &octets[HEADER..],
    };
    assert_eq!((framed, rest), (frame, &[][..]));
    wire::decode(frame, form)
}

fn refused(octets: &[u8], form: &Form) -> (u8, u8, Vec<u8>) {
    let notification = decode(octets, form).expect_err("it is malformed");
    (notification.code, notification.subcode, notification.data)
}

fn update<'a>(octets: &'a [u8], form: &Form) -> wire::Update<'a> {
    match decode(octets, form) {
        Ok(Message::Update(update)) => update,
        other => panic!("not an UPDATE: {other:?}"),
    }
}

/// Octets written in hexadecimal, with blanks anywhere and comments after a `#`.
fn octets(text: &str) -> Vec<u8> {
    let digits = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let digits: String = digits.flat_map(str::split_whitespace).collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text:?}");
    let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
    let octets = (0..digits.len()).step_by(2).map(octet);
    octets.collect::<Result<_, _>>().expect("hexadecimal digits")
}
