"""What is known of each candidate, in columns of 0 to 1 that are comparable across queries."""

import numpy as np

from matcher.encoding import FloatArray
from matcher.network import Entry, Side
from matcher.records import Kind
from matcher.retrieval import Found

NAMES = ("prominence", "nearness", "theme", "resource", "closeness", "profile")
PROMINENT = 10.0  # a fused score, in standard deviations, beyond which more tells nothing
BEST = 3  # candidates that tell how near a question finds anything at all
FADES_KM = 20.0  # at this distance between two areas closeness has fallen to 1/e
UNSAID_RESOURCE = 0.6  # of an agreement, where one side does not say what kind of thing it is about
UNSAID_PLACE = 0.85
REMOTE = 0.7  # distance, where one side works at a distance


def features(entry: Entry, side: Side, found: Found) -> FloatArray:
    """One row for each candidate, one column for each of `NAMES`.

    `nearness` is the question's own, the same for all its candidates: it leaves their order alone and makes their fit
    comparable with other questions'.
    """
    rows = found.rows
    near = np.exp(-side.gaps(entry.places, rows) / FADES_KM)
    closeness = np.where(np.isnan(near), UNSAID_PLACE, near)
    remote = side.remote[rows] | entry.remote
    profile = side.profiles[rows] | (entry.listing.kind is Kind.PROFILE)
    somebody_said = side.states_themes[rows] | bool(entry.listing.themes)  # two guesses from two texts are no theme
    same_theme = somebody_said & ((side.theme_bits[rows] & entry.theme_bits) != 0)
    same_resource = side.resources[rows] == entry.listing.resource
    resources_known = (side.resources[rows] != "") & (entry.listing.resource != "")
    nearest = np.sort(found.similarity)[-BEST:]
    columns = (
        np.clip(found.score / PROMINENT, 0, 1),
        np.full(len(rows), np.clip(nearest.mean(), 0, 1) if len(rows) else 0),
        same_theme,
        np.where(resources_known, same_resource, UNSAID_RESOURCE),
        np.where(remote, np.maximum(REMOTE, closeness), closeness),
        profile,
    )
    return np.stack(columns, axis=1).astype(np.float32)
