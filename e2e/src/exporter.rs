//! A real HTTP exporter whose page the test sets.

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

impl Exporter {
    /// Begins to serve `page`.
    pub async fn start(page: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of loopback");
        let address = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Mutex::new(Some(page.to_owned())));
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
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

async fn serve(listener: TcpListener, page: Arc<Mutex<Option<String>>>) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            let mut request = vec![0; 8192];
            while matches!(socket.read(&mut request).await, Ok(1..)) {
                let page = page.lock().expect("no test panics while it holds the page").clone();
                let (status, body) = match page {
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
