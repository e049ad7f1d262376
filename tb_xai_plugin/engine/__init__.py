"""The engine: it turns probes and a model into explanations."""
