//! The listener: a bounded number of connections, a time limit for headers, and an end that lets requests finish.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::Arc,
};

use axum::Router;
use axum_server::{Handle, accept::Accept};
use hyper_util::rt::TokioTimer;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

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
    let places = Arc::new(Semaphore::new(config.max_connections));
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(Gate(places))
        .handle(handle);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout.to_std())
        .max_buf_size(MAX_HEADERS);
    server
        .http_builder()
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(32 * 1024);
    server
        .serve(router.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// Lets as many connections in as there are places; the others wait in the kernel's queue.
#[derive(Debug, Clone)]
struct Gate(Arc<Semaphore>);

impl<S: Send + 'static> Accept<TcpStream, S> for Gate {
    type Stream = Admitted;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Admitted, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            stream.set_nodelay(true)?;
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            Ok((
                Admitted {
                    stream,
                    _place: place,
                },
                service,
            ))
        })
    }
}

/// A connection with its place.
#[derive(Debug)]
struct Admitted {
    stream: TcpStream,
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
            Pin::new(&mut self.stream).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Admitted {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write(cx, buf)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            self.stream.is_write_vectored()
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }
}
