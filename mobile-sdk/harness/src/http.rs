//! HTTP over loopback: one request, one connection, nothing followed, nothing kept.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use postern_mobile_core::{Header, HttpFailure, HttpRequest, HttpResponse, Input};

/// Sends a request to `http://localhost:PORT/..`.
pub fn send(request: &HttpRequest) -> Input {
    let Some((authority, path)) = parts(&request.url) else {
        return Input::HttpFailed {
            failure: HttpFailure::NotSent,
        };
    };
    let Ok(mut stream) = TcpStream::connect(authority.replace("localhost", "127.0.0.1")) else {
        return Input::HttpFailed {
            failure: HttpFailure::NotSent,
        };
    };
    match talk(&mut stream, request, authority, path) {
        Some(response) => Input::Http { response },
        None => Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        },
    }
}

fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let path = &rest[slash..];
    Some((&rest[..slash], if path.is_empty() { "/" } else { path }))
}

fn talk(stream: &mut TcpStream, request: &HttpRequest, authority: &str, path: &str) -> Option<HttpResponse> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n",
        request.method
    );
    for header in &request.headers {
        head.extend([header.name.as_str(), ": ", header.value.text(), "\r\n"]);
    }
    if request.method == "POST" {
        head.extend([
            "Content-Length: ",
            &request.body.bytes().len().to_string(),
            "\r\n",
        ]);
    }
    head += "\r\n";
    let sent = [head.as_bytes(), request.body.bytes()].concat();
    stream.write_all(&sent).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<Header> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| Header {
            name: name.to_owned(),
            value: value.trim().into(),
        })
        .collect();
    let body = answer[end + 4..].to_vec();
    Some(HttpResponse {
        status,
        headers,
        body: body.into(),
    })
}
