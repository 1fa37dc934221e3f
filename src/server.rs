//! The listener: a bounded number of connections, a time limit for headers, and an end that lets requests finish.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::connect_info::Connected};
use axum_server::{AddrListener, Address, Handle, Server};
use hyper_util::rt::TokioTimer;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;

use crate::config::ServerConfig;

/// Headers larger than this are refused with 431.
const MAX_HEADERS: usize = 32 * 1024;

/// Serves until `stop` is done, then lets requests under way finish for `shutdown_timeout`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ServerConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let stopping = handle.clone();
    let patience = config.shutdown_timeout.to_std();
    tokio::spawn(async move {
        stop.await;
        tracing::info!("stopping: no new connections, requests under way finish");
        stopping.graceful_shutdown(Some(patience));
    });
    let gate = Gate {
        listener: tokio::net::TcpListener::from_std(listener)?,
        places: Arc::new(Semaphore::new(config.max_connections)),
        write_timeout: config.request_timeout.to_std(),
    };
    // HTTP/2 without TLS is spoken by no browser, and telling the two apart waits for the first bytes without a limit.
    let mut server = Server::<Peer>::from_listener(gate).http1_only().handle(handle);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout.to_std())
        .max_buf_size(MAX_HEADERS);
    server
        .serve(router.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// Takes a connection only when there is a place for it; the others wait in the kernel's queue and cost nothing.
#[derive(Debug)]
struct Gate {
    listener: tokio::net::TcpListener,
    places: Arc<Semaphore>,
    write_timeout: Duration,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

impl Address for Peer {
    type Stream = Admitted;
    type Listener = Gate;
}

impl AddrListener<Admitted, Peer> for Gate {
    async fn bind_to(_: Peer) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept_stream(&self) -> io::Result<(Admitted, Peer)> {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.map_err(io::Error::other)?;
        let (stream, address) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let admitted = Admitted {
            stream: Box::pin(stream),
            _place: place,
        };
        Ok((admitted, Peer(address)))
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr().map(Peer)
    }
}

impl Connected<Peer> for SocketAddr {
    fn connect_info(Peer(address): Peer) -> Self {
        address
    }
}

/// A connection with its place. Who asks and does not read the answer loses both.
#[derive(Debug)]
struct Admitted {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    _place: OwnedSemaphorePermit,
}

mod io_traits {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Admitted;

    impl AsyncRead for Admitted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Admitted {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.stream.as_mut().poll_write(cx, buf)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.stream.as_mut().poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            self.stream.is_write_vectored()
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_shutdown(cx)
        }
    }
}
