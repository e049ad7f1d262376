"""TensorBoard's side: routes over runs, and the page."""
