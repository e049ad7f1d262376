"""Pictures of attributions, from numbers alone: figures of matplotlib in the tab's colours, and HTML for notebooks."""
