use super::{HEADER, MAX_MESSAGE, Notification, Open, RouteRefresh, kind};

mod attributes;
mod routes;

pub use attributes::{NextHop, Path};
pub use routes::{announce, end_of_rib, withdraw};

/// An OPEN.
#[must_use]
pub fn open(open: &Open) -> Vec<u8> {
    message(kind::OPEN, &open.encode())
}

/// A KEEPALIVE.
#[must_use]
pub fn keepalive() -> Vec<u8> {
    message(kind::KEEPALIVE, &[])
}

/// A NOTIFICATION, with as much of its data as fits.
#[must_use]
pub fn notification(notification: &Notification) -> Vec<u8> {
    let room = MAX_MESSAGE - HEADER - 2;
    let data = &notification.data[..notification.data.len().min(room)];
    let numbers = [notification.code, notification.subcode];
    message(kind::NOTIFICATION, &[&numbers, data].concat())
}

/// A ROUTE-REFRESH.
#[must_use]
pub fn route_refresh(refresh: &RouteRefresh) -> Vec<u8> {
    let [high, low] = refresh.family.afi.to_be_bytes();
    let body = [high, low, refresh.subtype, refresh.family.safi];
    message(kind::ROUTE_REFRESH, &body)
}

/// Any message, from its kind and what follows the header.
pub(in crate::wire) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut message = vec![0xFF; 16];
    message.extend([high, low, kind]);
    message.extend(body);
    message
}
