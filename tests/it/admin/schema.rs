//! Whether an answer is what the document says.

use axum::{body::Body, http::Request};
use postern::web::private::operations;
use serde_json::Value;

use super::send;
use crate::harness::{Answer, Postern};

/// The document as it is served.
pub(super) async fn document(postern: &Postern) -> Value {
    let asked = Request::get("/api/v1/openapi.json").body(Body::empty());
    let answer = send(postern, asked.expect("a request")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Fails unless the document has the route, and the answer is one that it has.
pub(super) async fn check(postern: &Postern, method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().expect("a path");
    let is_it = |pattern: &str| {
        let (one, other) = (pattern.split('/'), path.split('/'));
        one.clone().count() == other.clone().count()
            && one
                .zip(other)
                .all(|(part, own)| part == own || part.starts_with('{'))
    };
    let Some(route) = operations()
        .into_iter()
        .find(|route| route.method == method && is_it(route.path))
    else {
        assert!(
            matches!(answer.status.as_u16(), 404 | 405),
            "{method} {path}: {answer:?}"
        );
        return;
    };
    let document = document(postern).await;
    let operation = &document["paths"][route.path][method.to_lowercase()];
    assert_eq!(operation["operationId"], route.id);
    let told = &operation["responses"][answer.status.as_u16().to_string()];
    let kind = answer.header("content-type");
    let schema = &told["content"][kind]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} answers {} with {kind}: {answer:?}",
        answer.status
    );
    if let Err(fault) = fits(&document, schema, &answer.json()) {
        panic!("{method} {path}: {fault} in {}", answer.body);
    }
}

/// The part of JSON Schema that the document uses.
pub(super) fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#'));
        fits(
            document,
            schema.ok_or_else(|| format!("{name} is not there"))?,
            value,
        )?;
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let fits_one = either.iter().any(|schema| fits(document, schema, value).is_ok());
        return fits_one
            .then_some(())
            .ok_or(format!("{value} is none of {either:?}"));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .contains(value)
            .then_some(())
            .ok_or(format!("{value} is none of {words:?}"));
    }
    let types = match &schema["type"] {
        Value::Null => return Ok(()),
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.iter().any(|one| one == own) {
        return Err(format!("{value} is not of the type {types:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item)?;
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        if !object.contains_key(name) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, value) in object {
        match schema["properties"].get(name) {
            Some(schema) => fits(document, schema, value).map_err(|fault| format!("{name}: {fault}"))?,
            None if schema["additionalProperties"] == false => {
                return Err(format!("{name} is not in the schema"));
            }
            None => {}
        }
    }
    Ok(())
}
