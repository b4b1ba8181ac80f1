"""croissant.json: a release described for machines (MLCommons Croissant 1.0), in plain data. Tests read it with
mlcroissant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import pyarrow as pa

from release.configs import folder_in
from schemas.rows.schema import IMAGE, RowSchema

CROISSANT: Final = "croissant.json"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The names of Croissant 1.0 (http://mlcommons.org/croissant/1.0)."""
_TYPES: Final = {"string": "sc:Text", "bool": "sc:Boolean"}
_MEDIA: Final = {"parquet": "application/x-parquet", "webdataset": "application/x-tar"}


def render_croissant(facts: Mapping[str, Any], row: RowSchema, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """croissant.json of a release.

    Args:
        facts: the manifest's fields except `files`.
        entries: the manifest's entries of files of rows.
    """
    form = "parquet" if "parquet" in facts["formats"] else "webdataset"
    told: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": facts["name"],
        "description": f"{facts['counts']['rows']} {row.summary}.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": sorted(facts["counts"]["licences"]) or [facts["licence"]],
        "version": f"0.0.0+{facts['fingerprint'][:8]}",
        "citeAs": cite_as(facts),
        "isLiveDataset": False,
        "distribution": [*_distribution(facts, entries)],
    }
    if facts["authors"]:
        told["creator"] = [{"@type": "sc:Person", "name": name} for name in facts["authors"]]
    if form == "parquet" and facts["counts"]["rows"]:
        told["recordSet"] = [_records(config, row) for config in facts["configs"]]
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def cite_as(facts: Mapping[str, Any]) -> str:
    """The release in one line, for a list of references."""
    authors = ", ".join(facts["authors"])
    said = f"{authors}: " if authors else ""
    return f"{said}{facts['title']}, {facts['counts']['rows']} rows, build {facts['fingerprint'][:8]}"


def _distribution(facts: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        form = entry["path"].split("/", 1)[0]
        yield {
            "@type": "cr:FileObject",
            "@id": entry["path"],
            "name": entry["path"],
            "contentUrl": entry["path"],
            "contentSize": f"{entry['bytes']} B",
            "encodingFormat": _MEDIA[form],
            "sha256": entry["sha256"],
        }
    for form in facts["formats"]:
        for config in facts["configs"]:
            found = [e["path"] for e in entries if e["path"].startswith(f"{form}/") and _in(config, e["path"])]
            if found:
                yield {
                    "@type": "cr:FileSet",
                    "@id": f"{form}-{config['name']}",
                    "name": f"{form}-{config['name']}",
                    "encodingFormat": _MEDIA[form],
                    # By name: a star of Croissant reaches into folders, where other configurations lie.
                    "includes": found[0] if len(found) == 1 else found,
                }


def _in(config: Mapping[str, Any], path: str) -> bool:
    return folder_in(path) in config["folders"]


def _records(config: Mapping[str, Any], row: RowSchema) -> dict[str, Any]:
    name = config["name"]
    fields = [_field(f"{name}/{column.name}", column, name) for column in row.columns if column.name != "images"]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": ", ".join(f"{split} {rows}" for split, rows in config["splits"].items()),
        "key": {"@id": f"{name}/id"},
        "field": [each for each in fields if each is not None],
    }


def _field(identity: str, column: pa.Field, config: str) -> dict[str, Any] | None:
    """A column as a field; None for what Croissant has no word for: lists and structs."""
    kind = column.type
    if pa.types.is_nested(kind) or kind.equals(IMAGE):
        return None
    data = _TYPES.get(str(kind)) or ("sc:Integer" if pa.types.is_integer(kind) else "sc:Float")
    return {
        "@type": "cr:Field",
        "@id": identity,
        "name": column.name,
        "dataType": data,
        "source": {"fileSet": {"@id": f"parquet-{config}"}, "extract": {"column": column.name}},
    }
