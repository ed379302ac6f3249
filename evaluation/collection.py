"""Judged collections: a folder of queries, documents and judgements, read and checked."""

import csv
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from matcher.errors import CommonwealError
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId

DEV, TEST = "dev", "test"
SPLIT, UNMEETABLE = "split", "unmeetable"
"""Columns of a `*_meta.tsv` that are no slices: which half a query belongs to, and whether nobody can meet it."""

_ORGANISATION = {"name", "sectors", "size", "roles"}
_LISTING = {"resource", "themes", "places", "remote", "capacity", "opens", "closes", "evidence"}
_KNOWN = {"id", "text", "kind", "organisation"} | _ORGANISATION | _LISTING
_SETTINGS = {"name", "licence", "cut", "gains", "split", "on"}
_GRADE = re.compile("[0-9]{1,4}")
_TOLD = 12  # problems named before "and … more"


class CollectionError(CommonwealError):
    """A collection is malformed. Names each problem by file and line."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """An evaluation set: `qrels[query][document]` is a grade from 0; documents nobody judged are missing.

    `cut` is the least grade that counts as a yes in binary measures; `gains` what each grade is worth in nDCG, the
    grade itself when empty. `facts` are the optional fields that at least one document or query fills in.
    """

    name: str
    folder: Path
    queries: Mapping[str, Listing]
    documents: Mapping[str, Listing]
    organisations: Mapping[OrganisationId, Organisation]
    qrels: Mapping[str, Mapping[str, int]]
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    unmeetable: frozenset[str] = frozenset()
    licence: str = ""
    cut: int = 1
    gains: Mapping[int, int] = field(default_factory=dict)
    on: date = date.min
    facts: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    sha256: str = ""

    def judged(self, split: str = "") -> list[str]:
        """The queries with at least one positive judgement, by id; a query in no split counts as test."""
        return sorted(
            query for query in self.qrels if query not in self.unmeetable and split in ("", self.split_of(query))
        )

    def nobody(self, split: str = "") -> list[str]:
        """The queries that are known to have no positive at all, by id."""
        return sorted(query for query in self.unmeetable if split in ("", self.split_of(query)))

    def split_of(self, query: str) -> str:
        return self.splits.get(query, TEST)

    def is_positive(self, query: str, document: str) -> bool:
        return self.qrels.get(query, {}).get(document, 0) >= self.cut

    @cached_property
    def sides(self) -> Mapping[Kind, list[str]]:
        """The documents that a query of each kind is ranked against, by id: a need's are all but needs."""
        ids = sorted(self.documents)
        needs = [one for one in ids if self.documents[one].kind is Kind.NEED]
        others = [one for one in ids if self.documents[one].kind is not Kind.NEED]
        return {Kind.NEED: others, Kind.OFFER: needs, Kind.PROFILE: needs}

    def organisation_of(self, listing: Listing) -> Organisation:
        return self.organisations[listing.organisation]


def load(folder: Path) -> Collection:
    """The collection in a folder. Raises CollectionError that names what is wrong by file and line."""
    return _Reader(folder).read()


class _Reader:
    """Gathers problems instead of stopping at the first, so that a collection is mended in one go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.facts: set[str] = set()
        self.organisations: dict[OrganisationId, Organisation] = {}
        self.digest = sha256()

    def read(self) -> Collection:
        for name in ("queries.jsonl", "corpus.jsonl", "qrels.tsv"):
            if not (self.folder / name).is_file():
                self.problems.append(f"{self.folder} has no {name}: a collection needs queries, corpus and qrels")
        self._stop()
        settings = self._settings()
        documents = self._listings("corpus.jsonl", Kind.OFFER)
        queries = self._listings("queries.jsonl", Kind.NEED)
        split = str(settings.get("split", SPLIT))
        columns = self._meta(queries, split)
        nobody = frozenset(query for query, value in columns.pop(UNMEETABLE, {}).items() if value == "yes")
        splits = columns.pop(split, {})
        cut = int(settings.get("cut", 1))
        qrels = self._qrels(queries, documents)
        self._positives(qrels, cut, nobody)
        self._stop()
        if left := len(queries) - len(qrels):
            self.notes.append(f"{left} queries have no judgement and are left out")
        return Collection(
            name=str(settings.get("name", self.folder.resolve().name)),
            folder=self.folder,
            queries=queries,
            documents=documents,
            organisations=self.organisations,
            qrels=qrels,
            slices=columns,
            splits=splits,
            unmeetable=nobody,
            licence=str(settings.get("licence", "")),
            cut=cut,
            gains={int(grade): int(gain) for grade, gain in settings.get("gains", {}).items()},
            on=settings.get("on", date.min),
            facts=frozenset(self.facts),
            notes=tuple(self.notes),
            sha256=self.digest.hexdigest(),
        )

    def _stop(self) -> None:
        if self.problems:
            more = len(self.problems) - _TOLD
            told = [*self.problems[:_TOLD], *([f"and {more} more"] if more > 0 else [])]
            raise CollectionError("\n  ".join([f"{self.folder} cannot be used:", *told]))

    def _text(self, name: str) -> str:
        content = (self.folder / name).read_bytes()
        self.digest.update(name.encode() + content)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.problems.append(f"{name}, line {line}: not UTF-8; save the file as UTF-8")
            return ""

    def _settings(self) -> dict[str, Any]:
        name = "collection.toml"
        if not (self.folder / name).is_file():
            return {}
        try:
            settings = tomllib.loads(self._text(name))
        except tomllib.TOMLDecodeError as error:
            self.problems.append(f"{name}: {error}")
            return {}
        if unknown := sorted(set(settings) - _SETTINGS):
            self.problems.append(f"{name}: unknown {', '.join(unknown)}; known: {', '.join(sorted(_SETTINGS))}")
        gains = settings.get("gains", {})
        if type(settings.get("cut", 1)) is not int or settings.get("cut", 1) < 1:
            self.problems.append(f"{name}: cut is {settings['cut']!r}; write the least grade that is a yes, 1 or more")
            settings["cut"] = 1
        if not isinstance(gains, dict) or not all(
            _GRADE.fullmatch(key) and type(gain) is int and gain >= 0 for key, gain in gains.items()
        ):
            self.problems.append(f"{name}: gains are not whole numbers by grade; write for example gains.3 = 3")
            settings["gains"] = {}
        called = str(settings.get("name", self.folder.resolve().name))
        if set(called) & set("/\\") or called.startswith(".") or not called.isprintable():
            self.problems.append(f"{name}: name is {called!r}; files are named after it, write a plain word")
        if type(settings.get("on", date.min)) is not date:
            self.problems.append(f"{name}: on is {settings['on']!r}; write a day like 2026-11-02")
        return settings

    def _listings(self, name: str, kind: Kind) -> dict[str, Listing]:
        found: dict[str, Listing] = {}
        ignored: set[str] = set()
        for line, text in enumerate(self._text(name).split("\n"), 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
                if not isinstance(row, dict):
                    raise ValueError("not a JSON object")
                ignored |= set(row) - _KNOWN
                listing = self._listing(row, kind, name)
                if listing.id in found:
                    raise ValueError(f"id {listing.id} stands twice; ids must be unique")
                found[listing.id] = listing
            except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
                self.problems.append(f"{name}, line {line}: {error}")
        if ignored:
            self.notes.append(f"{name}: fields not used: {', '.join(sorted(ignored))}")
        return found

    def _listing(self, row: dict[str, Any], kind: Kind, name: str) -> Listing:
        id_, text = row.get("id"), row.get("text")
        if not isinstance(id_, str) or not id_ or id_.split() != [id_]:
            raise ValueError(f"id is {id_!r}; every line needs an id, a text without blanks")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"text of {id_} is empty")
        if row.get("kind") and row["kind"] not in set(Kind):
            raise ValueError(f"kind of {id_} is {row['kind']!r}; write need, offer or profile")
        owner = str(row.get("organisation") or f"{name.partition('.')[0]}:{id_}")
        self.facts |= {key for key in _KNOWN if row.get(key) not in (None, "", [])}
        self._organisation(OrganisationId(owner), row)
        return Listing(
            id=ListingId(id_),
            organisation=OrganisationId(owner),
            kind=Kind(row.get("kind") or kind),
            text=text,
            resource=str(row.get("resource") or ""),
            themes=_names(row, "themes"),
            places=_names(row, "places"),
            remote=bool(row.get("remote")),
            capacity=None if row.get("capacity") is None else int(row["capacity"]),
            opens=_day(row, "opens"),
            closes=_day(row, "closes"),
            evidence=str(row.get("evidence") or ""),
        )

    def _organisation(self, owner: OrganisationId, row: dict[str, Any]) -> None:
        told = Organisation(
            id=owner,
            name=str(row.get("name") or owner),
            sectors=_names(row, "sectors"),
            size=str(row.get("size") or ""),
            roles=_names(row, "roles"),
            places=_names(row, "places"),
        )
        known = self.organisations.setdefault(owner, told)
        for key in ("name", "sectors", "size", "roles"):
            if getattr(known, key) != getattr(told, key):
                raise ValueError(f"{key} of organisation {owner} is {row.get(key)!r}, but was given otherwise above")

    def _table(self, name: str, first: str) -> Iterator[tuple[int, dict[str, str]]]:
        lines = self._text(name).splitlines()
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(rows, [])
        if not header or header[0] != first or len(set(header)) != len(header):
            self.problems.append(f"{name}, line 1: the header must begin with {first}, found {header!r}")
            return
        for line, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) != len(header):
                self.problems.append(f"{name}, line {line}: {len(row)} values under {len(header)} columns")
            else:
                yield line, dict(zip(header, row, strict=True))

    def _meta(self, queries: Mapping[str, Listing], split: str) -> dict[str, dict[str, str]]:
        columns: dict[str, dict[str, str]] = {}
        for path in sorted(self.folder.glob("*_meta.tsv")):
            if path.read_bytes().startswith(b"corpus-id"):
                self.notes.append(f"{path.name} is not used: slices are of queries")
                continue
            for line, row in self._table(path.name, "query-id"):
                query, where = row.pop("query-id"), f"{path.name}, line {line}"
                if query not in queries:
                    self.problems.append(f"{where}: query {query} is not in queries.jsonl")
                if row.get(UNMEETABLE, "") not in ("", "yes", "no"):
                    self.problems.append(f"{where}: {UNMEETABLE} is '{row[UNMEETABLE]}'; write yes or no")
                if row.get(split, TEST) not in (DEV, TEST, ""):
                    self.problems.append(f"{where}: {split} is '{row[split]}'; write {DEV} or {TEST}")
                for column, value in row.items():
                    if columns.setdefault(column, {}).setdefault(query, value) != value:
                        self.problems.append(f"{where}: {column} of {query} was given otherwise above")
        return {column: {query: value for query, value in of.items() if value} for column, of in columns.items()}

    def _qrels(self, queries: Mapping[str, Listing], documents: Mapping[str, Listing]) -> dict[str, dict[str, int]]:
        qrels: dict[str, dict[str, int]] = {}
        for line, row in self._table("qrels.tsv", "query-id"):
            query, document, score = row["query-id"], row.get("corpus-id", ""), row.get("score", "")
            where = f"qrels.tsv, line {line}"
            if query not in queries:
                self.problems.append(f"{where}: query {query} is not in queries.jsonl")
            elif document not in documents:
                self.problems.append(f"{where}: document {document} is not in corpus.jsonl")
            elif not _GRADE.fullmatch(score):
                self.problems.append(f"{where}: score is '{score}'; write a grade, a whole number from 0")
            elif document in qrels.get(query, {}):
                self.problems.append(f"{where}: {query} and {document} are judged twice")
            else:
                qrels.setdefault(query, {})[document] = int(score)
        return qrels

    def _positives(self, qrels: Mapping[str, Mapping[str, int]], cut: int, nobody: frozenset[str]) -> None:
        for query, judged in qrels.items():
            has = any(grade >= cut for grade in judged.values())
            if not has and query not in nobody:
                remedy = f"set {UNMEETABLE} to yes for it in queries_meta.tsv, or judge more"
                self.problems.append(f"qrels.tsv: query {query} has no positive (grade {cut} or more); {remedy}")
            elif has and query in nobody:
                self.problems.append(f"qrels.tsv: query {query} has positives, but is called {UNMEETABLE}")
        if not qrels and not self.problems:
            self.problems.append("qrels.tsv holds no judgement")


def _names(row: dict[str, Any], key: str) -> tuple[str, ...]:
    value = row.get(key) or []
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value)


def _day(row: dict[str, Any], key: str) -> date | None:
    return date.fromisoformat(row[key]) if row.get(key) else None
