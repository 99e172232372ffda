//! What a person sees while a command works: each step by name, a sign of life during the long ones, and its duration.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::now;

/// Reports steps, or keeps quiet. Copies report to the same place.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    printing: bool,
    began: Instant,
}

impl Steps {
    /// For tests: nothing is printed.
    pub fn silent() -> Self {
        Self {
            printing: false,
            began: now(),
        }
    }

    /// For commands: prints to standard output; a terminal gets a line that counts the seconds.
    pub fn printing() -> Self {
        Self {
            printing: true,
            began: now(),
        }
    }

    /// Does one step. Steps are done one after the other, never one inside another.
    pub fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.printing {
            return work();
        }
        let start = now();
        let (done, ended) = mpsc::channel::<()>();
        thread::scope(|threads| {
            threads.spawn(move || show_progress(name, start, &ended));
            let result = work();
            drop(done);
            result
        })
        .inspect(|_| {
            print_line(&format!(
                "{}  {name}  ({})",
                self.clock(),
                seconds(start.elapsed())
            ))
        })
        .inspect_err(|_| {
            print_line(&format!(
                "{}  {name}  FAILED after {}",
                self.clock(),
                seconds(start.elapsed())
            ));
        })
    }

    /// Prints text that belongs to no step: what a command printed, or a figure.
    pub fn note(&self, text: &str) {
        if self.printing {
            for line in text.trim_end().lines() {
                print_line(&format!("        {line}"));
            }
        }
    }

    /// Time since the first step.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn clock(&self) -> String {
        format!("{:>6}", seconds(self.elapsed()))
    }
}

/// A duration as people read it: `0.4 s`, `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// Shows that a step still goes on: every second on a terminal, every ten seconds in a log.
fn show_progress(name: &str, start: Instant, ended: &mpsc::Receiver<()>) {
    let terminal = io::stdout().is_terminal();
    let pause = Duration::from_secs(if terminal { 1 } else { 10 });
    if terminal {
        print_over(&format!("        {name} …"));
    }
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let line = format!("        {name} … {}", seconds(start.elapsed()));
        if terminal {
            print_over(&line)
        } else {
            print_line(&line)
        }
    }
    if terminal {
        print_over("");
    }
}

/// The one place that writes to standard output.
#[allow(clippy::print_stdout, reason = "this is the command's report to its user")]
fn print_line(line: &str) {
    println!("{line}");
}

/// Writes over the present line of a terminal.
#[allow(clippy::print_stdout, reason = "this is the command's report to its user")]
fn print_over(line: &str) {
    print!("\r\x1b[2K{line}");
    // A terminal that is gone is no reason to stop.
    let _ = io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_like_a_person_says_it() {
        assert_eq!(seconds(Duration::from_millis(449)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_step_gives_back_what_its_work_gave() {
        assert_eq!(Steps::silent().step("nothing", || Ok(7)).unwrap(), 7);
        assert!(
            Steps::printing()
                .step("failing", || -> Result<()> { anyhow::bail!("so") })
                .is_err()
        );
    }
}
