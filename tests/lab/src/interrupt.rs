//! Ctrl-C: whoever waits stops waiting, the error runs up to the owner of the lab, and the lab is torn down.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is doing what must not be left half done.
    static UNDISTURBED: Cell<bool> = const { Cell::new(false) };
}

/// Turns SIGINT, SIGTERM and SIGHUP into an error of every wait of this library, instead of the end of the process.
///
/// For commands that own a lab; the teardown runs as the error unwinds. Call it once.
pub fn catch_signals() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("cannot handle signals")
}

/// Whether a signal has come, and what this thread does may be given up.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst) && !UNDISTURBED.get()
}

/// An error when a signal has come.
pub(crate) fn check() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Does what a signal must not end half-way: a teardown.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    let before = UNDISTURBED.replace(true);
    let done = work();
    UNDISTURBED.set(before);
    done
}
