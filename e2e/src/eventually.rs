//! Waits until something holds, or tells the last thing seen.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Asks every 50 ms until `ask` gives `Ok`.
///
/// # Panics
/// After `limit`, with the last `Err`.
pub async fn eventually<T, E: Debug>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if start.elapsed() > limit => {
                panic!("{what}: not within {limit:?}; last seen: {last:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
