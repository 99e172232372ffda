//! A timer of the kernel's own, for what is set anew many times a second.
//!
//! Timers of the runtime count whole milliseconds, wake their thread on the way to a time that is not near, and once more
//! whenever an earlier one is set: of five times that a speaker with nothing to do was woken, two were for that.

#![allow(
    unsafe_code,
    reason = "to wait for a file descriptor with tokio takes unsafe code, and no library of safe code has the timer"
)]

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use process::clock::now;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Rings once at a time.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: AsyncFd<Timer>,
    /// What the timer is set to, or was.
    set: Option<Instant>,
}

#[derive(Debug)]
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// The operating system has no descriptor to give.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Timer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        // SAFETY: `TimerFd` owns its descriptor, which is open and stays the same until the `TimerFd` is dropped. It is dropped
        // together with the `AsyncFd` that owns it, and this module lends it out by shared reference only.
        let registered = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        Ok(Self {
            timer: registered.map_err(|error| error.into_parts().1)?,
            set: None,
        })
    }

    /// Waits until `due`; without it, for ever. Nothing is lost when the future is dropped.
    pub(crate) async fn ring(&mut self, due: Option<Instant>) {
        let Some(due) = due else {
            return pending().await;
        };
        loop {
            let left = due.saturating_duration_since(now());
            if left.is_zero() {
                return;
            }
            if self.set != Some(due) && self.set(due, left).is_err() {
                return tokio::time::sleep(left).await;
            }
            match self.timer.readable().await {
                // To set the timer is what makes it silent again. It may have rung for what it was set to before.
                Ok(mut rung) => rung.clear_ready(),
                // The runtime is about to end.
                Err(_) => return pending().await,
            }
        }
    }

    fn set(&mut self, due: Instant, left: Duration) -> io::Result<()> {
        let timer = &self.timer.get_ref().0;
        timer.set(
            Expiration::OneShot(TimeSpec::from(left)),
            TimerSetTimeFlags::empty(),
        )?;
        self.set = Some(due);
        Ok(())
    }
}

/// The first of two times.
pub(crate) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    async fn rings_within(alarm: &mut Alarm, due: Instant, patience: Duration) -> bool {
        tokio::time::timeout(patience, alarm.ring(Some(due)))
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn it_rings_when_it_is_due_and_never_before() {
        let mut alarm = Alarm::new().unwrap();
        for millis in [0, 1, 20, 3] {
            let due = now() + millis * MS;
            assert!(rings_within(&mut alarm, due, Duration::from_secs(10)).await);
            assert!(now() >= due);
        }
    }

    #[tokio::test]
    async fn what_is_past_rings_at_once_whatever_it_was_set_to() {
        let mut alarm = Alarm::new().unwrap();
        let begun = now();
        assert!(!rings_within(&mut alarm, begun + 3600 * 1000 * MS, MS).await);
        assert!(rings_within(&mut alarm, begun, Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn what_it_was_set_to_before_does_not_ring() {
        let mut alarm = Alarm::new().unwrap();
        let (soon, later) = (now() + 5 * MS, now() + 40 * MS);
        assert!(!rings_within(&mut alarm, soon, Duration::ZERO).await);
        // It has rung, and nobody has looked.
        tokio::time::sleep_until((soon + 5 * MS).into()).await;
        assert!(rings_within(&mut alarm, later, Duration::from_secs(10)).await);
        assert!(now() >= later);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_can_wait_again() {
        let mut alarm = Alarm::new().unwrap();
        let due = now() + 30 * MS;
        for _ in 0..5 {
            assert!(!rings_within(&mut alarm, due, MS).await || now() >= due);
        }
        assert!(rings_within(&mut alarm, due, Duration::from_secs(10)).await);
        assert!(now() >= due);
    }

    #[tokio::test]
    async fn without_a_time_it_never_rings() {
        let mut alarm = Alarm::new().unwrap();
        assert!(tokio::time::timeout(5 * MS, alarm.ring(None)).await.is_err());
    }
}
