//! The document is complete and true.

use std::collections::BTreeSet;

use postern::{
    domain::client::{ClientKind, ClientSettings},
    web::private::{PROBLEMS, operations},
};
use serde_json::{Value, json};

use super::{Machine, problem, schema, start};

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_route_is_in_it_and_every_schema_is_there_and_used() {
    let postern = start().await;
    let document = schema::document(&postern).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    let described: usize = paths
        .values()
        .map(|path| path.as_object().expect("a path").len())
        .sum();
    assert_eq!(described, operations().len());
    let ids: BTreeSet<_> = operations().iter().map(|route| route.id).collect();
    assert_eq!(ids.len(), described, "each has a name of its own");
    for route in operations() {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(operation["operationId"], route.id);
        assert!(
            !route.summary.is_empty() && !route.answer.is_empty(),
            "{}",
            route.id
        );
        let parameters = operation["parameters"].as_array().expect("parameters");
        for name in route.filter.iter().chain(route.query) {
            let there = parameters
                .iter()
                .any(|parameter| parameter["name"] == *name && parameter["in"] == "query");
            assert!(there, "{}: {name}", route.id);
        }
    }
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let there: BTreeSet<_> = schemas
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    let all: BTreeSet<_> = used
        .iter()
        .cloned()
        .chain(["#/components/schemas/ClientSettings".to_owned()])
        .collect();
    assert_eq!(there, all);
    assert_eq!(
        schemas["Problem"]["properties"]["type"]["enum"]
            .as_array()
            .expect("types")
            .len(),
        // And about:blank.
        PROBLEMS.len() + 1
    );
}

#[tokio::test]
async fn every_problem_is_an_answer_of_some_route_and_each_route_says_which_it_has() {
    let postern = start().await;
    let document = schema::document(&postern).await;
    let mut told = BTreeSet::new();
    for route in operations() {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let responses = operation["responses"].as_object().expect("answers");
        for needed in ["400", "401", "403", "500", "503"] {
            assert!(responses.contains_key(needed), "{}: {needed}", route.id);
        }
        assert_eq!(
            responses.contains_key("404"),
            route.path.contains("{id}"),
            "{}",
            route.id
        );
        for (status, response) in responses {
            let types =
                &response["content"]["application/problem+json"]["schema"]["properties"]["type"]["enum"];
            for kind in types.as_array().into_iter().flatten() {
                let slug = kind
                    .as_str()
                    .expect("a type")
                    .trim_start_matches("urn:postern:problem:");
                let known = PROBLEMS.iter().find(|(name, ..)| *name == slug);
                assert!(
                    slug == "about:blank" || known.is_some_and(|(_, own, _)| own.to_string() == *status),
                    "{}: {slug} at {status}",
                    route.id
                );
                told.insert(slug.to_owned());
            }
        }
    }
    // Of a path that is no route's, of a method, and of a version that ends one day.
    let elsewhere = ["method-not-allowed", "version-gone"];
    for (slug, ..) in PROBLEMS {
        assert_ne!(told.contains(*slug), elsewhere.contains(slug), "{slug}");
    }
}

#[tokio::test]
async fn words_times_and_the_cookie_are_what_the_server_takes() {
    let postern = start().await;
    let document = schema::document(&postern).await;
    let schemas = &document["components"]["schemas"];
    // Over http on this machine the cookie has no prefix.
    let person = &document["components"]["securitySchemes"]["person"];
    assert_eq!(
        (&person["in"], &person["name"]),
        (&json!("cookie"), &json!("postern-admin-dev"))
    );
    assert_eq!(schemas["SessionFilter"]["minProperties"], 1);
    assert_eq!(
        schemas["User"]["properties"]["created_at"]["$ref"],
        "#/components/schemas/Time"
    );
    let kinds = &document["paths"]["/events"]["get"]["parameters"];
    let kind = kinds
        .as_array()
        .expect("parameters")
        .iter()
        .find(|parameter| parameter["name"] == "kind");
    assert!(
        kind.expect("a kind")["schema"]["enum"]
            .as_array()
            .expect("kinds")
            .contains(&json!("session.ended"))
    );

    // Each word of each setting is one that clients may have, or contradicts something; none is unknown.
    let admin = Machine::mighty(&postern).await;
    let settings = schemas["ClientSettings"]["properties"]
        .as_object()
        .expect("settings");
    let mut tried = 0;
    for (name, setting) in settings {
        let named = setting["$ref"]
            .as_str()
            .and_then(|path| document.pointer(path.trim_start_matches('#')));
        for word in named
            .and_then(|schema| schema["enum"].as_array())
            .into_iter()
            .flatten()
        {
            let mut client = json!({ "id": format!("c{tried}"), "name": "X", "kind": "web", "scope": "openid",
                "redirect_uris": ["https://app.example/callback"] });
            client[name] = word.clone();
            let answer = admin.post("/clients", client).await;
            assert!(
                answer.status == 201 || problem(&answer) == "contradiction",
                "{name} {word}: {answer:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn the_settings_of_clients_are_all_in_it() {
    let postern = start().await;
    let document = schema::document(&postern).await;
    let own = &document["components"]["schemas"]["ClientSettings"]["properties"];
    for kind in [ClientKind::Native, ClientKind::Web, ClientKind::Service] {
        let settings = serde_json::to_value(ClientSettings::new(kind)).expect("JSON");
        for name in settings.as_object().expect("an object").keys() {
            assert!(own.get(name).is_some(), "{name}");
        }
    }
    // A name that the settings do not have would be taken and do nothing.
    let admin = Machine::mighty(&postern).await;
    for name in own.as_object().expect("an object").keys() {
        let mut client = json!({ "id": "x", "name": "X", "kind": "web" });
        client[name] = json!({ "no": "setting takes this" });
        let answer = admin.post("/clients", client).await;
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
    }
}

#[test]
fn the_checker_finds_what_does_not_fit() {
    let document = json!({ "components": { "schemas": { "A": { "type": "object", "required": ["a"],
        "additionalProperties": false, "properties": { "a": { "type": ["string", "null"] }, "b": { "enum": [1] } } } } } });
    let schema = json!({ "type": "array", "items": { "$ref": "#/components/schemas/A" } });
    let fits = |value: Value| schema::fits(&document, &schema, &value).is_ok();
    assert!(fits(json!([])) && fits(json!([{ "a": null }, { "a": "x", "b": 1 }])));
    for wrong in [
        json!({}),
        json!([{}]),
        json!([{ "a": 1 }]),
        json!([{ "a": "", "c": 1 }]),
        json!([{ "a": "", "b": 2 }]),
    ] {
        assert!(!fits(wrong.clone()), "{wrong}");
    }
}
