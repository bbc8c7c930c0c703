//! A process of one of Hearth's roles: log, memory, end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// A running process; killed with its owner.
pub struct Role {
    log: PathBuf,
    child: Child,
}

/// What a process holds of the machine's memory, MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub now: f64,
    /// The most that it ever was.
    pub peak: f64,
    /// Now, without the pages of its own file, which the system may drop and read again.
    pub own: f64,
}

impl Role {
    /// Starts a command; what it says goes to a file of this folder.
    pub fn start(mut command: Command, folder: &Path, name: &str) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log);
        let file = file.expect("the folder is ours");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("one more descriptor"))
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        Self { log, child }
    }

    /// All that it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its memory, by the kernel's book.
    pub fn memory(&self) -> Memory {
        let pid = self.child.id().expect("it runs until it is killed");
        let book = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let mib = |name: &str| {
            let line = book.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok());
            kib.unwrap_or_else(|| panic!("no {name} in {book}")) / 1024.0
        };
        Memory { now: mib("VmRSS:"), peak: mib("VmHWM:"), own: mib("RssAnon:") }
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs until it is killed");
    }

    /// SIGTERM, and waits for a clean end.
    pub async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM was not sent");
        let ended = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await;
        let status = ended.expect("it stops within 40 s of SIGTERM").expect("its status is known");
        assert!(status.success(), "{status}: {}", self.log());
    }
}
