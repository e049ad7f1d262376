"""The serving side: TensorBoard's routes over runs, and the page's files."""
