//! A stream before anybody knows who is at its other end: header, OPEN, NOTIFICATION and ROUTE-REFRESH. No panic, progress,
//! no large allocation, and what is understood reads the same when it is written again.
#![no_main]

use bgp::wire::{self, Form, Framer, Message};

#[global_allocator]
static ALLOCATOR: fuzz::Watched = fuzz::Watched;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let largest = fuzz::largest_of(|| stream(octets));
    assert!(largest <= 64 * 1024, "{largest} octets at once");
});

/// The first octet says into parts of what length the rest is cut.
fn stream(octets: &[u8]) {
    let Some((size, octets)) = octets.split_first() else {
        return;
    };
    let form = Form::default();
    let mut framer = Framer::new();
    for mut part in octets.chunks(usize::from(*size).max(1)) {
        loop {
            let before = part.len();
            let frame = match framer.next(&mut part) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return written(&error),
            };
            assert!(part.len() < before, "a message of nothing");
            match wire::decode(frame, &form) {
                Ok(Message::Open(open)) => {
                    let octets = wire::open(&open);
                    assert_eq!(read(&octets), Some(Message::Open(open)));
                }
                Ok(Message::RouteRefresh(refresh)) => {
                    assert_eq!(
                        read(&wire::route_refresh(&refresh)),
                        Some(Message::RouteRefresh(refresh))
                    );
                }
                Ok(Message::Notification(notification)) => written(&notification),
                Ok(Message::Keepalive | Message::Update(_)) => {}
                Err(error) => return written(&error),
            }
        }
        assert!(part.is_empty(), "octets that nobody takes");
    }
}

fn written(notification: &wire::Notification) {
    let octets = wire::notification(notification);
    assert_eq!(read(&octets), Some(Message::Notification(notification.clone())));
    assert!(!notification.to_string().chars().any(char::is_control));
}

fn read(octets: &[u8]) -> Option<Message<'_>> {
    let body = octets.get(wire::HEADER..)?;
    let kind = octets[wire::HEADER - 1];
    wire::decode(wire::Frame { kind, body }, &Form::default()).ok()
}
