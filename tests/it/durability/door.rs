//! A fixed address before a database that moves: what a virtual address or a proxy is to an operator.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes connections on. When it is led elsewhere, those that are open are dropped.
pub(super) struct Door {
    pub(super) port: u16,
    to: watch::Sender<u16>,
}

impl Door {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let door = listener.local_addr().expect("an address").port();
        let (to, lead) = watch::channel(port);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, lead.clone()));
            }
        });
        Self { port: door, to }
    }

    pub(super) fn lead(&self, port: u16) {
        self.to.send_replace(port);
    }
}

async fn pass(mut client: TcpStream, mut lead: watch::Receiver<u16>) {
    let port = *lead.borrow_and_update();
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
