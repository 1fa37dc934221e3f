//! `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::{flows::discovery, web::Shared};

pub(crate) async fn document(State(site): State<Shared>) -> Response {
    (
        [(header::CACHE_CONTROL, "public, max-age=600")],
        Json(discovery::document(&site.provider)),
    )
        .into_response()
}
