"""One honest evaluator: of places, of confidence, of reasoning, of retrieval. numpy and polars, no torch.

    from train.evaluate.evaluation import evaluate
    from train.evaluate.presets import PRESETS
    done = evaluate(truth, predictions, PRESETS["osv5m"])
    done.table, done.rules

Reading order: `presets` (the rules), `predictions` and `truth` (what is read), `places` and `distances`, `scores`,
`significance`, `calibration`, `breakdown`, `evaluation` (all of it at once).
"""
