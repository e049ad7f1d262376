"""Records: explanations on disk and back, and a run's arrays over its epochs."""
