//! `process_*`: what the system knows of the process.

#[path = "support/in_process.rs"]
mod in_process;

use std::sync::Arc;

use in_process::InProcess;
use store::process_figures::{ProcessFigures, ProcessReader};
use store::settings::StoreSettings;
use store::store::StorePorts;

struct Known(Option<ProcessFigures>);

impl ProcessReader for Known {
    fn read(&self) -> Option<ProcessFigures> {
        self.0
    }
}

async fn metrics(known: Option<ProcessFigures>) -> Vec<String> {
    let ports = StorePorts { process: Some(Arc::new(Known(known))), ..StorePorts::default() };
    let store = InProcess::start_with(StoreSettings::default(), ports, |_| {}).await;
    let text = store.get("/metrics").await.expect(200).text();
    assert!(text.contains("hearth_build_info"), "{text}");
    text.lines().filter(|line| line.starts_with("process_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_figures_of_the_process_are_told() {
    let figures = ProcessFigures {
        resident_bytes: 64 << 20,
        virtual_bytes: 1 << 30,
        cpu_seconds: 1.25,
        start_time_seconds: 1_700_000_000.5,
        open_fds: 17,
        max_fds: Some(1024),
    };
    let wanted = [
        "process_cpu_seconds_total 1.25",
        "process_resident_memory_bytes 67108864",
        "process_virtual_memory_bytes 1073741824",
        "process_start_time_seconds 1700000000.5",
        "process_open_fds 17",
        "process_max_fds 1024",
    ];
    assert_eq!(metrics(Some(figures)).await, wanted);
    // No limit is no number.
    let unlimited = metrics(Some(ProcessFigures { max_fds: None, ..figures })).await;
    assert_eq!(unlimited, wanted[..5]);
}

#[tokio::test]
async fn where_the_system_tells_nothing_nothing_is_made_up() {
    assert_eq!(metrics(None).await, Vec::<String>::new());
}
