//! The `OpenAPI` 3.1 document: made of the table of routes; the schemas are beside this in a file of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Private, Version,
    input::TIMES,
    problem::{KINDS, Kind},
    table::{Operation, operations},
};
use crate::{
    base::jws::JwsAlgorithm,
    domain::{
        client::{
            AssertionAudience, AuthMethod, DpopPolicy, GrantType, IdTokenAlgorithm, PkcePolicy,
            RefreshRotation,
        },
        ending::Reason,
        event_kind::KINDS as EVENT_KINDS,
        key::Ring,
        role::Permission,
    },
    flows::admin::api::AUDIENCE,
    web::problem_details::BLANK,
};

const SCHEMAS: &str = include_str!("schemas.json");

/// The document of a version.
pub(super) fn document(private: &Private, version: &Version) -> Value {
    let provider = private.provider();
    let mut paths = Map::new();
    for route in operations() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(&route, version);
    }
    let scopes = Permission::ALL.iter().map(|permission| {
        let text = format!("the permission {}", permission.as_str());
        (permission.scope().to_owned(), text.into())
    });
    let scopes: Map<String, Value> = scopes.collect();
    let mut schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    schemas["Problem"] = problem();
    for (name, words) in words() {
        schemas[name] = json!({ "type": "string", "enum": words });
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postern admin API",
            "version": version.name,
            "description": format!(
                "Access tokens have the audience {}. Times are milliseconds since 1970 in bodies and answers, and dates \
                 (RFC 3339) in parameters. A POST with an Idempotency-Key \
                 is done once. Lists are pages: go on with the next as cursor until it is null.",
                provider.issuer.at(AUDIENCE)
            ),
        },
        "servers": [{ "url": private.url().at(&format!("/api/{}", version.name)) }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "machine": {
                    "type": "oauth2",
                    "flows": { "clientCredentials": { "tokenUrl": provider.issuer.at("/token"), "scopes": scopes } },
                },
                "person": { "type": "apiKey", "in": "cookie", "name": private.cookies().admin },
            },
        },
    })
}

/// The schemas that are one word of a few, of the types that read them.
fn words() -> [(&'static str, Vec<&'static str>); 10] {
    [
        (
            "AuthMethod",
            AuthMethod::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "JwsAlgorithm",
            JwsAlgorithm::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "AssertionAudience",
            AssertionAudience::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "GrantType",
            GrantType::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "PkcePolicy",
            PkcePolicy::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "RefreshRotation",
            RefreshRotation::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "IdTokenAlgorithm",
            IdTokenAlgorithm::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        (
            "DpopPolicy",
            DpopPolicy::ALL.iter().map(|word| word.as_str()).collect(),
        ),
        ("Ring", Ring::every().map(Ring::as_str).collect()),
        ("EndReason", Reason::ALL.into_iter().map(Reason::as_str).collect()),
    ]
}

/// The names of a client's settings.
pub(super) fn settings() -> BTreeSet<String> {
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let properties = schemas["ClientSettings"]["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

fn operation(route: &Operation, version: &Version) -> Value {
    let is_legacy = route.life.within(version.life).is_legacy();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "description": format!(
            "Needs the permission {}{}.",
            route.permission.as_str(),
            if route.confirmed { ", and of people their password within the last five minutes" } else { "" }
        ),
        "security": [{ "machine": [route.permission.scope()] }, { "person": [] }],
        "parameters": parameters(route),
        "responses": responses(route, is_legacy),
    });
    if !route.body.is_empty() {
        let schema = json!({ "schema": reference(route.body) });
        operation["requestBody"] =
            json!({ "required": !route.may_be_empty, "content": { "application/json": schema } });
    }
    if is_legacy {
        operation["deprecated"] = true.into();
    }
    operation
}

fn parameters(route: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    let named = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in named {
        parameters
            .push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    for name in route.filter.iter().chain(route.query) {
        parameters.push(
            json!({ "name": name, "in": "query", "schema": parameter(name), "description": told(name) }),
        );
    }
    if route.method == "POST" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
            "description": "Who repeats the request with it gets the first answer, for 24 hours.",
        }));
    }
    parameters
}

fn parameter(name: &str) -> Value {
    match name {
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
        name if TIMES.contains(&name) => json!({ "type": "string", "format": "date-time" }),
        "order" => json!({ "enum": ["oldest", "newest"], "default": "oldest" }),
        "step" => json!({ "enum": ["hour", "day"], "default": "hour" }),
        "life" => json!({ "enum": ["own", "with_browser"] }),
        "kind" => json!({ "type": "string", "enum": EVENT_KINDS.as_slice() }),
        _ => json!({ "type": "string" }),
    }
}

fn told(name: &str) -> &'static str {
    match name {
        "limit" => "How many rows at most.",
        "cursor" => "The `next` of the page before.",
        "since" => "Not before this (RFC 3339).",
        "until" => "Before this (RFC 3339).",
        "wait" => {
            "Wait for so long at most (20s) until every API that follows the revocation stream refuses what ended."
        }
        "order" => "Which come first.",
        "step" => "How long what is counted together is.",
        "kind" => "Only of this kind, such as session.ended.",
        "user" => "Only of this person, by id.",
        "client" => "Only of this client.",
        "session" => "Only about this session of an app.",
        "actor" => "Who did it: operator, system, a person's id, or client: and its id.",
        "address" => "The address; for sessions also a network (192.0.2.0/24).",
        "app_version" => "The very version that the app told last.",
        "device" => "What the name of the device has in it, in whatever case.",
        "used_before" => "Not used since this (RFC 3339).",
        "used_since" => "Used at this or later (RFC 3339).",
        "opened_before" => "Opened before this (RFC 3339).",
        "opened_since" => "Opened at this or later (RFC 3339).",
        "life" => "Whether they end with the browser session that they were opened from.",
        "email_prefix" => "What the address begins with.",
        _ => "",
    }
}

/// What goes wrong: with every request, with those that are like this one, with this one.
fn problems(route: &Operation, is_legacy: bool) -> Vec<Kind> {
    use Kind as K;
    let mut problems = vec![
        K::AddressNotAllowed,
        K::NotAuthenticated,
        K::NotPermitted,
        K::UnknownParameter,
        K::InvalidParameter,
        K::Busy,
        K::Fault,
    ];
    let mut add = |applies: bool, kinds: &[Kind]| {
        if applies {
            problems.extend(kinds);
        }
    };
    add(route.method != "GET", &[K::CrossSite]);
    add(route.confirmed, &[K::ConfirmationNeeded]);
    add(route.path.contains("{id}"), &[K::NotFound]);
    add(!route.body.is_empty(), &[K::InvalidBody, K::NotJson]);
    add(route.method == "POST" || !route.body.is_empty(), &[K::TooLarge]);
    add(
        route.method == "POST",
        &[K::InvalidKey, K::KeyUnderWay, K::KeyReused],
    );
    add(is_legacy, &[K::Gone]);
    add(true, route.problems);
    problems
}

/// The answers by their status; of problems those types which they have here.
fn responses(route: &Operation, is_legacy: bool) -> Value {
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for kind in problems(route, is_legacy) {
        let (slug, status, title) = kind.parts();
        by_status.entry(status).or_default().push((slug, title));
    }
    let mut responses = Map::from_iter([(route.status.to_string(), answer(route))]);
    for (status, kinds) in by_status {
        let told: Vec<String> = kinds
            .iter()
            .map(|(slug, title)| format!("{slug}: {title}."))
            .collect();
        let mut types: Vec<String> = kinds.iter().map(|(slug, _)| urn(slug)).collect();
        if matches!(status, 400 | 503) {
            types.push(BLANK.to_owned());
        }
        let mut schema = reference("Problem");
        schema["type"] = "object".into();
        schema["properties"] = json!({ "type": { "enum": types } });
        let mut response = json!({
            "description": told.join(" "),
            "content": { "application/problem+json": { "schema": schema } },
        });
        if status == 503 {
            let seconds = json!({ "description": "Seconds to wait.", "schema": { "type": "integer" } });
            response["headers"] = json!({ "Retry-After": seconds });
        }
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn answer(route: &Operation) -> Value {
    if route.answer.is_empty() {
        return json!({ "description": "Done." });
    }
    let content = json!({ "application/json": { "schema": reference(route.answer) } });
    json!({ "description": route.summary, "content": content })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn urn(slug: &str) -> String {
    format!("urn:postern:problem:{slug}")
}

fn problem() -> Value {
    let own = KINDS.iter().map(|(slug, ..)| urn(slug));
    let types: Vec<String> = own.chain([BLANK.to_owned()]).collect();
    json!({
        "description": "A problem (RFC 9457). The types stay as they are; about:blank is a request that did not come as far as \
                        this API: nobody can read where it came from, or it took too long.",
        "type": "object",
        "required": ["type", "title", "status"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": types },
            "title": { "type": "string", "description": "The same for all of the type." },
            "status": { "type": "integer", "description": "The status of the answer." },
            "detail": { "type": "string", "description": "For people: what is wrong here, and what to do." },
            "contradictions": {
                "type": "array",
                "description": "Each setting that contradicts another or the server's, and the rule that it breaks.",
                "items": {
                    "type": "object",
                    "required": ["setting", "rule"],
                    "additionalProperties": false,
                    "properties": { "setting": { "type": "string" }, "rule": { "type": "string" } },
                },
            },
        },
    })
}
