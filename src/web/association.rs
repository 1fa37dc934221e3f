//! Association files for Android and iOS. Platforms fetch them without following redirects, and cache them for long.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde_json::Value;

use crate::{flows::association, web::Shared};

pub(super) async fn asset_links(State(site): State<Shared>) -> Response {
    public(association::asset_links(&site.provider))
}

pub(super) async fn apple(State(site): State<Shared>) -> Response {
    public(association::apple_app_site_association(&site.provider))
}

fn public(document: Value) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=600")], Json(document)).into_response()
}
