//! What is judged of every request to a route of the API before its handler runs: whether the route still lives, and
//! whether it takes the parameters.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Private,
    caller::Caller,
    life::Life,
    problem::{Kind, Problem},
};
use crate::{flows::legacy_uses, store::error::StoreError, web::encoding::parse_pairs};

/// What is known of a route.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) private: Private,
    pub(super) route: String,
    pub(super) life: Life,
    /// Parts of a filter, and others.
    pub(super) parameters: [&'static [&'static str]; 2],
}

const MAX_QUERY: usize = 8 * 1024;

pub(super) async fn judge(State(facts): State<Facts>, request: Request, next: Next) -> Response {
    let Facts { private, life, .. } = &facts;
    let now = private.provider().clock.now();
    let mut response = if life.is_gone(now) {
        let hint = life.successor.map(|path| format!("use {path}"));
        Problem::saying(Kind::Gone, hint.unwrap_or_default()).into_response()
    } else {
        match judge_query(&facts, request.uri().query().unwrap_or_default()) {
            Ok(()) => match count(&facts, request.extensions().get().cloned()).await {
                Ok(()) => next.run(request).await,
                Err(error) => Problem::from(error).into_response(),
            },
            Err(problem) => problem.into_response(),
        }
    };
    life.tell(response.headers_mut());
    response
}

/// A parameter that is not known may be one that its sender relies on.
fn judge_query(facts: &Facts, query: &str) -> Result<(), Problem> {
    if query.len() > MAX_QUERY {
        return Err(Problem::saying(
            Kind::InvalidParameter,
            "the query is longer than 8 KiB",
        ));
    }
    let pairs = parse_pairs(query).map_err(|error| Problem::saying(Kind::InvalidParameter, error))?;
    let is_known = |name: &str| facts.parameters.iter().any(|known| known.contains(&name));
    for (at, (name, _)) in pairs.iter().enumerate() {
        if !is_known(name) {
            let hint = match facts.parameters.concat().as_slice() {
                [] => "this takes no parameters".to_owned(),
                known => format!("this takes {}", known.join(", ")),
            };
            return Err(Problem::saying(Kind::UnknownParameter, hint));
        }
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(Problem::saying(
                Kind::InvalidParameter,
                format_args!("{name} is there twice"),
            ));
        }
    }
    Ok(())
}

/// Remembers who has to be told before this ends.
async fn count(facts: &Facts, caller: Option<Caller>) -> Result<(), StoreError> {
    match caller.filter(|_| facts.life.is_legacy()) {
        Some(caller) => legacy_uses::count(facts.private.provider(), &facts.route, &caller.by.actor).await,
        None => Ok(()),
    }
}
