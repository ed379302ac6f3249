"""Puts the artefacts into a standard wheel only: an editable install reads them in the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKED = "matcher/_artefacts"
FOLDERS = ("models", "data/benchmark", "data/columns", "data/example", "data/vocabulary")


class ArtefactsHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":  # the other one is "editable"
            build_data["force_include"].update({folder: f"{PACKED}/{folder}" for folder in FOLDERS})
