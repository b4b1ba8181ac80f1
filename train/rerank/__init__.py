"""Reranking of retrieved candidates by a vision-language model: pointwise, pairwise, by a tournament.

    factory rerank lists.jsonl --url http://localhost:8000/v1 --model NAME --method pairwise --out better.jsonl

Reading order: `candidates` (what is read), `shares` (scores from log probabilities), `questions` (what is asked),
`order` (sorting by a comparison that somebody has to be asked for), `run` (all of it, and the table).
"""
