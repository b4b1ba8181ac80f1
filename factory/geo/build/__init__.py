"""Builds the data of the gazetteer from registry packages: `python -P -m factory.geo.build`. Imports shapely."""
