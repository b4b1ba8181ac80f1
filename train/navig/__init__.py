"""NAVIG at inference: a REASONER, a SEARCHER with parts that are switched one by one, and a GUESSER.

    factory navig RELEASE --url http://localhost:8000/v1 --model NAME --out run --preset navig --ablation

Reading order: `questions` (what is asked), `boxes` (where to look), `guidebook` and `maps` (what is looked up), `run`
(all of it, for photos whose truth nobody here knows), `ablation` (runs compared).
"""
