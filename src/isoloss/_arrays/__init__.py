"""Convert and check users' arrays, tensors and frames, and return results in the same kind."""
