"""Arrays, tensors and frames from users: converted, checked, and given back in their own kind."""
