//! The style sheet and the pictures: plain files in the program, under a URL that changes with their content.

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::header;
use rust_embed::RustEmbed;

use crate::{
    base::digest::Digest,
    web::{Shared, error::not_found},
};

#[derive(RustEmbed)]
#[folder = "templates/assets/"]
struct Assets;

/// The URL of an asset; its query changes with the content, so browsers may keep it for ever.
pub(super) fn url(name: &str) -> String {
    let digest = Assets::get(name).map(|file| Digest::of(&file.data).to_base64url());
    format!(
        "/assets/{name}?v={}",
        &digest.unwrap_or_default().get(..12).unwrap_or_default()
    )
}

pub(super) async fn asset(
    State(site): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(file) = Assets::get(&name) else {
        return not_found(State(site), request).await;
    };
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, file.data).into_response()
}
