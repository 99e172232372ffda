//! The monotonic clock, for drivers: they read it and hand it to the machines they drive.

use std::time::Instant;

/// This moment.
#[allow(
    clippy::disallowed_methods,
    reason = "drivers get the time here, everybody else as an argument"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Ends at `deadline`; never without one.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The time of day, for what people read: no decision depends on it.
pub fn wall_clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
