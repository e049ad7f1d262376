"""Records: writing explanations to disk and reading them back, and a run's arrays over its epochs."""
