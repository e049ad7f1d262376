"""Models: a Keras model or a callable becomes one fast function of masked inputs; the only room that names a framework."""
