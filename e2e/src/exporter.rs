//! A real HTTP exporter whose page the test sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Serves one page at every path.
pub struct Exporter {
    /// `127.0.0.1:PORT`
    pub address: String,
    page: Arc<Mutex<Option<String>>>,
    task: tokio::task::JoinHandle<()>,
}

/// The page of a path; `None` answers 500.
type Page = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Exporter {
    /// Begins to serve `page`.
    pub async fn start(page: &str) -> Self {
        let shared = Arc::new(Mutex::new(Some(page.to_owned())));
        let asked = Arc::clone(&shared);
        let held = "no test panics while it holds the page";
        Self::serving(shared, Arc::new(move |_| asked.lock().expect(held).clone())).await
    }

    /// Begins to serve `asked_total` at every path: how often that path was asked for, this time
    /// included.
    pub async fn counting() -> Self {
        let counts = Mutex::new(HashMap::new());
        let page = move |path: &str| {
            let mut counts = counts.lock().expect("no test panics while it counts");
            let count = counts.entry(path.to_owned()).or_insert(0_u64);
            *count += 1;
            Some(format!("# TYPE asked_total counter\nasked_total {count}\n"))
        };
        Self::serving(Arc::default(), Arc::new(page)).await
    }

    async fn serving(shared: Arc<Mutex<Option<String>>>, page: Page) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of loopback");
        let address = listener.local_addr().expect("it is bound").to_string();
        let task = tokio::spawn(serve(listener, page));
        Self { address, page: shared, task }
    }

    /// Changes the page; `None` answers 500.
    pub fn set(&self, page: Option<&str>) {
        *self.page.lock().expect("no test panics while it holds the page") =
            page.map(str::to_owned);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, page: Page) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            let mut request = vec![0; 8192];
            while let Ok(read @ 1..) = socket.read(&mut request).await {
                let head = String::from_utf8_lossy(&request[..read]);
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (status, body) = match page(path) {
                    Some(body) => ("200 OK", body),
                    None => ("500 Internal Server Error", "broken on purpose".to_owned()),
                };
                let kind = "text/plain; version=0.0.4";
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                if socket.write_all((head + &body).as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}
