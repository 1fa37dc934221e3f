//! A fixed address before a database that moves, or before several nodes: what a virtual address or a proxy is to an
//! operator.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes connections on, to each in turn where there are several. When it is led elsewhere, those that are open are
/// dropped; led nowhere, it drops what comes.
pub(crate) struct Door {
    pub(crate) port: u16,
    to: watch::Sender<Vec<u16>>,
}

impl Door {
    pub(crate) async fn to(port: u16) -> Self {
        let door = Self::closed().await;
        door.lead(port);
        door
    }

    /// One that leads nowhere yet.
    pub(crate) async fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let door = listener.local_addr().expect("an address").port();
        let (to, lead) = watch::channel(Vec::new());
        let turn = Arc::<AtomicUsize>::default();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, lead.clone(), turn.clone()));
            }
        });
        Self { port: door, to }
    }

    pub(crate) fn lead(&self, port: u16) {
        self.lead_to_each(vec![port]);
    }

    pub(crate) fn lead_to_each(&self, ports: Vec<u16>) {
        self.to.send_replace(ports);
    }
}

async fn pass(mut client: TcpStream, mut lead: watch::Receiver<Vec<u16>>, turn: Arc<AtomicUsize>) {
    let ports = lead.borrow_and_update().clone();
    if ports.is_empty() {
        return;
    }
    let port = ports[turn.fetch_add(1, Ordering::SeqCst) % ports.len()];
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("an open stream");
    }
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = lead.changed() => {}
    }
}
