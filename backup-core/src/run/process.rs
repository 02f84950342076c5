//! The process that does a run, and whether it still exists.

use std::fs;

use super::under_way::UnderWay;
use crate::RunId;
use crate::format::run::ProcessRecord;

impl ProcessRecord {
    /// This process.
    pub(crate) fn this() -> Self {
        let pid = std::process::id();
        Self { host: host(), boot: boot(), pid, started: started(pid) }
    }

    /// Whether the process is known to do this run no more: it is gone, or it is this one and gave the run up. False if that
    /// cannot be seen from here: from another host, another container, or after a restart of the host (its boot differs then, but
    /// so does that of a host of the same name).
    pub(crate) fn has_gone(&self, run: RunId) -> bool {
        let here = self.boot.is_some() && self.boot == boot() && self.host == host();
        here && (!self.exists() || (self.pid == std::process::id() && !UnderWay::has(run)))
    }

    fn exists(&self) -> bool {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw) else {
            return false;
        };
        if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return false;
        }
        // Another process may have got the number meanwhile.
        match (self.started, started(self.pid)) {
            (Some(then), Some(now)) => then == now,
            _ => true,
        }
    }
}

/// The name of this host; empty if it cannot be told.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What the numbers of processes are unique in. Containers of one host share its boot, but not its processes.
fn boot() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// When a process started, in ticks since the boot.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(STARTED)?.parse().ok()
}

/// The place of the start time among the fields after the name.
const STARTED: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_exists_and_one_that_ended_does_not() {
        let this = ProcessRecord::this();
        let run = RunId::from_bytes([7; 16]);
        let under_way = UnderWay::new(run);
        assert!(!this.has_gone(run));
        if this.boot.is_none() {
            println!("NOT RUN: an ended process, because /proc does not say which boot this is");
            return;
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = ProcessRecord { pid: child.id(), started: None, ..this.clone() };
        assert!(!ended.has_gone(run), "a zombie still has its number");
        child.wait().unwrap();
        assert!(ended.has_gone(run));
        drop(under_way);
        assert!(this.has_gone(run), "this process exists, and does not do the run any more");
    }

    #[test]
    fn a_number_used_again_is_another_process_and_other_hosts_cannot_be_seen() {
        let this = ProcessRecord::this();
        let run = RunId::from_bytes([8; 16]);
        let _under_way = UnderWay::new(run);
        let elsewhere = |host: &str, boot: Option<String>| ProcessRecord {
            host: host.into(),
            boot,
            pid: u32::MAX,
            ..this.clone()
        };
        assert!(!elsewhere("another", this.boot.clone()).has_gone(run));
        assert!(!elsewhere(&this.host, Some("another boot".into())).has_gone(run));
        assert!(!elsewhere(&this.host, None).has_gone(run));
        if let Some(started) = this.started {
            assert!(elsewhere(&this.host, this.boot.clone()).has_gone(run));
            assert!(ProcessRecord { started: Some(started + 1), ..this.clone() }.has_gone(run));
            assert!(!ProcessRecord { started: None, ..this }.has_gone(run));
        }
    }
}
