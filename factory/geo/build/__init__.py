"""Builds the data of the gazetteer from registry packages: `python -m factory.geo.build`. Imports shapely."""
