//! The command that runs while the host is recorded.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use anyhow::Context;
use connlat_schema::capture::metadata::StopReason;
use rustix::process::{Pid, Signal, kill_process};

/// A running command.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts the command, if there is one.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(command: &[OsString]) -> anyhow::Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else { return Ok(None) };
        let process = Command::new(program)
            .args(arguments)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Some(Self { process, status: None }))
    }

    /// Its process; not reused before it was waited for.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// A reason to stop once the command has exited.
    pub fn exited(&mut self) -> Option<StopReason> {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.map(|_| StopReason::CommandExited)
    }

    /// Asks the command to end, as the recorder was asked to.
    pub fn terminate(&mut self) {
        if self.status.is_none() {
            // It may exit at the same moment; then there is nothing to do.
            let _ = kill_process(self.pid(), Signal::TERM);
        }
    }

    /// Waits for the command and returns its exit code, 128 + N for signal N.
    ///
    /// # Errors
    /// From waitpid(2).
    pub fn wait(mut self) -> anyhow::Result<u8> {
        let status = match self.status {
            Some(status) => status,
            None => self.process.wait().context("cannot wait for the command")?,
        };
        Ok(exit_code(status))
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> u8 {
        let command = ["sh", "-c", script].map(OsString::from);
        Child::spawn(&command).expect("sh").expect("a command").wait().expect("its status")
    }

    #[test]
    fn the_exit_status_is_passed_on() {
        assert_eq!(run("exit 0"), 0);
        assert_eq!(run("exit 7"), 7);
        assert_eq!(run("kill -9 $$"), 137);
    }

    #[test]
    fn no_command_is_no_child_and_a_wrong_one_is_named() {
        assert!(Child::spawn(&[]).expect("nothing to run").is_none());
        let error = Child::spawn(&["/nonexistent/command".into()]).expect_err("missing");
        assert!(error.to_string().contains("/nonexistent/command"));
    }
}
