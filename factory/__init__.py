"""Geo-reasoning data factory: a recipe turns geotagged images into a released dataset whose every label can be explained."""

from __future__ import annotations
