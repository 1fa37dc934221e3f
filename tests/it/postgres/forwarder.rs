//! A network between server and database that gets slow or loses everything.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Copies bytes to a database and back.
pub(crate) struct Forwarder {
    pub(crate) port: u16,
    weather: Arc<Weather>,
}

#[derive(Default)]
struct Weather {
    delay: AtomicU64,
    is_hole: AtomicBool,
    /// How often the network was lost. A connection that saw it never gets anything again, as after the death of a
    /// machine.
    losses: AtomicU64,
}

impl Weather {
    fn epoch(&self) -> Option<u64> {
        (!self.is_hole.load(Ordering::SeqCst)).then(|| self.losses.load(Ordering::SeqCst))
    }
}

impl Forwarder {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let weather = Arc::<Weather>::default();
        let own = listener.local_addr().expect("an address").port();
        let shared = Arc::clone(&weather);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connect(stream, port, Arc::clone(&shared)));
            }
        });
        Self { port: own, weather }
    }

    /// From now on everything is accepted, and nothing arrives.
    pub(crate) fn lose_everything(&self) {
        self.weather.is_hole.store(true, Ordering::SeqCst);
        self.weather.losses.fetch_add(1, Ordering::SeqCst);
    }

    /// New connections work.
    pub(crate) fn heal(&self) {
        self.weather.is_hole.store(false, Ordering::SeqCst);
    }

    /// Every piece takes so long from now on.
    pub(crate) fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("short");
        self.weather.delay.store(millis, Ordering::SeqCst);
    }
}

async fn connect(client: TcpStream, port: u16, weather: Arc<Weather>) {
    let Some(epoch) = weather.epoch() else {
        // Held open, without a word, until the test ends.
        return std::future::pending().await;
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let Ok(server) = TcpStream::connect(address).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = copy(from_client, to_server, epoch, &weather) => {}
        () = copy(from_server, to_client, epoch, &weather) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    epoch: u64,
    weather: &Weather,
) {
    let mut piece = vec![0; 16384];
    loop {
        let read = from.read(&mut piece).await;
        if weather.epoch() != Some(epoch) {
            return std::future::pending().await;
        }
        let Ok(length @ 1..) = read else {
            return;
        };
        tokio::time::sleep(Duration::from_millis(weather.delay.load(Ordering::SeqCst))).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
