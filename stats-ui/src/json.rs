//! Statistics as HAProxy's JSON (management guide, 9.3, `show stat json`), and the schema that
//! describes it. Framing only.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;

use crate::column::{Column, Value};
use crate::field::COLUMNS;
use crate::report::Report;
use crate::select::{Object, Row, View};

/// An array of rows; a row is an array of the fields that apply.
#[must_use]
pub fn stats(report: &Report, view: &View) -> String {
    let rows: Vec<Vec<Field<'_>>> = view.all_rows(report).map(|row| fields(&row)).collect();
    // Strings and numbers always serialize; nothing else is in there.
    serde_json::to_string(&rows).unwrap_or_default()
}

fn fields<'a>(row: &Row<'a>) -> Vec<Field<'a>> {
    let columns = COLUMNS
        .iter()
        .enumerate()
        .filter(|(_, column)| column.name != "-");
    columns
        .filter_map(|(position, column)| field(row, position, column))
        .collect()
}

fn field<'a>(row: &Row<'a>, position: usize, column: &'static Column) -> Option<Field<'a>> {
    let value = match column.value(row) {
        Value::Empty => return None,
        Value::Number(number) => Scalar::Number(number),
        Value::Signed(number) => Scalar::Signed(number),
        Value::Text(words) => Scalar::Text(words),
    };
    Some(Field {
        object: object_type(row.object),
        proxy_id: row.proxy.iid,
        id: row.id(),
        field: Position {
            pos: position,
            name: column.name,
        },
        process: 1,
        tags: Words {
            origin: column.tags.origin.word,
            nature: column.tags.nature.word,
            scope: column.tags.scope.word,
        },
        value: Typed {
            kind: column.kind.name(),
            value,
        },
    })
}

const fn object_type(object: Object<'_>) -> &'static str {
    match object {
        Object::Frontend(_) => "Frontend",
        Object::Listener(_) => "Listener",
        Object::Server(_) => "Server",
        Object::Backend(_) => "Backend",
    }
}

/// The JSON schema of what [`stats`] returns.
#[must_use]
pub fn schema() -> String {
    let word = |words: &[&str]| json!({ "type": "string", "enum": words });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let object = |properties: serde_json::Value| {
        let required: Vec<&String> = properties
            .as_object()
            .into_iter()
            .flatten()
            .map(|p| p.0)
            .collect();
        json!({ "type": "object", "properties": &properties, "required": required })
    };
    let field = object(json!({
        "objType": word(&["Frontend", "Backend", "Listener", "Server"]),
        "proxyId": number(),
        "id": number(),
        "field": object(json!({ "pos": number(), "name": { "type": "string" } })),
        "processNum": { "type": "integer", "minimum": 1 },
        "tags": object(json!({
            "origin": word(&["Metric", "Status", "Key", "Config", "Product"]),
            "nature": word(&NATURES),
            "scope": word(&["Process", "Service", "System", "Cluster"]),
        })),
        "value": object(json!({
            "type": word(&["u32", "s32", "u64", "s64", "str"]),
            "value": { "type": ["integer", "string"] },
        })),
    }));
    json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "Stat",
        "type": "array",
        "items": { "type": "array", "items": field },
    })
    .to_string()
}

#[derive(Debug, Serialize)]
struct Field<'a> {
    #[serde(rename = "objType")]
    object: &'static str,
    #[serde(rename = "proxyId")]
    proxy_id: u32,
    id: u32,
    field: Position,
    #[serde(rename = "processNum")]
    process: u32,
    tags: Words,
    value: Typed<'a>,
}

#[derive(Debug, Serialize)]
struct Position {
    pos: usize,
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct Words {
    origin: &'static str,
    nature: &'static str,
    scope: &'static str,
}

#[derive(Debug, Serialize)]
struct Typed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: Scalar<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Scalar<'a> {
    Number(u64),
    Signed(i64),
    Text(Cow<'a, str>),
}

const NATURES: [&str; 12] = [
    "Gauge", "Limit", "Min", "Max", "Rate", "Counter", "Duration", "Age", "Time", "Name", "Output",
    "Avg",
];

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::sample;

    #[test]
    fn a_field_is_what_haproxy_prints() {
        let text = stats(&sample::report(), &View::default());
        assert!(text.starts_with(concat!(
            r#"[[{"objType":"Frontend","proxyId":3,"id":0,"field":{"pos":0,"name":"pxname"},"#,
            r#""processNum":1,"tags":{"origin":"Key","nature":"Name","scope":"Service"},"#,
            r#""value":{"type":"str","value":"localnodes"}},"#,
        )));
        assert!(text.contains(r#""value":{"type":"s32","value":-1}"#));
    }

    #[test]
    fn rows_are_arrays_without_empty_fields() {
        let rows: Vec<Vec<Json>> =
            serde_json::from_str(&stats(&sample::report(), &View::default())).unwrap();
        assert_eq!(rows.len(), 4);
        let names: Vec<&str> = rows[1]
            .iter()
            .map(|field| field["field"]["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&"check_code") && !names.contains(&"slim"));
        assert!(!names.contains(&"-"));
    }

    #[test]
    fn the_schema_names_what_a_field_has() {
        let schema: Json = serde_json::from_str(&schema()).unwrap();
        let rows: Json = serde_json::from_str(&stats(&sample::report(), &View::default())).unwrap();
        let required = schema["items"]["items"]["required"].as_array().unwrap();
        assert_eq!(required.len(), rows[0][0].as_object().unwrap().len());
        assert!(
            required
                .iter()
                .all(|name| !rows[0][0][name.as_str().unwrap()].is_null())
        );
    }
}
