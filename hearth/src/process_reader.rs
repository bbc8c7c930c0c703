//! What Linux tells of this process, from `/proc`.

use std::path::Path;

use store::process_figures::{ProcessFigures, ProcessReader};

/// Ticks a second in `/proc`: Linux tells 100 to programs on every architecture we build for,
/// whatever the kernel's own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc`. On systems that have none there are no figures.
pub struct Proc;

impl ProcessReader for Proc {
    fn read(&self) -> Option<ProcessFigures> {
        read(Path::new("/proc"))
    }
}

fn read(proc: &Path) -> Option<ProcessFigures> {
    let text = |name: &str| std::fs::read_to_string(proc.join(name)).ok();
    let mut figures = ProcessFigures::default();
    let (cpu_ticks, start_ticks) = ticks(&text("self/stat")?)?;
    figures.cpu_seconds = cpu_ticks as f64 / TICKS_PER_SECOND;
    let boot_seconds: u64 = line_value(&text("stat")?, "btime")?.parse().ok()?;
    figures.start_time_seconds = boot_seconds as f64 + start_ticks as f64 / TICKS_PER_SECOND;
    let status = text("self/status")?;
    figures.resident_bytes = kibibytes(&status, "VmRSS:")?;
    figures.virtual_bytes = kibibytes(&status, "VmSize:")?;
    // The listing itself is open while it is read.
    let open = std::fs::read_dir(proc.join("self/fd")).ok()?.count() as u64;
    figures.open_fds = open.saturating_sub(1);
    // `unlimited` is no number.
    figures.max_fds = open_files_max(&text("self/limits")?)?.parse().ok();
    Some(figures)
}

/// Processor time and start, in ticks. The program's name, in parentheses, may hold anything.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
    // Counted from the third of proc(5), the state.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(22)?))
}

fn line_value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
    values.next().map(str::trim)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let kibibytes: u64 = line_value(status, name)?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The soft limit, the one in force.
fn open_files_max(limits: &str) -> Option<&str> {
    line_value(limits, "Max open files")?.split_ascii_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        std::fs::create_dir_all(folder.join("self/fd")).expect("made");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect(name);
        }
    }

    const STAT: &str = "42 (a) b) S 1 42 42 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 7 0 12345 1 2 3";
    const FILES: &[(&str, &str)] = &[
        ("self/stat", STAT),
        ("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n"),
        ("self/status", "Name:\ta) b\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\n"),
        (
            "self/limits",
            "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n",
        ),
        ("self/fd/0", ""),
        ("self/fd/1", ""),
        ("self/fd/2", ""),
    ];

    #[test]
    fn the_files_are_read_as_linux_writes_them() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), FILES);
        let figures = ProcessFigures {
            resident_bytes: 512 * 1024,
            virtual_bytes: 2048 * 1024,
            cpu_seconds: 3.0,
            start_time_seconds: 1_700_000_123.45,
            open_fds: 2,
            max_fds: Some(1024),
        };
        assert_eq!(read(folder.path()), Some(figures));
        write(folder.path(), &[("self/limits", "Max open files  unlimited  unlimited  files\n")]);
        assert_eq!(read(folder.path()).expect("all there").max_fds, None);
    }

    #[test]
    fn a_file_that_is_missing_or_strange_gives_no_figures() {
        for (name, _) in FILES.iter().filter(|(name, _)| !name.contains("/fd/")) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            write(folder.path(), FILES);
            std::fs::write(folder.path().join(name), "something else\n").expect(name);
            assert_eq!(read(folder.path()), None, "{name}");
            std::fs::remove_file(folder.path().join(name)).expect(name);
            assert_eq!(read(folder.path()), None, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_very_process_has_figures() {
        let figures = Proc.read().expect("Linux has /proc");
        assert!(figures.resident_bytes > 1 << 20, "{figures:?}");
        assert!(figures.virtual_bytes >= figures.resident_bytes, "{figures:?}");
        assert!(figures.open_fds >= 3, "{figures:?}");
        assert!(figures.start_time_seconds > 1_600_000_000.0, "{figures:?}");
    }
}
