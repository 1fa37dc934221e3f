//! People.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{
    Private,
    input::{Asked, Named, Sent},
    once::json,
    permission::{Admin, Confirmed, ReadUsers, WriteRoles, WriteUsers},
    problem::{Kind, Problem},
};
use crate::{
    base::{
        id::UserId,
        text::{DisplayName, Email},
    },
    domain::{password::Password, role::Role, user::User},
    flows::{
        account,
        admin::people::{self, Adding},
    },
    store::ending::Ended,
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadUsers>, asked: Asked) -> Answer {
    let (provider, limit) = (private.provider(), asked.limit()?);
    let page = if let Some(prefix) = asked.text("email_prefix") {
        account::search(provider, prefix, asked.cursor()?.as_ref(), limit).await?
    } else {
        account::list(provider, asked.cursor()?, limit).await?
    };
    Ok(json(StatusCode::OK, page))
}

pub(super) async fn get(
    State(private): State<Private>,
    _: Admin<ReadUsers>,
    Named(id): Named<UserId>,
) -> Answer {
    Ok(json(StatusCode::OK, people::known(private.provider(), id).await?))
}

/// Somebody new.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    email: Email,
    name: Option<DisplayName>,
    password: String,
    role: Option<Role>,
}

pub(super) async fn add(
    State(private): State<Private>,
    admin: Admin<WriteUsers>,
    _: Confirmed,
    Sent(new): Sent<NewUser>,
) -> Answer {
    let password = Password::chosen(new.password, &new.email);
    let adding = Adding {
        password: password.map_err(|weak| Problem::saying(Kind::WeakPassword, weak))?,
        email: new.email,
        name: new.name,
        role: new.role,
    };
    let user = people::add(private.provider(), &admin.by, adding).await?;
    Ok(json(StatusCode::CREATED, user))
}

/// A person, and what ended of theirs.
#[derive(Serialize)]
struct UserEnded {
    user: User,
    ended: Ended,
}

pub(super) async fn disable(
    State(private): State<Private>,
    admin: Admin<WriteUsers>,
    _: Confirmed,
    Named(id): Named<UserId>,
) -> Answer {
    let (user, ended) = people::disable(private.provider(), &admin.by, id).await?;
    let ended = ended.unwrap_or_default();
    Ok(json(StatusCode::OK, UserEnded { user, ended }))
}

pub(super) async fn enable(
    State(private): State<Private>,
    admin: Admin<WriteUsers>,
    _: Confirmed,
    Named(id): Named<UserId>,
) -> Answer {
    let user = people::enable(private.provider(), &admin.by, id).await?;
    Ok(json(StatusCode::OK, user))
}

/// Another password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

pub(super) async fn set_password(
    State(private): State<Private>,
    admin: Admin<WriteUsers>,
    _: Confirmed,
    Named(id): Named<UserId>,
    Sent(new): Sent<NewPassword>,
) -> Answer {
    let ended = people::set_password(private.provider(), &admin.by, id, &new.password).await?;
    let ended = ended.map_err(|weak| Problem::saying(Kind::WeakPassword, weak))?;
    Ok(json(StatusCode::OK, ended))
}

/// Another role, or none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    #[serde(deserialize_with = "Option::deserialize")]
    role: Option<Role>,
}

pub(super) async fn set_role(
    State(private): State<Private>,
    admin: Admin<WriteRoles>,
    _: Confirmed,
    Named(id): Named<UserId>,
    Sent(new): Sent<NewRole>,
) -> Answer {
    let (user, ended) = people::set_role(private.provider(), &admin.by, id, new.role).await?;
    Ok(json(StatusCode::OK, UserEnded { user, ended }))
}
