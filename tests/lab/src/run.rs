//! Commands that are run to their end.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::panic::resume_unwind;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::interrupt;

/// What a command left.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// Runs a command to its end and gives its standard output; an unsuccessful end is an error that carries its standard error.
pub(crate) fn run(command: Command) -> Result<String> {
    run_with_input(command, b"")
}

/// As [`run`], with bytes for its standard input.
pub(crate) fn run_with_input(command: Command, input: &[u8]) -> Result<String> {
    let shown = show(&command);
    let output = output(command, input)?;
    if !output.status.success() {
        bail!(
            "`{shown}` ended with {}: {}",
            output.status,
            tail(output.stderr.trim(), 4000)
        );
    }
    Ok(output.stdout)
}

/// Runs a command to its end, however it ends.
///
/// It runs in a process group of its own, which is killed when a signal interrupts the lab.
pub(crate) fn output(mut command: Command, input: &[u8]) -> Result<Output> {
    let shown = show(&command);
    let mut child = command
        .stdin(if input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run `{shown}`"))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|threads| {
        // A command that ends before it has read everything says so itself.
        threads.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        let stdout = threads.spawn(move || read(stdout));
        let stderr = threads.spawn(move || read(stderr));
        let status = wait(&mut child).with_context(|| format!("`{shown}`"))?;
        Ok(Output {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
        })
    })
}

/// Waits for a child that leads its process group; an interruption kills the whole group.
pub(crate) fn wait(child: &mut Child) -> Result<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::interrupted() {
            let _ = killpg(Pid::from_raw(child.id().try_into()?), Signal::SIGKILL);
            child.wait()?;
            bail!("interrupted");
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The last `limit` bytes or a little less: where the reason of a failure usually stands.
pub(crate) fn tail(text: &str, limit: usize) -> &str {
    let start = text.len().saturating_sub(limit);
    (start..=text.len()).find_map(|at| text.get(at..)).unwrap_or(text)
}

fn read(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

fn text(reader: thread::ScopedJoinHandle<'_, Vec<u8>>) -> String {
    let bytes = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_an_error_with_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo why >&2; exit 3"]);
        let error = run(command).unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("why"),
            "{error}"
        );
    }

    #[test]
    fn input_reaches_the_command_and_its_output_comes_back() {
        assert_eq!(
            run_with_input(Command::new("cat"), b"both ways").unwrap(),
            "both ways"
        );
    }

    #[test]
    fn a_tail_never_cuts_a_character_in_half() {
        assert_eq!(tail("aé", 1), "");
        assert_eq!(tail("aé", 2), "é");
        assert_eq!(tail("aé", 9), "aé");
    }
}
