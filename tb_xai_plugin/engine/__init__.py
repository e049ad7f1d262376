"""The engine: probes and a model become explanations."""
