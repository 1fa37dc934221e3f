//! The style sheet and the pictures: plain files in the program, under a URL that changes with their content.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use rust_embed::RustEmbed;

use crate::base::digest::Digest;

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

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let Some(file) = Assets::get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
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
