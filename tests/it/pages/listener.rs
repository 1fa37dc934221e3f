//! The listener itself, over real sockets: floods, slow senders, too many connections, and a stop that loses nothing.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use axum::{Router, routing::get};
use postern::{base::time::Lifetime, config::ServerConfig, server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::harness::Postern;

/// A server that listens, until it is stopped.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

fn listen(router: Router, config: ServerConfig) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stopped = async {
            stopped.await.ok();
        };
        server::serve(listener, router, &config, stopped).await
    });
    Listening {
        address,
        stop,
        served,
    }
}

async fn started(change: impl FnOnce(&mut ServerConfig)) -> (Postern, Listening) {
    let postern = Postern::start().await;
    let mut config = postern.config.server.clone();
    config.header_timeout = Lifetime::from_secs(1);
    change(&mut config);
    let listening = listen(postern.app.router(), config);
    (postern, listening)
}

impl Listening {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    /// Sends text on a connection of its own and reads what comes until the server closes it.
    async fn exchange(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read everything.
        stream.write_all(text.as_bytes()).await.ok();
        read_to_end(&mut stream).await
    }

    async fn lives(&self) {
        let answer = self
            .exchange("GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("{\"status\":\"live\"}"), "{answer}");
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes it").ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn health_is_told_over_a_real_socket() {
    let (postern, listening) = started(|_| {}).await;
    listening.lives().await;
    let ready = "GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = listening.exchange(ready).await;
    assert!(
        answer.starts_with("HTTP/1.1 503 "),
        "nothing was polled yet: {answer}"
    );
    postern.poll().await;
    let answer = listening.exchange(ready).await;
    assert!(answer.ends_with("{\"status\":\"ready\"}"), "{answer}");
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_and_the_server_lives() {
    let (_postern, listening) = started(|_| {}).await;
    let many = "x: y\r\n".repeat(2000);
    let large = format!("x: {}\r\n", "y".repeat(100_000));
    let cookie = format!("cookie: {}\r\n", "a=b; ".repeat(20_000));
    for headers in [many, large, cookie] {
        let answer = listening
            .exchange(&format!("GET /account HTTP/1.1\r\nhost: x\r\n{headers}\r\n"))
            .await;
        assert!(
            answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
        listening.lives().await;
    }
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    let answer = listening.exchange(&long).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    for nonsense in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nx\x07: y\r\n\r\n",
    ] {
        let answer = listening.exchange(nonsense).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    listening.lives().await;
}

#[tokio::test]
async fn who_is_slow_with_a_header_is_cut_off_at_every_point() {
    let (_postern, listening) = started(|_| {}).await;
    let address = listening.address;
    let begun = [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nhost: x\r\n",
        "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    let cut = begun.map(|begun| async move {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(begun.as_bytes()).await.expect("sent");
        let mut bytes = Vec::new();
        let closed = timeout(Duration::from_secs(6), stream.read_to_end(&mut bytes)).await;
        assert!(closed.is_ok(), "still open after {begun:?}");
    });
    futures_util::future::join_all(cut).await;
    listening.lives().await;
}

/// How many connections wait in the kernel's queue of a listening socket.
fn waiting_in_the_kernel(address: SocketAddr) -> u32 {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let port = format!(":{:04X}", address.port());
    let row = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut row = row.filter(|row| row.len() > 4 && row[1].ends_with(&port) && row[3] == "0A");
    let queues = row.next().expect("the listening socket")[4].to_owned();
    let waiting = queues.split(':').nth(1).expect("two queues");
    u32::from_str_radix(waiting, 16).expect("hex")
}

#[tokio::test]
async fn no_more_connections_than_the_cap_are_taken_and_the_next_one_waits_its_turn() {
    let (_postern, listening) = started(|config| {
        config.max_connections = 2;
        config.header_timeout = Lifetime::from_secs(600);
    })
    .await;
    let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = listening.connect().await;
    let mut second = listening.connect().await;
    let mut buffer = [0; 1024];
    for stream in [&mut first, &mut second] {
        stream.write_all(request).await.expect("sent");
        assert!(stream.read(&mut buffer).await.expect("answered") > 0);
    }
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let mut stream = listening.connect().await;
        stream.write_all(request).await.expect("sent");
        waiting.push(stream);
    }
    let next = &mut waiting[0];
    let early = timeout(Duration::from_millis(300), next.read(&mut buffer)).await;
    assert!(early.is_err(), "there is no place yet");
    assert_eq!(
        waiting_in_the_kernel(listening.address),
        10,
        "they cost no file descriptor"
    );
    drop(first);
    let next = &mut waiting[0];
    let read = timeout(Duration::from_secs(5), next.read(&mut buffer)).await;
    let length = read.expect("a place was given back").expect("answered");
    assert!(buffer[..length].starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_takes_no_new_one() {
    let postern = Postern::start().await;
    let slow = get(|| async {
        sleep(Duration::from_millis(700)).await;
        "finished"
    });
    let listening = listen(Router::new().route("/slow", slow), postern.config.server.clone());
    let mut under_way = listening.connect().await;
    under_way
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut idle = listening.connect().await;
    sleep(Duration::from_millis(200)).await;
    listening.stop.send(()).expect("running");
    sleep(Duration::from_millis(200)).await;
    assert!(
        TcpStream::connect(listening.address).await.is_err(),
        "no new connections"
    );
    let answer = read_to_end(&mut under_way).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("finished"),
        "{answer}"
    );
    let served = timeout(Duration::from_secs(5), listening.served).await;
    served
        .expect("an idle connection holds nothing up")
        .expect("no panic")
        .expect("no error");
    assert_eq!(read_to_end(&mut idle).await, "");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_stop_up_for_ever() {
    let postern = Postern::start().await;
    let mut config = postern.config.server.clone();
    config.shutdown_timeout = Lifetime::from_secs(1);
    let hangs = get(std::future::pending::<&'static str>);
    let listening = listen(Router::new().route("/hangs", hangs), config);
    let mut stream = listening.connect().await;
    stream
        .write_all(b"GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("sent");
    sleep(Duration::from_millis(200)).await;
    listening.stop.send(()).expect("running");
    let served = timeout(Duration::from_secs(5), listening.served).await;
    served
        .expect("its patience ends")
        .expect("no panic")
        .expect("no error");
}

#[tokio::test]
async fn who_asks_and_does_not_read_is_cut_off() {
    let (_postern, listening) = started(|config| {
        config.max_connections = 1;
        config.request_timeout = Lifetime::from_secs(1);
    })
    .await;
    let mut deaf = listening.connect().await;
    let request = "GET /assets/postern.css HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2000);
    // Until nothing more fits into the buffers between the two.
    let _ = timeout(Duration::from_secs(2), deaf.write_all(request.as_bytes())).await;
    let served = timeout(Duration::from_secs(30), listening.lives()).await;
    drop(deaf);
    assert!(served.is_ok(), "it holds its place");
}
