"""The OpenAPI description as a page a person can read."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a model."""

    name: str
    type: str
    links_to: str
    default: str
    limits: str
    says: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model with its fields."""

    name: str
    says: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """One status a route can answer with."""

    status: str
    says: str
    model: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route."""

    method: str
    path: str
    summary: str
    says: tuple[str, ...]
    takes: str
    replies: tuple[Reply, ...]
    curl: str


def operations(openapi: Schema, base: str) -> tuple[Operation, ...]:
    """Every route with a curl line to try it at `base`, in the order in which they were added."""
    return tuple(
        Operation(
            method=method.upper(),
            path=path,
            summary=operation.get("summary", ""),
            says=tuple(operation.get("description", "").split("\n\n")),
            takes=_named(_body(operation)),
            replies=tuple(_replies(operation)),
            curl=_curl(openapi, base + path, operation),
        )
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )


def models(openapi: Schema) -> tuple[Model, ...]:
    """Every model, each before those it is made of."""
    schemas = openapi["components"]["schemas"]
    order: dict[str, None] = {}
    for path in openapi["paths"].values():
        for operation in path.values():
            for name in (_named(_body(operation)), *(reply.model for reply in _replies(operation))):
                _collect(schemas, name, order)
    return tuple(_model(name, schemas) for name in order)


def _collect(schemas: Schema, name: str, order: dict[str, None]) -> None:
    if not name or name in order or "properties" not in schemas[name]:
        return
    order[name] = None
    for schema in schemas[name]["properties"].values():
        _collect(schemas, _named(schema), order)


def _model(name: str, schemas: Schema) -> Model:
    schema = schemas[name]
    fields = (_field(key, value, schemas) for key, value in schema["properties"].items())
    return Model(name, schema.get("description", ""), tuple(fields))


def _field(name: str, schema: Schema, schemas: Schema) -> Field:
    target = _named(schema)
    is_model = bool(target) and "properties" in schemas[target]
    return Field(
        name=name,
        type=_type(schema, schemas),
        links_to=target if is_model else "",
        default=json.dumps(schema["default"]) if schema.get("default") and "const" not in schema else "",
        limits=_limits(schema),
        says=schema.get("description", ""),
    )


def _type(schema: Schema, schemas: Schema) -> str:
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'], schemas)}"
    if target := _named(schema):
        return " or ".join(schemas[target]["enum"]) if "enum" in schemas[target] else target
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return json.dumps(schema["const"])
    return {"integer": "whole number"}.get(str(schema["type"]), str(schema["type"]))


def _limits(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""


def _named(schema: Schema) -> str:
    """The model a schema refers to, itself or in its list; empty where it refers to none."""
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
    return str(reference).rpartition("/")[2]


def _body(operation: Schema) -> Schema:
    return _json(operation.get("requestBody", {}))


def _replies(operation: Schema) -> Iterator[Reply]:
    for status, reply in operation["responses"].items():
        yield Reply(status, reply["description"], _named(_json(reply)))


def _json(part: Schema) -> Schema:
    schema: Schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _curl(openapi: Schema, url: str, operation: Schema) -> str:
    takes = _named(_body(operation))
    token = " \\\n  --header 'Authorization: Bearer TOKEN'" if operation.get("security") else ""
    if not takes:
        return f"curl {url}{token}"
    model = openapi["components"]["schemas"][takes]
    given = model["examples"][0]
    example = json.dumps(
        {name: given[name] for name in model["properties"] if name in given}, ensure_ascii=False, indent=2
    )
    return f"curl {url}{token} \\\n  --header 'Content-Type: application/json' \\\n  --data {shlex.quote(example)}"
