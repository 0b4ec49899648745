"""The search for a schedule and its stop: folds, candidates, scores, results."""
