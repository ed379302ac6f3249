"""What is known of each candidate, in columns of 0 to 1 that are comparable across queries."""

import numpy as np

from matcher.encoding import FloatArray
from matcher.network import Entry, Side
from matcher.records import Kind
from matcher.retrieval import Found

NAMES = ("similarity", "shared", "theme", "resource", "closeness", "profile")
FADES_KM = 40.0  # at this distance closeness has fallen to 1/e
UNKNOWN = 0.85  # what nobody said speaks little against
REMOTE = 0.7  # distance, where one side works at a distance


def features(entry: Entry, side: Side, found: Found) -> FloatArray:
    """One row for each candidate, one column for each of `NAMES`."""
    rows = found.rows
    _, kilometres = side.places(entry.places)
    near = np.exp(-kilometres[rows] / FADES_KM)
    closeness = np.where(np.isnan(near), UNKNOWN, near)
    remote = side.remote[rows] | entry.remote
    profile = side.profiles[rows] | (entry.listing.kind is Kind.PROFILE)
    same_theme = (side.theme_bits[rows] & entry.theme_bits) != 0
    themes_known = side.states_themes[rows] & bool(entry.listing.themes)  # read out of a text, they may not be all
    same_resource = side.resources[rows] == entry.listing.resource
    resources_known = (side.resources[rows] != "") & (entry.listing.resource != "")
    columns = (
        np.clip(found.similarity, 0, 1),
        np.clip(found.shared, 0, 1),
        np.where(themes_known | same_theme, same_theme, UNKNOWN),
        np.where(resources_known, same_resource, UNKNOWN),
        np.where(remote, np.maximum(REMOTE, closeness), closeness),
        profile,
    )
    return np.stack(columns, axis=1).astype(np.float32)
