"""A system's answer to a whole collection, and its file in TREC's format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEPTH = 1000  # documents ranked for one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`ranking[query]` holds document ids, best first; a query without results may be missing.

    `preparing` is the time to read and index the collection, in seconds; `asking` that of one query, the median.
    """

    system: str
    ranking: Mapping[str, Sequence[str]]
    preparing: float = 0.0
    asking: float = 0.0

    def cut(self, depth: int) -> "Run":
        """The same, to that many documents a query."""
        ranking = {query: documents[:depth] for query, documents in self.ranking.items()}
        return Run(system=self.system, ranking=ranking, preparing=self.preparing, asking=self.asking)


def scored(run: Run) -> dict[str, dict[str, float]]:
    """The ranking as scores that fall strictly, so that no tool has a tie to break."""
    return {
        query: {document: float(len(documents) - place) for place, document in enumerate(documents)}
        for query, documents in run.ranking.items()
    }


def write(run: Run, path: Path) -> None:
    """`query Q0 document rank score system`, queries by id. The file is whole or not there."""
    lines = [
        f"{query} Q0 {document} {place} {score:g} {run.system.replace(' ', '-')}\n"
        for query, found in sorted(scored(run).items())
        for place, (document, score) in enumerate(found.items(), 1)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text("".join(lines), "utf-8")
    unfinished.replace(path)
