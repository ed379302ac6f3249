"""The report's plots, each an `<svg>` to stand inside a page, in that page's colours and letters.

`salt` keeps the ids of one plot apart from those of others on the page; the same input gives the same text.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evaluation.comparing import Difference
from evaluation.evaluating import SystemFigures
from evaluation.measures import NDCG
from evaluation.serving import Calibration, Sharing
from evaluation.systems import COMMONWEAL, MUST_FAIL

INK, QUIET, RULE, SHEET, GREEN, EDGE = "#1d2321", "#55605b", "#d8d5cb", "#fffefb", "#2f5648", "#7c857f"
_OF_PAGE = {INK: "ink", QUIET: "quiet", RULE: "rule", SHEET: "sheet", GREEN: "green", EDGE: "edge"}
"""The light page's colours, and the custom properties that hold them, so that the dark page has its own."""

WIDTH = 310.0  # points, as are all lengths here; the page scales them
ROW = 21.0
LETTERS = 22  # of a row's name
_SETTINGS = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": EDGE,
    "axes.labelcolor": QUIET,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": EDGE,
    "xtick.labelcolor": QUIET,
    "ytick.color": EDGE,
    "ytick.labelcolor": QUIET,
}
_SPOILT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

Draw = Callable[[Axes], None]


def printable(text: str) -> str:
    """The text, with a replacement mark for what HTML and SVG may not hold: control characters, halves of pairs."""
    return _SPOILT.sub("\N{REPLACEMENT CHARACTER}", text)


def clipped(text: str, letters: int) -> str:
    """On one line of at most that many letters."""
    text = " ".join(text.split())
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def systems(shown: Sequence[SystemFigures], salt: str) -> str:
    """Each system's nDCG@10 with its interval, best first."""
    rows = sorted(_measured(shown), key=lambda one: -one.measures[NDCG].mean)
    if not rows:
        return ""

    def draw(axes: Axes) -> None:
        for row, one in enumerate(rows):
            figure, ours = one.measures[NDCG], one.system == COMMONWEAL
            interval(axes, row, (figure.mean, figure.low, figure.high), GREEN if ours else INK, _marker(one.system))
            axes.text(1.03, row, f"{figure.mean:.3f}", transform=axes.get_yaxis_transform(), va="center")
        axes.set_xlim(0, min(1.0, math.ceil(max(one.measures[NDCG].high for one in rows) * 10 + 0.01) / 10) or 1.0)
        axes.set_xlabel(NDCG)
        name_rows(axes, [one.system for one in rows])
        for label, one in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if one.system == COMMONWEAL else "normal")

    told = ", ".join(f"{one.system} {one.measures[NDCG].mean:.3f}" for one in rows)
    return drawn(draw, salt, f"{NDCG} of each system: {told}.", len(rows) * ROW, left=84, right=40)


def forest(rows: Sequence[tuple[str, Difference]], salt: str) -> str:
    """Differences to the reference, the first row being all queries: its interval is the band behind the others."""
    rows = [(name, gap) for name, gap in rows if math.isfinite(gap.mean)]
    if not rows:
        return ""
    overall = rows[0][1]
    telling = [gap for _, gap in rows if gap.tells] or [gap for _, gap in rows]
    reach = 1.08 * max(0.01, *(abs(end) for gap in telling for end in (gap.low, gap.high, gap.mean)))

    def draw(axes: Axes) -> None:
        axes.set_xlim(-reach, reach)
        axes.axvspan(overall.low, overall.high, color=RULE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=EDGE, linewidth=1, linestyle=(0, (4, 3)))
        for row, (_, gap) in enumerate(rows):
            colour, shape = (GREEN if not row else INK, "s" if not row else "o") if gap.tells else (EDGE, "hollow")
            if abs(gap.mean) <= reach:
                interval(axes, row, (gap.mean, max(gap.low, -reach), min(gap.high, reach)), colour, shape)
            told = f"{gap.mean:+.3f} ({gap.queries})" if gap.tells else f"too few ({gap.queries})"
            place = axes.get_yaxis_transform()
            axes.text(1.03, row, told, transform=place, va="center", fontsize=9.5, color=INK if gap.tells else QUIET)
        axes.set_xlabel("worse ← difference → better")
        name_rows(axes, [name for name, _ in rows])
        for label, (_, gap) in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_color(INK if gap.tells else QUIET)
            label.set_fontsize(9.5)

    said = (
        f"Difference to the hybrid over all queries {overall.mean:+.3f}, from {overall.low:+.3f} to {overall.high:+.3f}"
    )
    return drawn(draw, salt, f"{said}; {len(rows) - 1} slices below it.", len(rows) * ROW, left=116, right=70)


def reliability(found: Calibration, salt: str) -> str:
    """Fit against the share that deserved a yes, each dot as large as its number of pairs."""
    if not found.bins:
        return ""
    most = max(one.pairs for one in found.bins)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=EDGE, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot([one.fit for one in found.bins], [one.yes for one in found.bins], color=GREEN, linewidth=1)
        for one in found.bins:
            size = 4 + 12 * math.sqrt(one.pairs / most)
            axes.plot([one.fit], [one.yes], "o", color=GREEN, markersize=size, clip_on=False)
        axes.text(0.86, 0.93, "kept its word", ha="right", color=QUIET, fontsize=9.5)
        square(axes, "fit", "share that deserved a yes")

    said = f"Expected calibration error {found.error:.3f} over {found.pairs} judged pairs"
    return drawn(draw, salt, f"{said}, in {len(found.bins)} bins of fit.", 250, left=54, right=16)


def lorenz(found: Sharing, salt: str) -> str:
    """What share of suggestions the least suggested share of organisations get."""
    if len(found.lorenz) < 2:
        return ""
    steps = [step / (len(found.lorenz) - 1) for step in range(len(found.lorenz))]

    def draw(axes: Axes) -> None:
        axes.fill_between(steps, found.lorenz, steps, color=RULE, alpha=0.6, linewidth=0)
        axes.plot([0, 1], [0, 1], color=EDGE, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(steps, found.lorenz, color=GREEN, linewidth=2)
        axes.text(0.55, 0.65, "all alike", ha="right", color=QUIET, fontsize=9.5)
        square(axes, "organisations, least suggested first", "share of suggestions")

    half = found.lorenz[(len(found.lorenz) - 1) // 2]
    said = f"The less suggested half of organisations get {half:.0%} of suggestions; Gini {found.gini:.2f}."
    return drawn(draw, salt, said, 250, left=54, right=16)


def quality_by_time(shown: Sequence[SystemFigures], salt: str) -> str:
    """nDCG@10 against milliseconds a query, which rise tenfold from mark to mark."""
    rows = sorted((one for one in _measured(shown) if one.asking > 0), key=lambda one: -one.measures[NDCG].mean)
    if not rows:
        return ""

    def draw(axes: Axes) -> None:
        best = max(0.1, rows[0].measures[NDCG].mean)
        places = _apart([one.measures[NDCG].mean for one in rows], gap=best * 1.1 / 13)
        axes.set_xscale("log")
        times = [one.asking * 1000 for one in rows]
        axes.set_xlim(10 ** math.floor(math.log10(min(times) * 0.8)), 10 ** math.ceil(math.log10(max(times) * 1.2)))
        axes.set_ylim(min(0.0, places[-1]) - best / 20, best * 1.1)
        for one, place, time in zip(rows, places, times, strict=True):
            colour, mean = GREEN if one.system == COMMONWEAL else INK, one.measures[NDCG].mean
            edge = axes.get_xlim()[1]
            axes.plot([time, edge, edge * 1.01], [mean, place, place], color=RULE, linewidth=1, clip_on=False, zorder=1)
            dot(axes, time, mean, colour, _marker(one.system))
            weight = "bold" if one.system == COMMONWEAL else "normal"
            axes.text(1.02, place, one.system, transform=axes.get_yaxis_transform(), va="center", fontweight=weight)
        axes.set_xlabel("milliseconds a query")
        axes.set_ylabel(NDCG)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)

    told = ", ".join(f"{one.system} {one.measures[NDCG].mean:.3f} in {one.asking * 1000:.1f} ms" for one in rows)
    return drawn(draw, salt, f"{NDCG} and time a query: {told}.", 210, left=46, right=84)


def _measured(shown: Sequence[SystemFigures]) -> list[SystemFigures]:
    return [one for one in shown if NDCG in one.measures and math.isfinite(one.measures[NDCG].mean)]


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Falling places, each moved down as little as keeps it `gap` below the one before."""
    moved: list[float] = []
    for place in places:
        moved.append(min(place, moved[-1] - gap) if moved else place)
    return moved


def _marker(system: str) -> str:
    return "s" if system == COMMONWEAL else "hollow" if system in MUST_FAIL else "o"


def interval(axes: Axes, row: int, ends: tuple[float, float, float], colour: str, shape: str) -> None:
    """A mean with what it lies between, in a row of its own."""
    mean, low, high = ends
    axes.plot([low, high], [row, row], color=colour, linewidth=1.5, solid_capstyle="butt", zorder=2)
    dot(axes, mean, row, colour, shape)


def dot(axes: Axes, x: float, y: float, colour: str, shape: str) -> None:
    """A square, a disc, or a ring where `shape` is hollow."""
    inside, marker = (SHEET, "o") if shape == "hollow" else (colour, shape)
    axes.plot([x], [y], marker, color=colour, markerfacecolor=inside, markersize=6, clip_on=False, zorder=3)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Rows from the top down, with their names on the left."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [clipped(printable(name), LETTERS) for name in names])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def square(axes: Axes, below: str, beside: str) -> None:
    """Axes from 0 to 1 with their names."""
    percent = FuncFormatter(lambda value, _: f"{value:.0%}")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=below, ylabel=beside)
    axes.yaxis.set_major_formatter(percent)
    if below != "fit":
        axes.xaxis.set_major_formatter(percent)


def drawn(draw: Draw, salt: str, says: str, height: float, *, left: float, right: float) -> str:
    """An `<svg>` with room for axes of that height, `left` and `right` of them kept free for words."""
    top, bottom = 8.0, 38.0
    whole = top + height + bottom
    with style.context(["default", _SETTINGS | {"svg.hashsalt": salt}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser has the letters that matplotlib's font has not
        figure = Figure(figsize=(WIDTH / 72, whole / 72), facecolor="none")
        draw(figure.add_axes((left / WIDTH, bottom / whole, (WIDTH - left - right) / WIDTH, height / whole)))
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _for_a_page(written.getvalue(), says)


def _for_a_page(svg: str, says: str) -> str:
    """The drawing without what it needs as a file of its own; ids stay only where something points to them."""
    root = ElementTree.fromstring(svg)  # noqa: S314  # written by matplotlib just now
    wanted = set(re.findall(r"#([\w-]+)", svg))
    for parent in root.iter():
        parent.tag = parent.tag.rpartition("}")[2]
        for name, value in list(parent.attrib.items()):
            if name == "id" and value not in wanted:
                del parent.attrib[name]
            elif name.endswith("}href"):
                parent.set("href", parent.attrib.pop(name))
            elif name == "style":
                parent.set(name, _in_the_pages_colours(value))
        for child in [child for child in parent if child.tag.rpartition("}")[2] in ("metadata", "style")]:
            parent.remove(child)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": printable(says), "class": "plot"}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _in_the_pages_colours(style_of_one: str) -> str:
    for colour, name in _OF_PAGE.items():
        style_of_one = style_of_one.replace(colour, f"var(--{name})")
    return style_of_one
